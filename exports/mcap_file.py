"""MCAP: recorded messages as they are, on a channel for each type, with their JSON Schemas (mcap.dev)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import orjson
from mcap.writer import CompressionType, Writer

from exports.message_schemas import SCHEMAS
from marketcamera.tables.gaps import Gaps
from recorder.tape.history import Message

_TYPES = {"ticks": "tick", "metrics": "metric", "frames": "frame"}

#: Other programs read the 64 bits of a time, nanoseconds, as a signed number.
_END_TS = 2**63 / 1e9


def write_mcap(
    path: Path, messages: Iterable[Message], kinds: Iterable[str], facts: dict[str, str]
) -> tuple[int, Gaps]:
    """Write messages of these kinds to a file; how many there are, and what is missing among them.

    The topics are `tick`, `metric` and `frame`, times are market time in nanoseconds, `sequence` is t modulo 2^32.
    The file's metadata `recording` have the facts and `gaps`. Raises OSError.
    """
    count, gaps = 0, Gaps()
    with path.open("wb") as file:
        writer = Writer(file, compression=CompressionType.ZSTD)
        writer.start(profile="", library="market-camera")
        channels = {kind: _channel(writer, _TYPES[kind]) for kind in kinds}
        for message in messages:
            if message.text is None:
                gaps.add(message.first_t, message.last_t, message.reason)
                continue
            time_ns = _time_ns(message.text)
            writer.add_message(channels[message.kind], time_ns, message.text, time_ns, message.first_t % 2**32)
            count += 1
        writer.add_metadata("recording", {**facts, "gaps": gaps.json()})
        writer.finish()  # type: ignore[no-untyped-call]
    return count, gaps


def _channel(writer: Writer, name: str) -> int:
    schema = writer.register_schema(name, "jsonschema", orjson.dumps(SCHEMAS[name]))
    return int(writer.register_channel(name, "json", schema))


def _time_ns(text: bytes) -> int:
    """The ts of a message in nanoseconds, exact to the microsecond; 0 without one, or for one that MCAP cannot hold."""
    ts = orjson.loads(text).get("ts")
    if not isinstance(ts, int | float) or not 0 <= ts < _END_TS:
        return 0
    return round(ts * 1e6) * 1000
