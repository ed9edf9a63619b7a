"""The page's words in every language: complete, and compiled."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

from django.utils import translation

from streaming.http.ui_texts import TEXTS
from tests.test_layers import LAYERS

ROOT = Path(__file__).resolve().parents[2]


def test_the_compiled_files_are_those_of_their_sources() -> None:
    ran = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "translate.py"), "--check"], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr


@cache
def words() -> dict[str, str]:
    """Every text of the page and of the admin by its English words, in Chinese."""
    paths = [
        *(ROOT / "templates").glob("*.html"),
        *(path for package in LAYERS for path in (ROOT / package / "templates").rglob("*.html")),
    ]
    templates = "".join(path.read_text() for path in paths)
    english = [str(text) for text in TEXTS.values()] + re.findall(r'{% translate "([^%]*)" %}', templates)
    with translation.override("zh-hans"):
        calls = calls_in_modules()
        plain = {text: translation.gettext(text) for text in [*english, *marked(calls, 1)]}
        return plain | {one: translation.ngettext(one, many, 1) for one, many in marked(calls, 2)}


def calls_in_modules() -> list[ast.Call]:
    paths = [path for package in LAYERS for path in (ROOT / package).rglob("*.py")]
    return [node for path in paths for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]


def marked(calls: list[ast.Call], words: Literal[1, 2]) -> Iterator[Any]:
    """What modules mark to be translated: a text, or one for one and one for many."""
    names = {1: {"_", "gettext", "gettext_lazy"}, 2: {"ngettext"}}[words]
    for call in calls:
        texts = [one.value for one in call.args[:words] if isinstance(one, ast.Constant)]
        if isinstance(call.func, ast.Name) and call.func.id in names and len(texts) == words:
            yield texts[0] if words == 1 else tuple(texts)


def test_every_text_is_translated() -> None:
    assert [text for text, chinese in words().items() if text == chinese] == []


def test_a_translation_has_the_values_of_its_text() -> None:
    for text, chinese in words().items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", chinese)), text


def test_every_text_that_a_module_names_is_there() -> None:
    modules = (ROOT / "streaming" / "static" / "streaming").glob("*/*.js")
    named = {name for path in modules for name in re.findall(r'\btext\("(\w+)"', path.read_text())}
    assert named
    assert named <= set(TEXTS)
