"""The outbox of one client: bounded, in order, and every loss told."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streaming.fanout.outbox import Bundle, Item, Outbox
from streaming.protocol import KINDS, control, gap, messages_in, websocket_frame

EVERYTHING = 1 << 40


def tell_gap(kind: str, from_t: int, to_t: int) -> bytes:
    return websocket_frame(gap(kind, from_t, to_t, "slow"))


def message(kind: str, t: int, size: int = 60) -> Item:
    """A message of `size` bytes as they go over the wire."""
    text = json.dumps({"type": kind, "t": t, "pad": ""})
    header = 2 if size < 128 else 4
    padded = json.dumps({"type": kind, "t": t, "pad": "x" * (size - header - len(text))})
    item = Item(kind, t, t, websocket_frame(padded.encode()))
    assert len(item.wire) == size
    return item


def bundle(t: int, **sizes: int) -> Bundle:
    """The messages of one t with these sizes."""
    return Bundle(tuple(message(kind, t, sizes[kind]) for kind in KINDS if kind in sizes))


def read(wire: bytes) -> list[dict[str, Any]]:
    return [json.loads(payload) for payload, _ in messages_in(wire)]


def told(wire: bytes) -> list[tuple[Any, ...]]:
    """(type, t) of messages, (gap, kind, from_t, to_t) of gaps."""
    return [
        ("gap", m["kind"], m["from_t"], m["to_t"]) if m["type"] == "gap" else (m["type"], m.get("t"))
        for m in read(wire)
    ]


def drained(outbox: Outbox) -> list[tuple[Any, ...]]:
    return told(outbox.take(EVERYTHING))


def test_below_the_bound_nothing_is_dropped() -> None:
    outbox = Outbox(1000, tell_gap)
    for t in range(5):
        outbox.offer(bundle(t, metric=60, tick=140))
    assert outbox.bytes == 1000
    assert drained(outbox) == [(kind, t) for t in range(5) for kind in ("metric", "tick")]
    assert (outbox.lost, outbox.bytes, bool(outbox)) == (0, 0, False)


def test_an_empty_outbox_gives_nothing() -> None:
    outbox = Outbox(1000, tell_gap)
    assert outbox.take(EVERYTHING) == b""
    assert not outbox


def test_over_the_bound_the_oldest_ticks_go_as_one_gap_before_newer_ones() -> None:
    outbox = Outbox(300, tell_gap)
    for t in range(10):
        outbox.offer(bundle(t, tick=100))
    assert drained(outbox) == [("gap", "tick", 0, 6), ("tick", 7), ("tick", 8), ("tick", 9)]
    assert outbox.lost == 7


def test_older_frames_give_way_to_newer_ones_before_any_tick_goes() -> None:
    outbox = Outbox(600, tell_gap)
    for t in range(1, 6):
        outbox.offer(bundle(t, frame=300, tick=60))
    ticks = [("tick", t) for t in range(1, 5)]
    assert drained(outbox) == [("gap", "frame", 1, 4), *ticks, ("frame", 5), ("tick", 5)]


def test_older_metrics_give_way_before_any_tick_goes() -> None:
    outbox = Outbox(600, tell_gap)
    for t in range(8):
        outbox.offer(bundle(t, metric=100, tick=60))
    kinds = [entry for entry in drained(outbox) if entry[0] == "metric"]
    assert kinds == [("metric", 7)]


def test_the_newest_frame_stays_while_ticks_come() -> None:
    outbox = Outbox(1000, tell_gap)
    outbox.offer(bundle(0, frame=400, tick=100))
    for t in range(1, 50):
        outbox.offer(bundle(t, tick=100))
    delivered = drained(outbox)
    assert delivered[0] == ("frame", 0)
    assert delivered[1] == ("gap", "tick", 0, 43)
    assert delivered[2:] == [("tick", t) for t in range(44, 50)]


def test_the_newest_metric_stays_too() -> None:
    outbox = Outbox(500, tell_gap)
    outbox.offer(bundle(0, metric=100, tick=100))
    for t in range(1, 20):
        outbox.offer(bundle(t, tick=100))
    assert drained(outbox) == [("metric", 0), ("gap", "tick", 0, 15), *[("tick", t) for t in range(16, 20)]]


def test_two_runs_of_losses_that_meet_become_one_gap() -> None:
    outbox = Outbox(300, tell_gap)
    for t in range(3):
        outbox.offer(bundle(t, tick=100))
    outbox.offer(bundle(3, tick=1000))  # larger than the bound while others wait
    for t in range(4, 8):
        outbox.offer(bundle(t, tick=100))
    assert drained(outbox) == [("gap", "tick", 0, 4), ("tick", 5), ("tick", 6), ("tick", 7)]


def test_a_larger_single_message_passes_when_nothing_waits() -> None:
    outbox = Outbox(300, tell_gap)
    outbox.offer(bundle(0, frame=5000))
    assert drained(outbox) == [("frame", 0)]
    outbox.offer(bundle(1, tick=100))
    outbox.offer(bundle(2, frame=5000))
    assert drained(outbox) == [("tick", 1), ("gap", "frame", 2, 2)]


def test_a_gap_is_told_once_and_the_next_loss_is_another() -> None:
    outbox = Outbox(200, tell_gap)
    for t in range(4):
        outbox.offer(bundle(t, tick=100))
    assert told(outbox.take(1)) == [("gap", "tick", 0, 1)]
    for t in range(4, 6):
        outbox.offer(bundle(t, tick=100))
    assert drained(outbox) == [("gap", "tick", 2, 3), ("tick", 4), ("tick", 5)]


def test_control_messages_are_never_lost_and_go_first() -> None:
    outbox = Outbox(300, tell_gap)
    for t in range(10):
        outbox.offer(bundle(t, tick=100))
        outbox.control(websocket_frame(control("pong")))
    delivered = drained(outbox)
    assert delivered[:10] == [("pong", None)] * 10
    assert delivered[-1] == ("tick", 9)


def test_take_returns_about_as_much_as_asked() -> None:
    outbox = Outbox(10_000, tell_gap)
    for t in range(50):
        outbox.offer(bundle(t, tick=100))
    assert told(outbox.take(1)) == [("tick", 0)]
    assert told(outbox.take(250)) == [("tick", 1), ("tick", 2), ("tick", 3)]
    assert outbox.bytes == 4600


def test_a_fast_client_again_gets_bundles_in_one_piece() -> None:
    outbox = Outbox(300, tell_gap)
    for t in range(9):
        outbox.offer(bundle(t, tick=100))
    drained(outbox)
    made = bundle(9, metric=60, tick=100)
    outbox.offer(made)
    assert outbox.take(EVERYTHING) is made.wire


# -- whatever is offered and taken

# A frame's header grows by two bytes between 127 and 130, so there is none of 128 or 129.
SIZES = st.one_of(st.none(), st.integers(60, 127), st.integers(130, 400))


@dataclass
class Offer:
    """What one moment holds; `skip` more than 1 is a hole in t."""

    skip: int
    sizes: dict[str, int]


def offers(sizes: st.SearchStrategy[int | None]) -> st.SearchStrategy[Offer]:
    def made(skip: int, *three: int | None) -> Offer:
        return Offer(skip, {kind: size for kind, size in zip(KINDS, three, strict=True) if size is not None})

    return st.builds(made, st.integers(1, 3), sizes, sizes, sizes).filter(lambda offer: offer.sizes)


# Runs of offers, so that clients fall behind and losses run into each other.
any_offer = offers(st.one_of(SIZES, SIZES, st.just(2000)))
steps = st.lists(st.one_of(any_offer, any_offer, any_offer, st.integers(1, 900), st.just("pong")), max_size=60)


@dataclass
class Client:
    """What a client has been told, checked as it comes."""

    delivered: list[tuple[str, int]] = field(default_factory=list)
    gaps: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    pongs: int = 0

    def hear(self, wire: bytes, offered: list[tuple[str, int]]) -> None:
        for entry in told(wire):
            if entry[0] == "pong":
                self.pongs += 1
            elif entry[0] == "gap":
                _, kind, from_t, to_t = entry
                assert from_t <= to_t
                assert {(kind, from_t), (kind, to_t)} <= set(offered), "a gap ends at lost messages"
                self.gaps[kind].append((from_t, to_t))
            else:
                self._take(entry, offered)

    def _take(self, entry: tuple[str, int], offered: list[tuple[str, int]]) -> None:
        """A message: everything before it was delivered before it, or told as lost."""
        place = offered.index(entry)
        assert entry not in self.delivered
        for kind, t in offered[:place]:
            assert ((kind, t) in self.delivered) != self.is_told(kind, t), f"{kind} {t} before {entry}"
        assert not self.is_told(*entry)
        assert all(offered.index(earlier) < place for earlier in self.delivered), "order"
        self.delivered.append(entry)

    def is_told(self, kind: str, t: int) -> bool:
        covered = [a for a, b in self.gaps[kind] if a <= t <= b]
        assert len(covered) <= 1, "one loss, one gap"
        return bool(covered)


def waiting_bytes(outbox: Outbox) -> list[tuple[int, int]]:
    """(t, bytes) of the data messages that wait."""
    wire = copy.deepcopy(outbox).take(EVERYTHING)
    found = [(json.loads(payload), len(websocket_frame(payload))) for payload, _ in messages_in(wire)]
    return [(m["t"], size) for m, size in found if m["type"] in KINDS]


@given(steps=steps, most_bytes=st.integers(150, 1500))
def test_everything_offered_is_delivered_in_order_or_told_as_lost(
    steps: list[Offer | int | str], most_bytes: int
) -> None:
    outbox, client = Outbox(most_bytes, tell_gap), Client()
    offered: list[tuple[str, int]] = []
    t = pongs = 0
    for step in steps:
        if isinstance(step, Offer):
            t += step.skip
            made = bundle(t, **step.sizes)
            offered += [(item.kind, t) for item in made.items]
            outbox.offer(made)
        elif step == "pong":
            outbox.control(websocket_frame(control("pong")))
            pongs += 1
        else:
            client.hear(outbox.take(step), offered)
        waiting = waiting_bytes(outbox)
        assert sum(size for _, size in waiting) <= most_bytes or len({t for t, _ in waiting}) == 1
    client.hear(outbox.take(EVERYTHING), offered)
    assert client.pongs == pongs
    assert (bool(outbox), outbox.bytes) == (False, 0)
    for kind, t in offered:
        assert ((kind, t) in client.delivered) != client.is_told(kind, t), f"{kind} {t} at the end"


def hole(from_t: int, to_t: int, *kinds: str) -> Bundle:
    """What all clients lack of these kinds."""
    wires = {kind: websocket_frame(gap(kind, from_t, to_t, "lost")) for kind in kinds}
    return Bundle(tuple(Item(kind, from_t, to_t, wire, is_gap=True) for kind, wire in wires.items()))


def with_reasons(outbox: Outbox) -> list[tuple[Any, ...]]:
    return [
        (m["reason"], m["kind"], m["from_t"], m["to_t"]) if m["type"] == "gap" else (m["type"], m["t"])
        for m in read(outbox.take(EVERYTHING))
    ]


def test_a_hole_for_all_pushes_nothing_out_and_stays_apart_from_what_one_client_lost() -> None:
    outbox = Outbox(600, tell_gap)
    outbox.offer(bundle(10, frame=300, tick=60))
    outbox.offer(bundle(11, tick=60))
    outbox.offer(hole(12, 20, "frame", "tick"))
    for t in range(21, 41):
        outbox.offer(bundle(t, tick=60))
    assert outbox.lost == 20
    assert with_reasons(outbox) == [
        ("frame", 10),
        ("slow", "tick", 10, 11),
        ("lost", "frame", 12, 20),
        ("lost", "tick", 12, 20),
        ("slow", "tick", 21, 38),
        ("tick", 39),
        ("tick", 40),
    ]
    assert (outbox.bytes, bool(outbox)) == (0, False)


@given(
    st.lists(st.tuples(st.sampled_from(["tick", "hole", "take"]), st.integers(1, 5)), max_size=60),
    st.integers(100, 600),
)
def test_ticks_and_holes_tell_of_every_t_once_and_in_order(steps: list[tuple[str, int]], most_bytes: int) -> None:
    outbox, t, heard = Outbox(most_bytes, tell_gap), 0, []
    for what, many in steps:
        if what == "take":
            heard += read(outbox.take(60 * many))
        elif what == "hole":
            outbox.offer(hole(t, t + many - 1, "tick"))
            t += many
        else:
            for _ in range(many):
                outbox.offer(bundle(t, tick=60))
                t += 1
    heard += read(outbox.take(EVERYTHING))
    due = 0
    for message in heard:
        assert message.get("from_t", message.get("t")) == due
        due = message.get("to_t", message.get("t")) + 1
    assert due == t
    assert (outbox.bytes, bool(outbox)) == (0, False)


@given(st.lists(offers(SIZES), min_size=1, max_size=40), st.integers(450, 1500))
def test_of_frames_and_metrics_the_newest_win_and_of_ticks_the_oldest_go(moments: list[Offer], most_bytes: int) -> None:
    outbox = Outbox(most_bytes, tell_gap)
    t = 0
    offered: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for made in moments:
        t += made.skip
        outbox.offer(bundle(t, **made.sizes))
        for kind in made.sizes:
            offered[kind].append(t)
    delivered = [entry for entry in drained(outbox) if entry[0] != "gap"]
    for kind in KINDS:
        kept = [t for k, t in delivered if k == kind]
        assert kept == offered[kind][len(offered[kind]) - len(kept) :], f"{kind}: the newest are kept"
    kept_kinds = {kind: sum(k == kind for k, _ in delivered) for kind in KINDS}
    if kept_kinds["tick"] < len(offered["tick"]):
        # A tick went only when there was no older frame or metric left to give way, at that time or later.
        lost_t = offered["tick"][len(offered["tick"]) - kept_kinds["tick"] - 1]
        for kind in ("frame", "metric"):
            assert sum(t <= lost_t for k, t in delivered if k == kind) <= 1
