"""What waits for one subscriber."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from api_socket.outbox import SubscriberOutbox


def test_answers_and_alerts_come_all_in_order_and_first() -> None:
    outbox = SubscriberOutbox()
    outbox.replace("a", b"price ")
    for wire in (b"1", b"2", b"3"):
        outbox.put(wire)
    assert len(outbox) == 4
    assert outbox.take(1000) == b"123price "
    assert not outbox


def test_of_a_key_the_newest_waits_in_the_place_of_the_one_before() -> None:
    outbox = SubscriberOutbox()
    outbox.replace("a", b"old a ")
    outbox.replace("b", b"b ")
    outbox.replace("a", b"new a ")
    assert outbox.bytes == 8
    assert outbox.take(1000) == b"new a b "


def test_what_nobody_wants_any_more_is_forgotten() -> None:
    outbox = SubscriberOutbox()
    outbox.replace("a", b"aaa")
    outbox.discard("a")
    outbox.discard("never there")
    assert (outbox.take(10), outbox.bytes) == (b"", 0)


def test_a_piece_ends_with_the_message_that_fills_it() -> None:
    outbox = SubscriberOutbox()
    for wire in (b"aaaa", b"bbbb", b"cccc"):
        outbox.put(wire)
    assert [outbox.take(5), outbox.take(5), outbox.take(5)] == [b"aaaabbbb", b"cccc", b""]


@given(st.lists(st.tuples(st.sampled_from(["put", "replace", "discard", "take"]), st.integers(0, 3), st.binary())))
def test_its_size_is_that_of_what_waits(steps: list[tuple[str, int, bytes]]) -> None:
    outbox, put, taken = SubscriberOutbox(), b"", b""
    for do, key, wire in steps:
        if do == "put":
            outbox.put(b"[%d]" % len(put))
            put += b"[%d]" % len(put)
        elif do == "replace":
            outbox.replace(key, wire.replace(b"[", b"("))
        elif do == "discard":
            outbox.discard(key)
        else:
            taken += outbox.take(8)
    before = outbox.bytes
    rest = outbox.take(1 << 30)
    assert (len(rest), outbox.bytes) == (before, 0)
    heard, at = taken + rest, 0
    for number in put.split(b"[")[1:]:
        at = heard.index(b"[" + number, at) + 1
