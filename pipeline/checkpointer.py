"""The checkpointer: decides when a checkpoint is due, and keeps it without holding up the pipeline."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

from recorder.errors import StoreError
from recorder.recovery.checkpoints import Checkpoint, Checkpoints
from runtime.supervision import supervisor
from runtime.threads import running

log = logging.getLogger(__name__)

#: After a crash, everything since the last checkpoint is made again: at most 30 s of a market in real time, or this
#: many ticks of one at full speed (a second or two).
_EVERY_SECONDS = 30.0
_EVERY_TICKS = 4000


class Flushed(Protocol):
    """The tapes a checkpoint goes with (`recorder.tape.recording.Recording`)."""

    @property
    def open_files(self) -> list[Path]: ...
    def flush(self) -> None: ...


class Checkpointer:
    """Takes a checkpoint at each segment's start, every 30 s and every 4,000 ticks.

    `take(next_t, ended)` makes one, on the pipeline's thread. Another thread stores it, because it must not reach the
    disk before the ticks it follows, and waiting for that may take long.
    """

    def __init__(
        self,
        store: Checkpoints,
        take: Callable[[int, bool], Checkpoint],
        recording: Flushed,
        now: Callable[[], float],
    ) -> None:
        self._store, self._take, self._recording, self._now = store, take, recording, now
        self._segment_start: int | None = None
        self._taken_at, self._taken_t = now(), -1
        self._kept_at = now()
        self._thread = running(1, "checkpoint")
        self._keeping: Future[None] | None = None

    @property
    def age_seconds(self) -> float:
        """How long ago the last one was kept, or the run began. May be asked from any thread."""
        return self._now() - self._kept_at

    def after(self, next_t: int, segment_start: int | None) -> None:
        """The tick before `next_t` was made. Raises StoreError."""
        if self._taken_t < 0:
            self._taken_t, self._segment_start = next_t, segment_start
        if (
            segment_start == self._segment_start
            and next_t - self._taken_t < _EVERY_TICKS
            and self._now() - self._taken_at < _EVERY_SECONDS
        ):
            return
        if self._keeping is not None and not self._keeping.done():
            return  # the disk is slow: the next tick asks again
        self._segment_start, self._taken_at, self._taken_t = segment_start, self._now(), next_t
        self._recording.flush()
        self._keeping = self._thread.submit(self._keep, self._take(next_t, False), self._recording.open_files)

    def last(self, next_t: int, *, ended: bool) -> None:
        """The pipeline stops in good order before the tick `next_t`. Raises StoreError."""
        self._thread.shutdown()
        if self._keeping is not None:
            self._keeping.result()
        self._recording.flush()
        self._keep(self._take(next_t, ended), self._recording.open_files)

    def close(self) -> None:
        """End its thread, where the pipeline did not come to its end."""
        self._thread.shutdown(wait=False)

    def _keep(self, checkpoint: Checkpoint, tapes: list[Path]) -> None:
        # Not fatal, whatever fails: a crash now costs more work, nothing else.
        with supervisor.guarded("checkpoint"):
            try:
                for path in tapes:
                    _sync(path)
                self._store.save(checkpoint)
                self._kept_at = self._now()
            except (OSError, StoreError) as error:  # the tapes tell of a full disk themselves
                log.warning("no checkpoint kept before t=%d: %s", checkpoint.next_t, error)


def _sync(path: Path) -> None:
    """Bring a file to the disk, unless it was sealed meanwhile, which does the same."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
