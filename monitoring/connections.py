"""The admission of connections of this process, which its server reports here: the server is above this package."""

from __future__ import annotations

from typing import Protocol


class Limits(Protocol):
    @property
    def total(self) -> int: ...
    @property
    def sockets(self) -> int: ...
    @property
    def requests(self) -> int: ...


class Counted(Protocol):
    @property
    def open(self) -> int: ...


class Admitted(Protocol):
    """Who is connected (`server.admission.admission.Admission`)."""

    open: int
    sockets: int

    @property
    def capacity(self) -> Limits: ...
    @property
    def requests(self) -> Counted: ...


_reported: list[Admitted] = []


def report(admitted: Admitted) -> None:
    """For the server, before it serves."""
    _reported[:] = [admitted]


def known() -> Admitted | None:
    """Those of this process; None where it serves nobody."""
    return _reported[0] if _reported else None
