"""How what clients send is parsed in turns: no sockets, no clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from igsite.config import Config
from server.protocols.websocket_intake import PAYLOAD_BYTES, PIECE_BYTES, Intake, Turns, frames_allowed
from tests.server.turning import Loop, Transport


def intake(loop: Loop, turns: Turns, parsed: list[Any], name: str = "", transport: Any = None) -> Intake:
    """One that parses at 0.4 ms a piece, and notes each piece, or its name instead."""

    def parse(piece: bytes) -> int:
        loop.now += 0.0004
        parsed.append(name or piece)
        return 0

    one = Intake(transport or Transport(), parse, turns)
    one.begin(b"")
    return one


def test_a_long_read_is_parsed_in_pieces_between_which_the_loop_turns() -> None:
    loop, transport, pieces = Loop(), Transport(), []
    intake(loop, Turns(loop), pieces, transport=transport).put(b"x" * 65_536)
    most = len(pieces)
    assert not transport.reads
    while not transport.reads:
        before = len(pieces)
        assert loop.turn()
        most = max(most, len(pieces) - before)
    assert b"".join(pieces) == b"x" * 65_536
    assert most <= 3


def test_a_short_message_waits_for_no_long_ones() -> None:
    loop, order = Loop(), []
    turns = Turns(loop)
    for n in range(20):
        intake(loop, turns, order, f"long {n}").put(b"x" * 60_000)
    for _ in range(50):
        loop.turn()
    before = len(order)
    intake(loop, turns, order, "short").put(b"x")
    loop.run()
    assert order.index("short") <= before + 1


def test_long_ones_go_on_beside_a_crowd_of_short_ones() -> None:
    loop, order = Loop(), []
    turns = Turns(loop)
    intake(loop, turns, order, "long").put(b"x" * 60_000)
    for _ in range(50):
        intake(loop, turns, order, "short").put(b"x")
    before = len(order)
    loop.run()
    assert 9 <= order[before : before + 20].count("long") <= 11


def test_parsing_takes_half_of_the_time_at_most() -> None:
    loop, parsed = Loop(), []
    begun = loop.now
    intake(loop, Turns(loop), parsed).put(b"x" * 100 * PIECE_BYTES)
    loop.run()
    assert len(parsed) == 100
    assert loop.now - begun >= 1.9 * 100 * 0.0004


def test_of_a_frame_that_is_long_pieces_are_larger() -> None:
    sizes: list[int] = []
    loop = Loop()
    Intake(Transport(), lambda piece: sizes.append(len(piece)) or 50_000, Turns(loop)).begin(b"x" * 60_000)
    loop.run()
    assert sizes[:2] == [PIECE_BYTES, PAYLOAD_BYTES]


def test_a_parser_that_fails_ends_its_own_connection_alone() -> None:
    loop, transport, parsed = Loop(), Transport(), []
    turns = Turns(loop)
    bad = Intake(transport, lambda piece: 1 // 0, turns)
    bad.begin(b"x" * 10_000)
    intake(loop, turns, parsed).put(b"y" * 10_000)
    loop.run()
    assert transport.ends == ["aborted"]
    assert b"".join(parsed) == b"y" * 10_000


@given(
    st.lists(
        st.one_of(st.binary(max_size=3000), st.sampled_from(["hold", "let go", "turn", "begin"])),
        max_size=30,
    )
)
def test_whatever_happens_each_byte_is_parsed_once_in_order(events: list[bytes | str]) -> None:
    loop, transport, parsed = Loop(0.0003), Transport(), []
    one = Intake(transport, lambda piece: parsed.append(piece) or len(piece), Turns(loop))
    does: dict[str, Callable[[], object]] = {
        "hold": one.pauseProducing,
        "let go": one.resumeProducing,
        "turn": loop.turn,
        "begin": lambda: one.begin(b""),
    }
    sent = b""
    for event in events:
        if isinstance(event, bytes):
            sent += event
            one.put(event)
        else:
            does[event]()
        assert not (transport.reads and len(b"".join(parsed)) < len(sent)), "read on although something waits"
    one.begin(b"")
    one.resumeProducing()
    loop.run()
    assert b"".join(parsed) == sent
    assert transport.reads


def test_the_limit_on_frames_lies_above_that_on_messages() -> None:
    assert frames_allowed(Config()) == 1000
    assert frames_allowed(Config(api_messages_a_second=5000)) == 10_000
