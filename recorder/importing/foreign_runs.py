"""The runs of a foreign store: from its checkpoints as far as they go, otherwise one run that names the store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson
from django.utils import timezone

from recorder.models import Market, Run
from recorder.recovery.checkpoints import Checkpoint, Checkpoints
from recorder.recovery.run_registry import continued_run
from recorder.segment.layout import SegmentFacts
from recorder.tape.reader import read


class ForeignRuns:
    """Assigns imported segments to rows of runs."""

    def __init__(self, market: Market, store: Path, coming: Sequence[SegmentFacts]) -> None:
        self._market, self._store = market, store
        self._checkpoints = list(Checkpoints(store).newest_first())
        self._first_t = min((facts.start_t for facts in coming), default=0)
        self._rows: dict[int, Run] = {}
        self._unknown: Run | None = None

    def of(self, start_t: int) -> Run:
        """The row of the run of a segment that begins with `start_t`."""
        # The newest run that begins before it, if it is known to have reached that far.
        newest = next((one for one in self._checkpoints if one.run["first_t"] <= start_t), None)
        if newest is None or newest.next_t < start_t:
            self._unknown = self._unknown or self._unknown_run()
            return self._unknown
        return self._rows.setdefault(newest.run["first_t"], self._known_run(newest))

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
