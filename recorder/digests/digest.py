"""A digest: what one finished segment comes to, as the JSON of its file. Pure: no Django, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import orjson

from market.tick import Floats
from recorder.digests.pyramid import FINEST, Buckets, buckets_of
from recorder.errors import RecorderError

#: The kinds of segments that have digests.
METRICS, FRAMES = "metrics", "frames"
KINDS = (METRICS, FRAMES)

#: Of digests as they are made now, by kind. A digest of another version is made again.
VERSIONS = {METRICS: 1, FRAMES: 1}


class BadDigest(RecorderError):
    """A file that is not the digest of a segment as this version makes them."""


class Note(NamedTuple):
    """A single thing within a segment: a gap or an event. `at` is a t of the segment to which it belongs.

    Of many notes those with the greatest `weight` are kept.
    """

    at: int
    weight: float
    what: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Digest:
    """The digest of a segment: `rows` are its messages' values or, for metrics, `buckets` are what they come to.

    `sha256` is that of the segment, so that it is known of which content it is a digest.
    """

    kind: str
    segment: str
    sha256: str
    buckets: Buckets
    notes: list[Note] = field(default_factory=list)
    rows: Rows | None = None

    def to_json(self) -> bytes:
        """The digest as the text of its file; the same for the same digest."""
        head = {"version": VERSIONS[self.kind], "kind": self.kind, "segment": self.segment, "sha256": self.sha256}
        body = _told(self.buckets) if self.rows is None else self.rows.told()
        return orjson.dumps({**head, **body, "notes": [list(note) for note in self.notes]})


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Values of single messages, in the order of `t`: `values` has shape (series, messages), NaN for none."""

    names: tuple[str, ...]
    t: Any
    ts: Floats
    values: Floats

    def told(self) -> dict[str, Any]:
        """As plain objects; NaN becomes null."""
        columns = zip(self.names, self.values.tolist(), strict=True)
        return {"t": self.t.tolist(), "ts": self.ts.tolist(), "series": dict(columns)}

    def buckets(self, exponent: int = FINEST) -> Buckets:
        """What the messages come to."""
        return buckets_of(self.names, self.t, self.ts, self.values, exponent)


def read_digest(text: bytes) -> Digest:
    """The digest in the text of a file. Raises BadDigest, also for one of another version."""
    try:
        return _digest_in(orjson.loads(text))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise BadDigest(f"it is no digest: {error!r}") from error


def _digest_in(found: dict[str, Any]) -> Digest:
    kind = found["kind"]
    if found["version"] != VERSIONS[kind]:
        raise BadDigest(f"it is of version {found['version']}, not {VERSIONS[kind]}")
    notes = [Note(*note) for note in found["notes"]]
    if kind == METRICS:
        return Digest(kind, found["segment"], found["sha256"], _buckets_in(found), notes)
    series = found["series"]
    values = np.array([_floats(column) for column in series.values()], float).reshape(len(series), -1)
    rows = Rows(tuple(series), np.array(found["t"], np.int64), _floats(found["ts"]), values)
    return Digest(kind, found["segment"], found["sha256"], rows.buckets(), notes, rows)


_STATS = ("count", "sum", "min", "max")


def _told(buckets: Buckets) -> dict[str, Any]:
    return {
        "bucket": 1 << buckets.exponent,
        "numbers": buckets.numbers.tolist(),
        "first_t": buckets.first_t.tolist(),
        "last_t": buckets.last_t.tolist(),
        "ts": buckets.ts.tolist(),
        "first": buckets.ends[0].tolist(),
        "last": buckets.ends[1].tolist(),
        "series": {
            name: dict(zip(_STATS, stats.tolist(), strict=True))
            for name, stats in zip(buckets.names, buckets.stats, strict=True)
        },
    }


def _buckets_in(found: dict[str, Any]) -> Buckets:
    series = found["series"]
    stats = np.array([[_floats(one[name]) for name in _STATS] for one in series.values()])
    for row, nothing in ((2, np.inf), (3, -np.inf)):
        stats[:, row] = np.where(np.isnan(stats[:, row]), nothing, stats[:, row])
    return Buckets(
        tuple(series),
        found["bucket"].bit_length() - 1,
        np.array(found["numbers"], np.int64),
        np.array(found["first_t"], np.int64),
        np.array(found["last_t"], np.int64),
        _floats(found["ts"]),
        np.stack([_floats(found["first"]), _floats(found["last"])]),
        stats,
    )


def _floats(column: list[float | None]) -> Floats:
    """The numbers of a column; null is NaN."""
    return np.array(column, float)
