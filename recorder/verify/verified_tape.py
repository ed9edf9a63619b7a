"""A tape after a verification: the segments that can be relied on, and the t that are gone with others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from recorder.segment.listing import Copy
from recorder.spans import Span, between, merged


class Held(NamedTuple):
    """A finished segment that can be read; `run_id` is its run's, None if unknown.

    `copy` is read where its file is not on the disk.
    """

    name: str
    run_id: int | None
    start_t: int
    end_t: int
    copy: Copy | None = None


@dataclass(slots=True)
class VerifiedTape:
    """The result for one kind.

    `told` are the t of its messages and gap lines, `gaps` those of the latter alone, `gone` those that were or may have
    been in segments that cannot be read. `open`: there is a pending segment, which was not checked.
    """

    held: list[Held] = field(default_factory=list)
    told: list[Span] = field(default_factory=list)
    gaps: list[Span] = field(default_factory=list)
    gone: list[Span] = field(default_factory=list)
    end_t: int = -1
    open: bool = False
    _gone_to: int | None = None

    def keep(self, segment: Held, told: list[Span], gaps: list[Span]) -> None:
        """Add the next segment, which can be read."""
        self._bring_up_to(segment.start_t - 1)
        self.held.append(segment)
        self.told = merged([*self.told, *told, *gaps])
        self.gaps = merged([*self.gaps, *gaps])
        self.end_t = max(self.end_t, segment.end_t)

    def lose(self, end_t: int) -> None:
        """Add the next segment, up to `end_t`, which cannot be read.

        The t around it that its gap lines covered are unknown.
        """
        self._gone_to = end_t if self._gone_to is None else max(end_t, self._gone_to)

    def end(self) -> None:
        """Finish: no segment follows."""
        if self._gone_to is not None:
            self._bring_up_to(self._gone_to)

    def holes(self) -> list[Span]:
        """The t between the first and the last message that nothing covers."""
        return between([*self.told, *self.gone])

    def is_behind(self, t: int) -> bool:
        """Whether a message of t may be in the pending segment."""
        return self.open and t > self.end_t

    def _bring_up_to(self, last_t: int) -> None:
        if self._gone_to is not None and last_t > self.end_t:
            self.gone.append((self.end_t + 1, last_t))
        self._gone_to = None
