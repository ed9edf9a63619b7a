"""The feed: one bundle for all clients with the same options."""

from __future__ import annotations

import json
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from streaming.fanout.feed import Feed
from streaming.fanout.outbox import Bundle
from streaming.options import Options
from streaming.protocol import KINDS, Moment, messages_in
from streaming.ring import Ring


class Taker:
    """A client that keeps what it is offered and told."""

    def __init__(self) -> None:
        self.bundles: list[Bundle] = []
        self.wire = b""

    def offer(self, bundle: Bundle) -> bool:
        self.bundles.append(bundle)
        self.wire += bundle.wire
        return True

    def tell(self, wire: bytes) -> None:
        self.wire += wire

    def is_quiet(self) -> bool:
        return False

    def heard(self) -> list[Any]:
        """Everything in the order in which it came: (type, t), lists of them for arrays, types of control messages."""

        def short(message: Any) -> Any:
            if isinstance(message, list):
                return [short(one) for one in message]
            return (message["type"], message["t"]) if "t" in message else message["type"]

        return [short(json.loads(payload)) for payload, _ in messages_in(self.wire)]


def encoded(kind: str, t: int) -> bytes:
    return json.dumps({"type": kind, "t": t}).encode()


def moment(t: int, *, frame: bool = True, metric: bool = True) -> Moment:
    return Moment(
        t,
        encoded("tick", t),
        encoded("metric", t) if metric else None,
        encoded("frame", t) if frame else None,
    )


def feed_of(options: Options, clients: int = 1, has_until: int = -1) -> tuple[Feed, list[Taker]]:
    feed, takers = Feed(options), [Taker() for _ in range(clients)]
    for taker in takers:
        feed.add(taker, has_until)
    return feed, takers


def types(*kinds: str) -> Options:
    return Options(types=frozenset(kinds))


def test_the_messages_of_a_moment_come_in_the_contracts_order() -> None:
    feed, (client,) = feed_of(Options())
    feed.send(moment(5))
    assert client.heard() == [("frame", 5), ("metric", 5), ("tick", 5)]


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_chosen_kinds_are_sent(kind: str) -> None:
    feed, (client,) = feed_of(types(kind))
    feed.send(moment(5))
    assert client.heard() == [(kind, 5)]


def test_a_moment_without_a_chosen_kind_is_nothing() -> None:
    feed, (client,) = feed_of(types("frame"))
    feed.send(moment(5, frame=False))
    assert client.bundles == []


def test_every_client_gets_the_very_same_bundle() -> None:
    feed, (one, other) = feed_of(Options(), clients=2)
    feed.send(moment(5))
    feed.send(moment(6, frame=False))
    assert one.heard() == [("frame", 5), ("metric", 5), ("tick", 5), ("metric", 6), ("tick", 6)]
    assert all(a is b for a, b in zip(one.bundles, other.bundles, strict=True))


def test_who_left_gets_nothing_more() -> None:
    feed, (one, other) = feed_of(Options(batch=2), clients=2)
    feed.remove(one)
    for t in range(3):
        feed.send(moment(t, frame=False, metric=False))
    assert one.heard() == []
    assert other.heard() == [[("tick", 0), ("tick", 1)]]


def test_every_nth_tick_and_metric_and_every_frame() -> None:
    feed, (client,) = feed_of(Options(every=3))
    for t in range(5):
        feed.send(moment(t))
    assert [entry for entry in client.heard() if entry[0] != "frame"] == [
        ("metric", 0), ("tick", 0), ("metric", 3), ("tick", 3)
    ]  # fmt: skip
    assert [entry for entry in client.heard() if entry[0] == "frame"] == [("frame", t) for t in range(5)]


def test_only_the_chosen_lists_of_a_tick_are_sent() -> None:
    feed, (client,) = feed_of(Options(types=frozenset(["tick"]), fields=frozenset(["agents"])))
    tick = {"type": "tick", "t": 1, "ts": 0.5, "s": {"liquidity": 1.0}, "agents": [1], "actions": [2], "matches": [3]}
    feed.send(Moment(1, json.dumps(tick).encode()))
    (payload, _) = messages_in(client.wire)[0]
    assert json.loads(payload) == {"type": "tick", "t": 1, "ts": 0.5, "s": {"liquidity": 1.0}, "agents": [1]}


def test_compressed_messages_are_zstd_frames_of_the_same_text() -> None:
    feed, (one, other) = feed_of(Options(encoding="zstd"), clients=2)
    feed.send(moment(5))
    feed.tell(one, "pong")
    messages = messages_in(one.wire)
    assert all(binary for _, binary in messages)
    texts = [zstandard.ZstdDecompressor().decompress(payload) for payload, _ in messages]
    assert texts == [encoded("frame", 5), encoded("metric", 5), encoded("tick", 5), b'{"type":"pong"}']
    assert one.bundles[0] is other.bundles[0]


# -- batches


def test_arrays_end_where_t_over_the_batch_changes() -> None:
    feed, (client,) = feed_of(Options(types=frozenset(["tick", "metric"]), batch=3))
    for t in range(2, 10):
        feed.send(moment(t))
    assert client.heard() == [
        [("metric", 2)], [("tick", 2)],
        [("metric", 3), ("metric", 4), ("metric", 5)], [("tick", 3), ("tick", 4), ("tick", 5)],
        [("metric", 6), ("metric", 7), ("metric", 8)], [("tick", 6), ("tick", 7), ("tick", 8)],
    ]  # fmt: skip


def test_a_control_message_ends_an_array_early_for_its_client_alone() -> None:
    feed, (one, other) = feed_of(Options(types=frozenset(["tick"]), batch=4), clients=2)
    for t in range(2):
        feed.send(moment(t))
    feed.tell(one, "pong")
    for t in range(2, 5):
        feed.send(moment(t))
    assert one.heard() == [[("tick", 0), ("tick", 1)], "pong", [("tick", 2), ("tick", 3)]]
    assert other.heard() == [[("tick", 0), ("tick", 1), ("tick", 2), ("tick", 3)]]


def test_a_gap_ends_every_array_and_is_told_once_a_kind() -> None:
    feed, (one, other) = feed_of(Options(types=frozenset(["tick", "metric"]), batch=10), clients=2)
    for t in range(2):
        feed.send(moment(t))
    feed.tell_gap(2, 5, "lost")
    for t in range(6, 11):
        feed.send(moment(t))
    for client in (one, other):
        assert sorted(map(str, client.heard()[:2])) == sorted(
            map(str, ([("metric", 0), ("metric", 1)], [("tick", 0), ("tick", 1)]))
        )
        assert client.heard()[2:4] == ["gap", "gap"]
        assert client.heard()[4:] == [[("metric", t) for t in range(6, 10)], [("tick", t) for t in range(6, 10)]]


def test_who_comes_in_the_middle_of_an_array_gets_only_what_is_new_to_it() -> None:
    feed, (one,) = feed_of(Options(types=frozenset(["tick"]), batch=4))
    for t in range(2):
        feed.send(moment(t))
    late = Taker()
    feed.add(late, has_until=1)
    for t in range(2, 9):
        feed.send(moment(t))
    assert one.heard() == [[("tick", t) for t in range(4)], [("tick", t) for t in range(4, 8)]]
    assert late.heard() == [[("tick", 2), ("tick", 3)], [("tick", t) for t in range(4, 8)]]


@given(
    batch=st.integers(1, 7),
    every=st.integers(1, 4),
    joins=st.lists(st.integers(0, 40), max_size=4),
    pings=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=8),
    holes=st.sets(st.integers(1, 40), max_size=5),
)
def test_whenever_one_joins_or_pings_each_tick_comes_once_and_in_order(
    batch: int, every: int, joins: list[int], pings: list[tuple[int, int]], holes: set[int]
) -> None:
    feed = Feed(Options(types=frozenset(["tick"]), batch=batch, every=every))
    takers: list[tuple[int, Taker]] = []
    for t in range(41):
        for _ in range(joins.count(t)):
            takers.append((t, Taker()))
            feed.add(takers[-1][1], t - 1)
        for who in [who for at, who in pings if at == t and who < len(takers)]:
            feed.tell(takers[who][1], "pong")
        if t not in holes:
            feed.send(moment(t, frame=False, metric=False))
    for joined, taker in takers:
        feed.cut(taker)
        ticks = [t for entry in taker.heard() if entry != "pong" for _, t in entry]
        assert ticks == [t for t in range(joined, 41) if t not in holes and t % every == 0]


# -- the newest


def test_the_newest_of_each_kind_may_be_of_different_t() -> None:
    ring = Ring(100, 10_000)
    ring.append(moment(10))
    ring.append(moment(11, frame=False))
    ring.append(moment(12, frame=False, metric=False))
    feed, (client,) = feed_of(Options())
    client.offer(feed.newest(ring) or pytest.fail("nothing"))
    assert client.heard() == [("frame", 10), ("metric", 11), ("tick", 12)]


def test_the_newest_are_those_the_client_would_get() -> None:
    ring = Ring(100, 10_000)
    for t in range(10, 14):
        ring.append(moment(t))
    feed, (client,) = feed_of(Options(types=frozenset(["tick", "frame"]), every=4, batch=5))
    client.offer(feed.newest(ring) or pytest.fail("nothing"))
    assert client.heard() == [("frame", 13), [("tick", 12)]]


def test_with_an_empty_ring_there_is_no_newest() -> None:
    assert Feed(Options()).newest(Ring(100, 10_000)) is None
