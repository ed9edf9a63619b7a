"""The feed: one bundle for all clients with the same options."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streaming.feed import Feed
from streaming.outbox import Bundle
from streaming.protocol import KINDS, Moment, Options, messages_in
from streaming.ring import Ring


class Taker:
    """A client that keeps what it is offered."""

    def __init__(self) -> None:
        self.bundles: list[Bundle] = []

    def offer(self, bundle: Bundle) -> None:
        self.bundles.append(bundle)

    def tell(self, wire: bytes) -> None:
        raise AssertionError("a feed offers data alone")

    def beat(self, t: int) -> None:
        raise AssertionError("a feed offers data alone")


def encoded(kind: str, t: int) -> bytes:
    return json.dumps({"type": kind, "t": t}).encode()


def moment(t: int, *, frame: bool = True, metric: bool = True) -> Moment:
    return Moment(
        t,
        encoded("tick", t),
        encoded("metric", t) if metric else None,
        encoded("frame", t) if frame else None,
    )


def read(bundle: Bundle | None) -> list[tuple[str, int]]:
    assert bundle is not None
    messages: list[dict[str, Any]] = [json.loads(payload) for payload, _ in messages_in(bundle.wire)]
    assert [(m["type"], m["t"]) for m in messages] == [(item.kind, item.from_t) for item in bundle.items]
    return [(m["type"], m["t"]) for m in messages]


def feed(*types: str) -> Feed:
    return Feed(Options(types=frozenset(types)))


def test_the_messages_of_a_moment_come_in_the_contracts_order() -> None:
    assert read(feed(*KINDS).prepare(moment(5))) == [("frame", 5), ("metric", 5), ("tick", 5)]


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_chosen_kinds_are_prepared(kind: str) -> None:
    assert read(feed(kind).prepare(moment(5))) == [(kind, 5)]


def test_a_moment_without_a_chosen_kind_is_nothing() -> None:
    assert feed("frame").prepare(moment(5, frame=False)) is None


def test_every_client_gets_the_very_same_bundle() -> None:
    one, other = Taker(), Taker()
    shared = feed(*KINDS)
    shared.clients |= {one, other}
    shared.send(moment(5))
    shared.send(moment(6, frame=False))
    assert [read(bundle) for bundle in one.bundles] == [
        [("frame", 5), ("metric", 5), ("tick", 5)],
        [("metric", 6), ("tick", 6)],
    ]
    assert all(a is b for a, b in zip(one.bundles, other.bundles, strict=True))


def test_nothing_is_offered_where_nothing_was_chosen() -> None:
    client = Taker()
    frames = feed("frame")
    frames.clients.add(client)
    frames.send(moment(5, frame=False))
    assert client.bundles == []


def test_the_newest_of_each_kind_may_be_of_different_t() -> None:
    ring = Ring(100, 10_000)
    ring.append(moment(10))
    ring.append(moment(11, frame=False))
    ring.append(moment(12, frame=False, metric=False))
    assert read(feed(*KINDS).newest(ring)) == [("frame", 10), ("metric", 11), ("tick", 12)]
    assert read(feed("metric").newest(ring)) == [("metric", 11)]


def test_with_an_empty_ring_there_is_no_newest() -> None:
    assert feed(*KINDS).newest(Ring(100, 10_000)) is None
