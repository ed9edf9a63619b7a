"""Deep verification: metrics and frames are made again from the recorded ticks and compared byte by byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from camera.errors import OrderError
from market.tick import Tick, TickError
from recorder.segment.checked_lines import Line, parsed
from recorder.segment.layout import parse_name
from recorder.segment.listing import Found
from recorder.segment.segment_lines import opened
from recorder.spans import merged, near, without
from recorder.verify.named_agents import NamedAgents
from recorder.verify.refilm import UNKNOWN, Due, Refilm, RunFacts
from recorder.verify.verified_tape import Held, VerifiedTape

KINDS = ("metrics", "frames")
_UNKNOWN = dict.fromkeys(KINDS, UNKNOWN)


@dataclass(slots=True)
class Tally:
    """Counts messages of a kind: those that the ticks prove, and those that the ticks cannot prove."""

    proved: int = 0
    unproved: int = 0


class DeepVerification:
    """Reads the tapes of a market side by side; `on_ticks` receives how many ticks were read so far.

    `tapes` are those of a verification. `run_of` returns the run of a segment of ticks, None if its settings are
    unknown: then nothing of it can be proved. Names are compared with the store's register. Raises OSError.
    """

    def __init__(
        self,
        directory: Path,
        tapes: Mapping[str, VerifiedTape],
        run_of: Callable[[Held], RunFacts | None],
        on_ticks: Callable[[int], None] = lambda ticks: None,
    ) -> None:
        self._directory, self._ticks, self._run_of, self._on_ticks = directory, tapes["ticks"], run_of, on_ticks
        self._agents = NamedAgents(directory)
        self._compared = {kind: Comparison(directory, kind, tapes[kind]) for kind in KINDS}

    @property
    def tallies(self) -> dict[str, Tally]:
        return {kind: comparison.tally for kind, comparison in self._compared.items()}

    def faults(self) -> Iterator[tuple[str, str]]:
        """The differences between the tapes and what the ticks give: (kind, what). Raises OSError."""
        now_in: Held | None = None
        run: RunFacts | None = None
        retake: Refilm | None = None
        for number, (segment, line) in enumerate(self._recorded(), 1):
            self._on_ticks(number)
            if segment is not now_in:
                now_in, before, run = segment, run, self._run_of(segment)
                if run != before:
                    retake = None if run is None else Refilm(run)
            try:
                tick = Tick.from_json(line.text)
                due = _UNKNOWN if retake is None else retake.take(tick)
            except (TickError, OrderError) as error:
                yield "ticks", f"t={line.first_t}: {error}"
                continue
            for difference in self._agents.differences(tick):
                yield "ticks", difference
            for kind, comparison in self._compared.items():
                yield from comparison.at(line.first_t, due[kind])
        for comparison in self._compared.values():
            yield from comparison.end()

    def _recorded(self) -> Iterator[tuple[Held, Line]]:
        """Every tick with its segment."""
        for segment in self._ticks.held:
            try:
                yield from ((segment, line) for line in _messages(self._directory, "ticks", segment))
            except FileNotFoundError:
                continue  # removed by a clean-up meanwhile: the next tick follows a hole


class Comparison:
    """One tape, queried for each t in ascending order."""

    def __init__(self, directory: Path, kind: str, tape: VerifiedTape) -> None:
        self.kind, self.tally = kind, Tally()
        self._tape = tape
        self._excused = [*tape.gaps, *tape.gone]
        self._lines = self._read(directory)
        self._line = next(self._lines, None)
        self._lacking: list[tuple[int, int, int]] = []

    def at(self, t: int, due: Due) -> Iterator[tuple[str, str]]:
        """The faults at t."""
        self._pass_to(t)
        line = self._line
        if line is None or line.first_t != t:
            if due.texts and not self._tape.is_behind(t):
                self._lacks(t, due.every)
            return
        self._line = next(self._lines, None)
        if not due.known:
            self.tally.unproved += 1
        elif line.text in due.texts:
            self.tally.proved += 1
        elif due.texts:
            yield self.kind, f"t={t} differs from what the ticks give{_where(line.text, due.texts[0])}"
        else:
            yield self.kind, f"t={t} is there, and the ticks give none"

    def end(self) -> Iterator[tuple[str, str]]:
        """The missing messages, once all gap lines are known: some follow newer messages."""
        self._pass_to(None)
        excused = merged(self._excused)
        for first, last, every in self._lacking:
            for a, b in without((first, last), near((first, last), excused)):
                begin, end = -(-a // every) * every, b // every * every
                if begin <= end:
                    which = f"t={begin}" if begin == end else f"t={begin} to {end}, every {every}"
                    yield self.kind, f"{which}: lacking, though the ticks give it"

    def _read(self, directory: Path) -> Iterator[Line]:
        for segment in self._tape.held:
            try:
                yield from _messages(directory, self.kind, segment)
            except FileNotFoundError:  # removed by a clean-up meanwhile
                self._excused.append((segment.start_t, segment.end_t))

    def _pass_to(self, t: int | None) -> None:
        """Skip messages before t for which there is no tick."""
        while self._line is not None and (t is None or self._line.first_t < t):
            self.tally.unproved += 1
            self._line = next(self._lines, None)

    def _lacks(self, t: int, every: int) -> None:
        if self._lacking and self._lacking[-1][1:] == (t - every, every):
            self._lacking[-1] = (self._lacking[-1][0], t, every)
        else:
            self._lacking.append((t, t, every))


def _messages(directory: Path, kind: str, segment: Held) -> Iterator[Line]:
    with opened(directory / kind, Found(parse_name(segment.name), copy=segment.copy)) as found:
        if found is None or found.file is None:
            raise FileNotFoundError(segment.name)
        yield from (line for line in parsed(found.file, kind) if not line.is_gap)


def _where(ours: bytes, theirs: bytes) -> str:
    """The place where two texts differ, and their continuation from there."""
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    here, there = (text[max(0, at - 10) : at + 30].decode(errors="replace") for text in (ours, theirs))
    return f" at byte {at}: …{here}… instead of …{there}…"
