"""Columns of the admin's lists: numbers with their thousands apart, times as every list writes them, plain words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from runtime.admin_words import Words, in_every_language

#: What stands where there is nothing to tell.
NOTHING = "–"

Column = Callable[[Any], str]


def number(field: str, title: Words | None = None, *, sorts: bool = True) -> Column:
    """A number with all its digits: 1,230,747,000."""
    return _column(field, title, lambda value: f"{value:,}".removesuffix(".0"), sorts)


def price(field: str) -> Column:
    """A price with all its digits, and at least two decimals so that they stand under each other: 50,119.40."""
    return _column(field, None, lambda value: max(f"{value:,}", f"{value:,.2f}", key=len), sorts=False)


def size(field: str, title: Words | None = None, *, sorts: bool = True) -> Column:
    """A number of bytes: 7.3 MB."""
    return _column(field, title, filesizeformat, sorts)


def flag(field: str, word: Words, other: Words = NOTHING, *, sorts: bool = True) -> Column:
    """A word where the field is true, and nothing to alarm anybody where it is not: a red cross would."""
    return _column(field, None, lambda value: str(word if value else other), sorts)


def time(field: str, title: Words | None = None) -> Column:
    """A time that the database has as such, in UTC."""
    return _column(field, title, lambda value: _in_one_line(f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"))


def milliseconds(field: str, title: Words | None = None) -> Column:
    """A time in Unix milliseconds, in UTC."""
    return _column(field, title, lambda value: _in_one_line(time_text(value)))


def seconds(field: str, title: Words | None = None) -> Column:
    """A time in Unix seconds, in UTC."""
    return _column(field, title, lambda value: _in_one_line(time_text(1000 * value)))


def time_text(ms: float) -> str:
    """A time in Unix milliseconds in readable form, in UTC; unchanged if it is no valid date."""
    try:
        return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return f"{ms} ms"


def _in_one_line(text: str) -> SafeString:
    return format_html("<time>{}</time>", text)


def links(*addresses: tuple[Words, str]) -> SafeString:
    """Links side by side, each a word and its address."""
    each = (format_html('<a href="{}">{}</a>', address, word) for word, address in addresses)
    return format_html_join(" · ", "{}", ((link,) for link in each))


def _column(field: str, title: Words | None, text: Callable[[Any], str], sorts: bool = True) -> Column:
    """Under the name of the field, by which the style sheet aligns it. Where a list may have a million rows, it `sorts`
    by fields with an index alone.
    """

    def column(row: Any) -> str:
        value = getattr(row, field)
        return NOTHING if value is None else text(value)

    column.__name__ = field
    words: Any = in_every_language(title or field.replace("_", " "))
    return admin.display(column, description=words, ordering=field if sorts else None)
