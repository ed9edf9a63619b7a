"""The oracle and the verdict must find what they look for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import zstandard

from tests.soak.child import testimony_of as write_testimony
from tests.soak.oracle import Evidence, Heard, Parser, Watch, digest_of, reduced, variant_of
from tests.soak.verdict import Tape, Verdict, _covered


class Client:
    """A watch, and what it found."""

    def __init__(self, all_: Evidence | None = None, **options: Any) -> None:
        self.found: list[str] = []
        facts: dict[str, Any] = {"symbol": "A", "kinds": ("frame", "metric", "tick"), "every": 1, "variant": None}
        facts |= {"testimony": all_ or Evidence(), "report": lambda what, detail: self.found.append(what)}
        self.watch = Watch(**{**facts, **options})

    def hears(self, *ts: int, kind: str = "tick", digest: int = 7) -> Client:
        for t in ts:
            self.watch.take(Heard(kind, t, digest))
        return self

    def connects(self) -> Client:
        self.watch.connected(self.watch.since)
        return self

    def is_told(self, **control: Any) -> Client:
        self.watch.take(Heard(control["type"], -1, 0, control))
        return self


def gap(from_t: int, to_t: int, reason: str = "slow") -> dict[str, Any]:
    return {"type": "gap", "kind": "tick", "from_t": from_t, "to_t": to_t, "reason": reason}


def test_a_whole_stream_with_a_resume_that_looks_back_is_no_violation() -> None:
    client = Client(kinds=("frame", "tick")).connects().hears(10, kind="frame").hears(13, 14, 15)
    client.connects().hears(11, 12, 13, 14, 15, 16).hears(20, kind="frame")
    assert client.found == []
    assert client.watch.repeats == 3 + 2  # those before the first one heard are no news either


@pytest.mark.parametrize(
    ("story", "found"),
    [
        (lambda c: c.connects().hears(5, 7), "hole without a word"),
        (lambda c: c.connects().hears(5, 6, 6), "repeated or out of order"),
        (lambda c: c.connects().hears(5, 6).connects().hears(6), "repeated or out of order"),
        (lambda c: c.connects().hears(5, 6).connects().hears(8), "hole without a word"),
        (lambda c: c.connects().hears(5).is_told(**gap(7, 9)), "hole without a word"),
        (lambda c: c.connects().hears(5).is_told(**gap(6, 9)).hears(9), "repeated or out of order"),
        (lambda c: c.connects().hears(5, 6).is_told(**gap(6, 9)), "gap over what was sent"),
        (lambda c: c.connects().hears(5).is_told(**gap(6, 9, "store_changed")), "spliced"),
        (lambda c: c.connects().hears(5).hears(5, kind="metric"), "out of order"),
        (lambda c: c.connects().hears(5, 6).connects().hears(7, digest=8).connects().hears(8), None),
    ],
)
def test_what_is_wrong_is_found_at_once(story: Any, found: str | None) -> None:
    client = Client()
    story(client)
    assert client.found[:1] == ([found] if found else [])


def test_a_gap_that_is_told_is_no_hole() -> None:
    client = Client().connects().hears(5).is_told(**gap(6, 9)).hears(10)
    assert client.found == []
    assert client.watch.gaps == [("tick", 6, 9, "slow")]


def test_what_a_replay_did_not_bring_to_its_end_is_known() -> None:
    client = Client(kinds=("tick",), begun_at=4).connects().hears(5, 6).is_told(**gap(7, 8))
    assert client.watch.first_missing("tick", 8) is None
    assert client.watch.first_missing("tick", 11) == 9


def test_other_content_than_another_client_heard_is_a_splice() -> None:
    everyone = Evidence()
    Client(everyone).connects().hears(5, digest=1)
    other = Client(everyone).connects().hears(5, digest=2)
    assert other.found == ["spliced"]


def test_whoever_takes_every_fourth_tick_misses_none_of_those() -> None:
    assert Client(every=4).connects().hears(4, 8, 12).found == []
    assert Client(every=4).connects().hears(4, 12).found == ["hole without a word"]
    assert Client(every=4).connects().hears(5).found == ["not asked for"]


def test_a_library_that_promises_each_once_is_held_to_it_over_connections() -> None:
    client = Client(seamless=True, begun_at=-1).hears(0, 1)
    assert client.connects().found == []
    client.watch.connected(0)
    assert client.hears(1).found == ["repeated"]


def test_a_message_has_one_digest_however_it_was_framed() -> None:
    tick = {"type": "tick", "t": 3, "ts": 1.5, "s": {}, "agents": [], "actions": [], "matches": []}
    text, parser = orjson.dumps(tick), Parser()
    packed = zstandard.ZstdCompressor().compress(b"[" + text + b"]")
    one = parser.parse(text)
    assert one == parser.parse(packed, zstandard.ZstdDecompressor().decompress) == [Heard("tick", 3, digest_of(tick))]
    assert reduced(tick, variant_of("")) == {"type": "tick", "t": 3, "ts": 1.5, "s": {}}


class Judged:
    """A tape of ticks 0..19, and what the verdict says of clients."""

    def __init__(self) -> None:
        ts = np.arange(20)
        self.tape = Tape({"tick": ts}, {"tick": []}, {("tick", None): (ts + 100).astype(np.uint64)})

    def violations(self, path: Path, client: Client) -> list[str]:
        write_testimony([("c", client.watch)], client.watch.testimony, path / "testimony")
        verdict = Verdict()
        verdict.judge_testimony(path / "testimony", {"A": self.tape})
        return verdict.violations


def ticks(*ts: int) -> Client:
    client = Client(kinds=("tick",))
    client.watch.connected(None)
    for t in ts:
        client.hears(t, digest=t + 100)
    return client


def test_what_was_heard_is_held_against_the_tape(tmp_path: Path) -> None:
    judged = Judged()
    assert judged.violations(tmp_path, ticks(*range(3, 20))) == []
    assert judged.violations(tmp_path, ticks(3, 4, 7)) == ["c: ticks t=5 to t=6 missing without a word"]
    assert judged.violations(tmp_path, ticks(3, 4).is_told(**gap(5, 6)).hears(7, digest=107)) == []
    assert "another content" in judged.violations(tmp_path, ticks(3).hears(4, digest=1))[0]
    assert "not on tape" in judged.violations(tmp_path, ticks(19, 20))[0]


def test_gaps_may_overlap_and_hold_each_other() -> None:
    client = ticks(2).is_told(**gap(3, 9)).is_told(**gap(4, 5)).is_told(**gap(12, 14))
    covered = _covered(np.arange(16), [(a, b) for _, a, b, _ in client.watch.gaps])
    assert [*np.flatnonzero(covered)] == [*range(3, 10), 12, 13, 14]
