"""Checkpoints: everything a run needs to continue exactly, stored beside the tapes it made."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
import zstandard

from recorder.errors import StoreError
from recorder.segment.segment_file import sync_directory

log = logging.getLogger(__name__)

_VERSION = 1
_NAME = re.compile(r"checkpoint_(0|[1-9][0-9]{0,18})_(0|[1-9][0-9]{0,18})\.json\.zst", re.ASCII)

#: How many are kept besides the newest one and each run's first: enough for a tape that lost its last minutes.
_KEPT = 6


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run, and the state of source and camera before the tick `next_t`.

    `run` holds the run's facts (first_t, start_ts, settings …); `source` is the source's own checkpoint, as text.
    `window_ticks` consecutive ticks before next_t are in the camera's window, `mid_before` is the last mid known before
    them, and `filmed` says whether the run has had a frame. `ended`: the source has no more ticks.
    """

    run: dict[str, Any]
    next_t: int
    source: str
    window_ticks: int
    mid_before: float | None
    filmed: bool
    ended: bool = False


class Checkpoints:
    """The checkpoints in a market's directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "checkpoints"

    def save(self, checkpoint: Checkpoint) -> None:
        """Store a checkpoint, whole or not at all, and remove old ones. Raises StoreError."""
        body = orjson.dumps({"version": _VERSION, **asdict(checkpoint)})
        # The checksum of the zstd frame distinguishes a torn file from a whole one.
        data = zstandard.ZstdCompressor(level=3, write_checksum=True).compress(body)
        first_t = checkpoint.run["first_t"]
        path = self._directory / f"checkpoint_{first_t}_{checkpoint.next_t}.json.zst"
        new = path.with_suffix(".new")
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            with new.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
            sync_directory(self._directory)
            self._prune()
        except OSError as error:
            raise StoreError(path, error) from error

    def newest_first(self) -> Iterator[Checkpoint]:
        """Every readable checkpoint, the newest first; a damaged one is logged and left out."""
        for _, _, path in sorted(self._files(), reverse=True):
            try:
                yield _load(path.read_bytes())
            except (OSError, ValueError, zstandard.ZstdError, TypeError, KeyError) as error:
                log.warning("%s cannot be used: %s", path, error)

    def forget_behind(self, first_t: int, next_t: int) -> None:
        """Remove the checkpoints after a run's tick `next_t`, in it or in a later run: what they describe is gone.

        They would count as the newest ones, and newer checkpoints would be removed instead. Raises StoreError.
        """
        for first, next_, path in self._files():
            if (first, next_) > (first_t, next_t):
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    raise StoreError(path, error) from error
                if next_ > first:  # else its run made no tick, and nothing is missing
                    log.warning("%s goes: the tapes it stands behind are gone", path)

    def _files(self) -> list[tuple[int, int, Path]]:
        if not self._directory.is_dir():
            return []
        found = ((_NAME.fullmatch(path.name), path) for path in self._directory.iterdir())
        return [(int(name[1]), int(name[2]), path) for name, path in found if name]

    def _prune(self) -> None:
        """Keep the newest of the newest run, and its first: from there everything can be made again.

        Half-written files of a crash are removed too.
        """
        for path in self._directory.glob("*.new"):
            path.unlink()
        files = sorted(self._files())
        newest_run = files[-1][0]
        for first_t, next_t, path in files[: -_KEPT - 1]:
            if (first_t, next_t) != (newest_run, newest_run):
                path.unlink(missing_ok=True)


def _load(data: bytes) -> Checkpoint:
    body = orjson.loads(zstandard.ZstdDecompressor().decompress(data))
    if not isinstance(body, dict) or body.pop("version", None) != _VERSION:
        raise ValueError(f"it is no checkpoint of version {_VERSION}")
    return Checkpoint(**body)
