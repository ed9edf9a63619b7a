"""The admin's pages for tokens: issue one, shown once, and revoke."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.login import LoginForm, limited
from access.models import AuditEntry, Token
from access.scopes import DEFAULT, MEANING, scope_text
from access.secret import new_token
from access.tokens import keep, revoke
from runtime.admin_actions import Deed, asking
from runtime.admin_columns import number, time
from runtime.admin_read_only import ReadOnlyAdmin

admin.site.login_form = LoginForm
admin.site.password_change = limited(admin.site.password_change)  # type: ignore[method-assign, assignment]

_REVOKE = asking(
    Deed(
        name="revoke",
        description=_("Revoke: close its connections, let it in no more"),
        permission="change",
        consequence=_("Connections that use them close within seconds. A revoked token is never valid again."),
        done="revoked",
        may=lambda token: token.revoked_at is None,
        change=lambda _request, token: bool(revoke(Token.objects.filter(pk=token.pk))),
    )
)


_CHOICES = [(scope, _(meaning)) for scope, meaning in MEANING.items()]


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]
    """Scopes are chosen in boxes."""

    scopes = forms.MultipleChoiceField(
        choices=_CHOICES, initial=DEFAULT, widget=forms.CheckboxSelectMultiple, label=_("It permits")
    )

    def clean_scopes(self) -> str:
        return scope_text(self.cleaned_data["scopes"])


@admin.register(Token)
class TokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Tokens are added and revoked; issued ones are neither changed nor deleted."""

    form = TokenForm
    list_display = [
        "name",
        "prefix",
        "owner",
        "scopes",
        "state",
        time("created_at", _("created (UTC)")),
        time("expires_at", _("expires (UTC)")),
        time("last_used_at", _("last used (UTC)")),
    ]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter), "created_at"]
    list_select_related = ["owner"]
    search_fields = ["name", "prefix", "owner__username"]
    actions = [_REVOKE]

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.display(description=_("state"))
    def state(self, token: Token) -> str:
        return gettext(token.state)

    def get_fields(self, request: HttpRequest, obj: object = None) -> list[Any]:
        given = ["name", "owner", "scopes", "expires_at"]
        return given if obj is None else [*given, "prefix", "state", "created_at", "revoked_at", "last_used_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: object = None) -> list[str]:
        return [] if obj is None else self.get_fields(request, obj)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().get_changeform_initial_data(request), "owner": request.user.pk}

    def save_model(self, request: HttpRequest, obj: Token, form: Any, change: bool) -> None:
        if not change:
            text = new_token()
            keep(obj, text)
            request.token_text = text  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Token, post_url_continue: str | None = None) -> HttpResponse:
        """Show the token in this answer and nowhere else: a redirect would have to carry it in a cookie."""
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Token created"),
            "opts": self.opts,
            "token": obj,
            "token_text": request.token_text,  # type: ignore[attr-defined]
        }
        return TemplateResponse(request, "admin/access/token/created.html", context)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who used a token or signed in, newest first; nobody changes it."""

    list_display = [
        "day",
        "action",
        "who",
        "address",
        number("times"),
        time("first_at", _("first (UTC)")),
        time("last_at", _("last (UTC)")),
    ]
    list_filter = ["action", "day"]
    search_fields = ["who", "address"]
    # No hierarchy of dates: it has the database cut the day of each row, of which there may be 900,000.
    show_full_result_count = False
