"""The past in a stream's URL: what is asked for at first, and after a connection was lost."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from marketcamera import Stream
from tests.client.made import message

OLD, NEW = "a" * 32, "b" * 32
CAUGHT_UP = {"type": "caught_up", "t": 7}
CHANGED = {"type": "gap", "kind": "tick", "from_t": 8, "to_t": 8, "reason": "store_changed", "store": NEW}
MISSING = {"type": "gap", "kind": "tick", "from_t": 0, "to_t": 4, "reason": "expired"}


@pytest.mark.parametrize(
    ("query", "since", "heard", "asked"),
    [
        ("replay=5..9&speed=8", None, [], {"replay": "5..9", "speed": "8"}),
        ("replay=2026-11-28T10:00Z..", None, [], {"replay": "2026-11-28T10:00Z.."}),
        ("replay=5..9", 6, [], {"replay": "7..9"}),
        ("replay=5..9", {"tick": 6, "frame": 4}, [], {"replay": "5..9"}),
        ("replay=0..9", None, [MISSING], {"replay": "0..9"}),
        ("replay=0..9", None, [MISSING, message("tick", 5), message("frame", 6)], {"replay": "6..9"}),
        ("replay=5..", None, [message("tick", 5), CAUGHT_UP | {"store": OLD}], {"since": "4", "store": OLD}),
        ("replay=5..", None, [message("tick", 7), CHANGED], {"replay": "0..", "store": NEW}),
    ],
)
def test_a_replay_is_taken_up_where_it_was(query: str, since: Any, heard: list[Any], asked: dict[str, str]) -> None:
    session = Stream(f"http://localhost/?{query}", "tick,frame", since)._session
    for one in heard:
        list(session._understood(_text(one)))
    found = dict(parse_qsl(urlsplit(session.connecting_url()).query))
    assert found.pop("types") in ("frame,tick", "tick,frame")
    assert found == asked


@pytest.mark.parametrize("last", [{"type": "replay_end", "t": 9}, CHANGED])
def test_a_part_ends(last: dict[str, Any]) -> None:
    session = Stream("http://localhost/?replay=5..9", "tick")._session
    for one, ended in ((message("tick", 7), False), ({"type": "replay", "t": 8}, False), (last, True)):
        list(session._understood(_text(one)))
        assert session.ended == ended


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("speed=2", "speed is that of a replay, and the URL names none"),
        ("replay=0..&since=4", "a stream's URL names since or replay, not both"),
        ("replay=4", r"replay must be T0\.\.T1 or T0\.\., got '4'"),
    ],
)
def test_a_wrong_url_is_told_at_once(query: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Stream(f"http://localhost/?{query}")


def _text(data: dict[str, Any]) -> str:
    return json.dumps(data)
