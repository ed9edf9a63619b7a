"""The times of messages in MCAP files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mcap.reader import make_reader

from exports.mcap_file import write_mcap
from recorder.tape.history import Message

SECOND = 1_767_225_580


@pytest.mark.parametrize(
    ("fields", "time_ns"),
    [
        ({"ts": SECOND + 0.123456}, SECOND * 10**9 + 123_456_000),
        ({"ts": SECOND}, SECOND * 10**9),
        ({}, 0),
        ({"ts": None}, 0),
        ({"ts": "2026-01-01"}, 0),
        ({"ts": -1.5}, 0),
        ({"ts": 9_223_372_036.854774}, 9_223_372_036_854_774_000),
        ({"ts": 9_223_372_037}, 0),
        ({"ts": 1e308}, 0),
    ],
)
def test_a_message_is_at_its_time_or_at_0_without_one(tmp_path: Path, fields: dict[str, Any], time_ns: int) -> None:
    text = json.dumps({"type": "tick", "t": 5, **fields}).encode()
    path = tmp_path / "ticks.mcap"
    count, gaps = write_mcap(path, [Message("ticks", 5, 5, text)], ["ticks"], {})
    assert (count, len(gaps)) == (1, 0)
    with path.open("rb") as file:
        ((_, _, message),) = make_reader(file).iter_messages()
    assert (message.log_time, message.publish_time, message.data) == (time_ns, time_ns, text)
