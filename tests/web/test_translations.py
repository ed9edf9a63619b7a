"""The page's words in every language: complete, and compiled."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from django.utils import translation

from streaming.http.ui_texts import TEXTS

ROOT = Path(__file__).resolve().parents[2]


def test_the_compiled_files_are_those_of_their_sources() -> None:
    ran = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "translate.py"), "--check"], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr


def words() -> dict[str, str]:
    """Every text of the page by its English words, in Chinese."""
    templates = "".join(path.read_text() for path in (ROOT / "templates").glob("*.html"))
    english = [str(text) for text in TEXTS.values()] + re.findall(r'{% translate "([^%]*)" %}', templates)
    with translation.override("zh-hans"):
        return {text: translation.gettext(text) for text in english}


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
