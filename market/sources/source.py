"""The interface of a source: ticks, one after the other, and its optional abilities."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Protocol

from market.agent_ids import AgentIds, InMemoryAgentIds
from market.model.substrate import PRICE_LOW, PRICE_SPAN
from market.tick import MarketError, Tick


class SourceError(MarketError):
    """A source that cannot be parsed or read; the text names the file and line, if there is one."""


class Followed(Protocol):
    """Another market's t, which a source of its ticks gives before the first of them is taken."""

    def first(self) -> Tick | None:
        """The tick with which a new run begins, if it is at hand; it is still to come."""

    def begin_behind(self, checkpoint: str) -> None:
        """Continue after a checkpoint's place, or with another recording from its beginning."""


class Source(ABC):
    """An endless or finite sequence of ticks with rising `t`, each with or without `ts`.

    A source declares its further abilities here, so that callers need not check its class.
    """

    name: str
    #: Whether ticks that were lost can be made again, exactly, from a checkpoint.
    replayable = False
    #: Whether it goes on behind what is recorded, since its past cannot be made again: `resume_after`.
    resumes = False
    #: Whether ticks come when they come, and no setting makes them come faster or slower.
    sets_pace = False
    #: Whether no more will come because they would be of another recording, of which a new run can be made.
    replaced = False
    #: Whether ticks cost nothing but time: a market of them may begin with a past.
    head_start = False
    #: Where the ticks are another market's, its t.
    followed: Followed | None = None
    #: Gives named agents their ids. A source whose ticks depend on ids asks it; the store's register replaces it before
    #: anything is read.
    agent_ids: AgentIds

    #: The prices at `price_norm` 0 and 1, None while unknown, at most until the first tick is given. By default what
    #: the simulator's ticks mean, and with them tapes and streams that do not say otherwise.
    price_range: tuple[float, float] | None = (PRICE_LOW, PRICE_LOW + PRICE_SPAN)

    def __init__(self) -> None:
        self.agent_ids = InMemoryAgentIds()

    @abstractmethod
    def __iter__(self) -> Iterator[Tick]: ...

    def checkpoint(self) -> str:
        """The position of the source, as text; only of one that is replayable or resumes."""
        raise NotImplementedError

    def restore(self, checkpoint: str) -> None:
        """Go on from a checkpoint: the next tick is the one that came next then. Raises MarketError."""
        raise NotImplementedError

    def take_over(self, checkpoint: str, recorded: Iterable[Tick]) -> bool:
        """Take over what earlier runs of a store leave to a new one, before anything is read.

        `checkpoint` is of some source, `recorded` are the ticks since then. Returns False where it says nothing of
        that, and an older one may.
        """
        return True

    def resume_after(self, recorded: Iterable[Tick], t: int, *, new_run: bool = False) -> None:
        """Go on, from the checkpoint that was restored, behind the ticks it gave since then, with t above `t`.

        `recorded` are those of these ticks that are on the tape, with the t that they had; some may be lost. What
        happened since the last of them and cannot be had any more is a jump in t. A new run may have another price
        range. Only of a source that resumes; one that begins counts from 0.
        """
        raise NotImplementedError

    @property
    def has_checkpoints(self) -> bool:
        """Whether it can say where it is."""
        return self.replayable or self.resumes

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the next tick, at most this long; returns whether it has arrived. Raises SourceError."""
        return True

    def is_quiet(self) -> bool:
        """Whether it knows, while no tick comes, that nothing happens in its market."""
        return False

    def close(self) -> None:  # noqa: B027 - most have nothing to let go of
        """Release the resources of the source. May be called from any thread."""
