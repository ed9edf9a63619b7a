"""The blocks of the admin's front page: each package registers what it tells an operator at a glance.

A block that cannot tell says so in its place; it never takes the page with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.contrib import admin
from django.db import DatabaseError, models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from runtime.admin_words import Words
from runtime.db_threads import UNAVAILABLE, close_connections
from runtime.unavailable import Unavailable

log = logging.getLogger(__name__)

#: How a thing stands, by which the style sheet colours it; "" is neither well nor not.
GOOD, WARN, BAD, QUIET = "good", "warn", "bad", "quiet"


class Cell(NamedTuple):
    """One cell of a block's table, or its headline."""

    text: Words
    tone: str = ""
    address: str = ""
    is_number: bool = False


class Meter(NamedTuple):
    """How far something is filled, in percent, and at which percentage something happens."""

    percent: float
    threshold: float
    label: Words


@dataclass(frozen=True, slots=True)
class Told:
    """What a block tells: a headline, a table of a few rows, and sentences below it."""

    headline: Cell
    heads: Sequence[Words] = ()
    rows: Sequence[Sequence[Cell]] = ()
    notes: Sequence[Words] = ()
    meter: Meter | None = None


class Block(NamedTuple):
    """A block: shown to whoever may view `model`, in the order of `place`, with a link to the list of `model`.

    `query` narrows that list. `tell` may raise what a database, a store or a bucket raises.
    """

    place: int
    name: str
    title: Words
    model: type[models.Model]
    tell: Callable[[], Told]
    query: str = ""
    needs_database: bool = True


@dataclass(frozen=True, slots=True)
class Shown:
    """A block as the page has it; `failure` is "" or the sentence that stands where the rest would."""

    name: str
    title: Words
    address: str
    told: Told | None = None
    failure: Words = ""


@dataclass(slots=True)
class FrontPage:
    """The blocks that the packages have registered."""

    blocks: list[Block] = field(default_factory=list)

    def add(self, block: Block) -> None:
        self.blocks.append(block)

    def shown(self, request: HttpRequest) -> Iterator[Shown]:
        """What this user may see, in order. A database that did not answer one block is not asked for the others."""
        is_away = False
        for block in sorted(self.blocks):
            if not _page_of(block).has_view_permission(request):
                continue
            shown = Shown(block.name, block.title, _address(block), failure=_away()) if is_away else None
            if shown is None or not block.needs_database:
                shown, is_away = _asked(block, is_away)
            yield shown


front_page = FrontPage()


def _asked(block: Block, is_away: bool) -> tuple[Shown, bool]:
    """The block, and whether the database is known to be away."""
    try:
        return Shown(block.name, block.title, _address(block), block.tell()), is_away
    except UNAVAILABLE as error:
        close_connections()
        log.warning("the front page of the admin: %s: the database is unavailable: %s", block.name, error)
        why, is_away = _away(), True
    except (OSError, Unavailable, DatabaseError) as error:
        log.warning("the front page of the admin: %s: %s", block.name, error)
        why = _("This cannot be read now: {why}").format(why=_reason(error))
    except Exception:
        log.exception("the front page of the admin: %s failed", block.name)
        why = _("This could not be told; the log of this process says why.")
    return Shown(block.name, block.title, _address(block), failure=why), is_away


def _away() -> str:
    return _("The database does not answer, so this is not known now. What is recorded and streamed goes on.")


def _reason(error: Exception) -> str:
    """In a few words: those of the operating system name the file, and may be long."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def ago(since: datetime, now: datetime) -> str:
    """How long ago a time was, in one unit: 12 s, 5 min, 3 h, 2 d."""
    return duration((now - since).total_seconds())


def duration(seconds: float) -> str:
    """A duration in the largest unit of which there are two or more."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.1f} s" if 0 < seconds < 9.95 else f"{max(seconds, 0):.0f} s"


def worst(tones: Iterable[str]) -> str:
    """The tone that an operator has to see."""
    found = set(tones)
    return next((tone for tone in (BAD, WARN, GOOD) if tone in found), QUIET)


def _page_of(block: Block) -> admin.ModelAdmin:  # type: ignore[type-arg]
    return admin.site.get_model_admin(block.model)


def _address(block: Block) -> str:
    options = block.model._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_changelist") + block.query
