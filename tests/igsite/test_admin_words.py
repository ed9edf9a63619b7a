"""Who asks for the admin in Chinese reads nothing in English on it but what rows hold: whatever is registered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from recorder.models import Segment
from tests.igsite.test_admin import fill

pytestmark = pytest.mark.django_db

#: What is the same in each language: names of files, commands, addresses; what is left of a password.
_NAMES = re.compile(r"`[^`]*`|\S*[/_]\S*|\S+\.(?:py|zst)\b|\S*\*{3,}", re.ASCII)
_ENGLISH = re.compile(r"[A-Za-z]*[a-z]{2}[A-Za-z]*")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")

#: Texts are not looked for in these: what the first two hold nobody reads, and the third is as its row has it.
_UNREAD = {"script", "style", "pre"}
#: The alternatives of pictures are Django's, which has them in English alone.
_SAID_BY = ("aria-label", "title", "placeholder")


class Texts(HTMLParser):
    """What a page says, in its title and below its header: texts, and those attributes that are seen or heard."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._within: list[str] = []
        self.feed(html[html.index("<title>") : html.index("</title>")])
        self.feed(html[html.index('<main id="content-start"') :])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self._within = [*self._within, tag] if tag in _UNREAD else self._within
        is_button = tag == "input" and told.get("type") in ("submit", "button", "reset")
        self.found += [told[name] or "" for name in (*_SAID_BY, *(("value",) if is_button else ())) if told.get(name)]

    def handle_endtag(self, tag: str) -> None:
        if self._within and tag == self._within[-1]:
            self._within.pop()

    def handle_data(self, data: str) -> None:
        if not self._within:
            self.found.append(data.strip())


def left_in_english(html: str, held: re.Pattern[str]) -> set[str]:
    """The texts of a page without a word of Chinese, though they are more than what rows hold."""
    texts = {text for text in Texts(html).found if not _CHINESE.search(text)}
    return {text for text in texts if _ENGLISH.search(_NAMES.sub("", held.sub("", text)))}


def test_what_is_left_in_english_is_found() -> None:
    html = (
        '<title>管理</title><main id="content-start"><h1>Pin 分段</h1><th>last t</th><td>a.b/c</td><script>let</script>'
    )
    html += '<a title="to it">robot</a><input type="submit" value="Go on"><p>on robot</p></main>'
    assert left_in_english(html, re.compile("robot")) == {"last t", "to it", "Go on", "on robot"}


@pytest.fixture
def chinese(client: Client, admin_user: Any) -> Client:
    """An operator whose browser asks for Chinese, before rows of everything."""
    for number in range(3):
        fill(number, admin_user)
    Segment.objects.update(pending=True)  # what is found to be wrong with a file is told as the command tells it
    client.force_login(admin_user)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "zh-CN"
    return client


def held() -> re.Pattern[str]:
    """What rows hold, as a pattern: the longest texts first."""
    rows = [row for model in apps.get_models() for row in model._default_manager.all()]
    texts = {str(row) for row in rows} | {text for row in rows for text in _texts_of(row)}
    return re.compile("|".join(map(re.escape, sorted(texts, key=len, reverse=True))))


def _texts_of(row: Model) -> Iterator[str]:
    for field in row._meta.concrete_fields:
        value = getattr(row, field.attname)
        if isinstance(value, str) and len(value) > 2 and not field.choices:
            yield value


def pages_of(client: Client, model: type[Model], page: admin.ModelAdmin[Any]) -> Iterator[HttpResponse]:
    """Each page that the admin has of a model: its list, with each filter chosen; its forms; its actions."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    row = model._default_manager.first()
    assert row is not None, f"{model} has no row to look at"
    yield client.get(reverse(f"{name}_changelist"))
    yield client.get(reverse(f"{name}_add"))
    for kind in ("change", "delete", "history"):
        yield client.get(reverse(f"{name}_{kind}", args=[row.pk]))
    for action in page.get_actions(client.get(reverse("admin:index")).wsgi_request):
        yield client.post(reverse(f"{name}_changelist"), {"action": action, "_selected_action": [row.pk]}, follow=True)


@pytest.mark.parametrize("label", [model._meta.label for model in admin.site._registry])
def test_no_page_of_a_model_is_left_in_english(chinese: Client, label: str) -> None:
    model = apps.get_model(label)
    pages = list(pages_of(chinese, model, admin.site.get_model_admin(model)))
    shown = [page.content.decode() for page in pages if page.status_code == 200]
    assert len(shown) >= 3
    rows = held()
    assert set().union(*(left_in_english(html, rows) for html in shown)) == set()


def test_nor_is_what_belongs_to_no_model(chinese: Client) -> None:
    for name in ("index", "password_change", "password_change_done"):
        assert left_in_english(chinese.get(reverse(f"admin:{name}")).content.decode(), held()) == set(), name


def test_a_created_token_is_told_in_chinese(chinese: Client) -> None:
    answer = chinese.post(reverse("admin:access_token_add"), {"name": "A", "scopes": ["read"]})
    assert answer.status_code == 200
    assert left_in_english(answer.content.decode(), held()) == set()
