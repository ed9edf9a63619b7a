"""The page `/docs/`: the same for every visitor but for its links to other languages, and made no more than once."""

from __future__ import annotations

import asyncio

import pytest
from django.test import AsyncRequestFactory

from contracts import page, views


@pytest.mark.parametrize(("language", "word"), [("en", "Contents"), ("zh-hans", "目录")])
def test_the_reference_is_made_once_for_all_visitors(monkeypatch: pytest.MonkeyPatch, language: str, word: str) -> None:
    made: list[object] = []
    monkeypatch.setattr(views, "reference", lambda: made.append(1) or page.reference())
    views._sheet.cache_clear()
    for n in range(3):
        asked = AsyncRequestFactory().get(f"/docs/?lang={language}&n={n}")
        answer = asyncio.run(views.docs(asked)).content.decode()  # type: ignore[arg-type]
        assert f"n={n}" in answer
        assert f"<summary>{word}</summary>" in answer
        assert '<a href="/openapi.json">' in answer
    assert len(made) == 1
