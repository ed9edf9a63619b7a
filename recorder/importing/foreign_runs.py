"""The runs of a foreign store: from its runs.json and its checkpoints, otherwise one run that names the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from pathlib import Path

import orjson
from django.utils import timezone

from recorder.models import Market, Run
from recorder.recovery.checkpoints import Checkpoint, Checkpoints
from recorder.recovery.run_file import kept_runs
from recorder.recovery.run_registry import continued_run
from recorder.segment.layout import SegmentFacts
from recorder.tape.reader import read


class ForeignRuns:
    """Assigns imported segments to rows of runs."""

    def __init__(self, market: Market, store: Path, coming: Sequence[SegmentFacts]) -> None:
        self._market, self._store = market, store
        self._checkpoints = list(Checkpoints(store).newest_first())
        self._listed = sorted(kept_runs(store), key=attrgetter("first_t"))
        self._first_t = min((facts.start_t for facts in coming), default=0)
        self._rows: dict[int, Run] = {}
        self._unknown: Run | None = None

    def of(self, start_t: int) -> Run:
        """The row of the run of a segment that begins with `start_t`: of the newest run that begins by then."""
        checkpoint = self._reaching(start_t)
        listed = next((run for run in reversed(self._listed) if run.first_t <= start_t), None)
        if listed is not None and (checkpoint is None or _tells_more(listed, checkpoint)):
            return self._row(listed.first_t, lambda: self._listed_run(listed))
        if checkpoint is not None:
            return self._row(checkpoint.run["first_t"], lambda: self._known_run(checkpoint))
        self._unknown = self._unknown or self._unknown_run()
        return self._unknown

    def _reaching(self, start_t: int) -> Checkpoint | None:
        """The newest checkpoint of a run that begins by then, if it is known to have reached that far."""
        newest = next((one for one in self._checkpoints if one.run["first_t"] <= start_t), None)
        return newest if newest is not None and newest.next_t >= start_t else None

    def _row(self, first_t: int, made: Callable[[], Run]) -> Run:
        if first_t not in self._rows:
            self._rows[first_t] = made()
        return self._rows[first_t]

    def _listed_run(self, listed: Run) -> Run:
        """The row of a run of the file, made if it is not there."""
        run = self._market.runs.filter(first_t=listed.first_t, start_ts=listed.start_ts).order_by("id").last()
        if run is None:
            run, run.market = listed, self._market
        if run.price_low is None:
            run.price_low, run.price_high = listed.price_low, listed.price_high
        run.ended_at = run.ended_at or timezone.now()  # it does not continue here
        run.save()
        return run

    def _known_run(self, checkpoint: Checkpoint) -> Run:
        run = continued_run(self._market, checkpoint.run)
        Run.objects.filter(pk=run.pk).update(ended_at=timezone.now())  # it does not continue here
        return run

    def _unknown_run(self) -> Run:
        """A run without camera settings: frames cannot be proved if it is unknown how they were made."""
        start_ts, tick_interval = self._timing()
        run, _ = Run.objects.get_or_create(
            market=self._market,
            first_t=self._first_t,
            source=f"adopted from {self._store}"[:4096],
            defaults={"start_ts": start_ts, "tick_interval": tick_interval, "ended_at": timezone.now()},
        )
        return run

    def _timing(self) -> tuple[float, float]:
        """Market time of the first recorded tick, and its distance to the next one; 0 if the ticks do not show it."""
        times = []
        for line in read(self._store, "ticks", self._first_t - 1):
            if not line.is_gap:
                times.append(orjson.loads(line.text).get("ts"))
            if len(times) == 2:
                break
        known = [float(ts) for ts in times if isinstance(ts, int | float)]
        return (known[0] if known else 0.0), (round(known[1] - known[0], 6) if len(known) == 2 else 0.0)


def _tells_more(listed: Run, checkpoint: Checkpoint) -> bool:
    """Whether the run is a newer one than that of the checkpoint, or has the prices, which an early one does not."""
    first_t = checkpoint.run["first_t"]
    return listed.first_t > first_t or (listed.first_t == first_t and listed.price_low is not None)
