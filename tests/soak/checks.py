"""What a run is judged by: each check with its rule, and what was found against it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: Of each check, by its name: the rule.
RULES = {
    "kills": "After many kill -9 of one market its tapes are those of a run that nothing interrupted, byte for byte.",
    "streams": "Of what a client asked for each t came once, in order, with the content that is on tape; or a gap told"
    " exactly what did not come.",
    "arrival": "Each client connected, and came to the newest t when the faults were over.",
    "bars": "Each bar came once, in order and unchanged, and is that of the ticks on tape.",
    "subscriptions": "No price of the past, no alert twice on a connection, no channel refused.",
    "answers": "No HTTP status but those of the protocol; pages, ranges, tables and files whole.",
    "backtests": "Each ends, as done unless its worker was killed.",
    "tapes": "`verify --deep` finds no fault in any market.",
    "uninterrupted": "The tapes of each market are those of a run of its seed that nothing interrupted, byte for byte.",
    "bucket": "All finished segments are in the bucket, with the lines of those on the disk.",
    "memory": "Resident memory of each part is flat over the second half.",
    "descriptors": "Descriptors of each part, less its clients' connections, are flat over the second half.",
    "threads": "Threads of each part are flat over the second half.",
    "logs": "No traceback in any log.",
    "lives": "No part ends but by a kill, and each in good order when it is asked to.",
    "run": "The run came to its end, and nothing went wrong with its own machinery.",
}
#: The sorts of clients whose violations belong to a check; those of all others are of streams.
_SORTS = {
    **dict.fromkeys(("bars", "sdk feed", "sdk price"), "bars"),
    **dict.fromkeys(("looker", "page", "incremental", "range", "download", "export", "hostile"), "answers"),
    **{"subscribe": "subscriptions", "backtest": "backtests", "harness": "run"},
}
_ARRIVAL = ("never caught up", "never connected")


@dataclass
class Check:
    """One line of the verdict."""

    name: str
    facts: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    is_judged: bool = False

    @property
    def status(self) -> str:
        """`failed`, `held`, or `not judged` where a run ended before it was its turn or was too short for it."""
        return "failed" if self.found else "held" if self.is_judged else "not judged"

    def told(self) -> dict[str, Any]:
        rule = RULES[self.name]
        return {"check": self.name, "status": self.status, "rule": rule, "facts": self.facts, "found": self.found}


class Checks:
    """All of them, in the order of their rules."""

    def __init__(self) -> None:
        self._checks = {name: Check(name) for name in RULES}

    def __getitem__(self, name: str) -> Check:
        return self._checks[name]

    def fail(self, name: str, text: str) -> None:
        self._checks[name].found.append(text)

    def judged(self, name: str, *facts: str, found: list[str] | None = None) -> None:
        """A check was carried through, with these facts beside what was found."""
        check = self._checks[name]
        check.is_judged = True
        check.facts += facts
        check.found += found or []

    @property
    def violations(self) -> list[str]:
        return [f"{check.name}: {text}" for check in self._checks.values() for text in check.found]

    def told(self) -> list[dict[str, Any]]:
        return [check.told() for check in self._checks.values()]


def check_of(client: str, what: str) -> str:
    """The check that a client's violation belongs to; clients are called `sort number`."""
    if what in _ARRIVAL:
        return "arrival"
    return _SORTS.get(client.rstrip("0123456789 "), "streams")
