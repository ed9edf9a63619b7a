"""The admin as a site: its name, its front page, and the language of whoever looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from runtime.admin_front import front_page
from runtime.admin_words import translate_names
from streaming.http import languages

View = Callable[..., HttpResponse]


class Site(AdminSite):
    """Django's admin under the product's name, with what an operator looks for on its front page."""

    site_header = site_title = "Market Camera"
    index_title = _("How it stands")
    site_url = "/live/"

    def register(
        self,
        model_or_iterable: type[Model] | Iterable[type[Model]],
        admin_class: type[ModelAdmin[Any]] | None = None,
        **options: Any,
    ) -> None:
        models = [model_or_iterable] if isinstance(model_or_iterable, type) else list(model_or_iterable)
        for model in models:
            translate_names(model)
        super().register(models, admin_class, **options)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {"blocks": list(front_page.shown(request)), **(extra_context or {})})

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        language = translation.get_language() or ""
        return {**super().each_context(request), "languages": languages.links(request, language)}

    def admin_view(self, view: View, cacheable: bool = False) -> View:  # type: ignore[override]
        return _in_own_language(super().admin_view(view, cacheable))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return _in_own_language(super().login)(request, extra_context)


def _in_own_language(view: View) -> View:
    """The view in the language of the request, as the page has it; its template is rendered within."""

    @wraps(view)
    def spoken(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        language = languages.language_of(request)
        with translation.override(language):
            answer = view(request, *args, **kwargs)
            if isinstance(answer, TemplateResponse):
                answer.render()
        return languages.mark(request, answer, language)

    return spoken
