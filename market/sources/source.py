"""What a source is: ticks, one after the other, and what else it can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Protocol

from market.tick import MarketError, Tick


class SourceError(MarketError):
    """A source that cannot be understood or read; the text names the file and line where there is one."""


class Followed(Protocol):
    """Another market's t, which a source of its ticks tells before the first of them is taken."""

    def first(self) -> Tick | None:
        """The tick with which a new run begins, if it is at hand; it is still to come."""

    def begin_behind(self, checkpoint: str) -> None:
        """Give next what comes behind a checkpoint's place, or another recording from its beginning."""


class Source(ABC):
    """An endless or finite run of ticks with rising `t`, each with `ts` or without.

    What a source can do beside that it says here, so that nobody has to ask for its class.
    """

    name: str
    #: Whether ticks that were lost can be made again, exactly, from a checkpoint.
    replayable = False
    #: Whether ticks come when they come, and no setting makes them come faster or slower.
    sets_pace = False
    #: Whether no more will come because they would be of another recording, of which a new run can be made.
    replaced = False
    #: Where the ticks are another market's, its t.
    followed: Followed | None = None

    @abstractmethod
    def __iter__(self) -> Iterator[Tick]: ...

    def checkpoint(self) -> str:
        """Where the source stands, as text; only of a replayable source."""
        raise NotImplementedError

    def restore(self, checkpoint: str) -> None:
        """Go on from a checkpoint: the next tick is the one that came next then. Raises MarketError."""
        raise NotImplementedError

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the next tick, so many seconds at most; whether it is at hand. Raises SourceError."""
        return True

    def close(self) -> None:  # noqa: B027 - most have nothing to let go of
        """Let go of what the source holds. May be called from any thread."""
