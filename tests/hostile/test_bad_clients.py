"""Clients that stall, crawl, flood, vanish or play dead cost their own connection and nobody else anything."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.followers import Follower, following
from tests.hostile.clients import (
    figure,
    frame,
    memory_bytes,
    messages_and_close,
    raw_client,
    read_to_the_end,
    vanish,
)
from tests.hostile.conftest import MARKET, STALL_SECONDS, TICK_SECONDS, TIMES_AS_LATE
from tests.processes import Live, Site, wait_until

MEBI = 1 << 20


#: For so long the server lets a client that it cuts off read why.
TIME_TO_WAKE_UP_SECONDS = 5

#: Ticks and frames that are more together than an outbox holds.
ENOUGH_TO_OVERFLOW = 500


@contextmanager
def unharmed(live: Live, control: Live, *, in_time: bool = True) -> Iterator[None]:
    """Three healthy clients, whose streams go on as those of the market do that nobody attacks; `in_time` where what
    the others ask for is no work."""
    followers, quiet = [Follower(live) for _ in range(3)], Follower(control)
    with following(*followers, quiet):
        for follower in (*followers, quiet):
            follower.wait_for_more(100)
        yield
        for follower in (*followers, quiet):
            follower.wait_for_more(20)
    for follower in followers:
        follower.assert_heard_each_tick_once()
        assert follower.was_let_be
        assert not in_time or lateness_seconds(follower) < STALL_SECONDS + TIMES_AS_LATE * lateness_seconds(quiet)


def lateness_seconds(follower: Follower) -> float:
    """By how much ticks came later than the most punctual one, at worst but for one in a hundred."""
    at = sorted(when - message["t"] * TICK_SECONDS for when, message in follower.heard if message["type"] == "tick")
    return at[int(len(at) * 0.99)] - at[0]


def test_clients_that_stall_are_told_why_and_cut_off_at_bounded_memory(live: Live, control: Live) -> None:
    count = 20
    with unharmed(live, control):
        before, cut = memory_bytes(live), live.log().count("cut off")
        stalled = [raw_client(live) for _ in range(count)]
        most = before
        wait_until(lambda: figure(live, "market_camera_outbox_bytes") > 0, "something that waits for them")
        last_look = wait_until_cut_off(live, stalled[0])
        messages, close = messages_and_close(read_to_the_end(stalled[0]))
        told = (4408, f"nothing was taken for {STALL_SECONDS:g} s")
        woke_up_in_time = time.monotonic() < last_look + TIME_TO_WAKE_UP_SECONDS
        assert close == told or (close is None and not woke_up_in_time)
        assert messages

        def all_cut_off() -> bool:
            nonlocal most
            most = max(most, memory_bytes(live))
            return live.log().count("cut off") >= cut + count

        wait_until(all_cut_off, f"{count} stalled clients cut off")
        assert (most - before) / count < 2 * MEBI
        for client in stalled[1:]:
            assert messages_and_close(read_to_the_end(client))[1] in (None, told)
        wait_until(lambda: figure(live, "market_camera_clients") == 3, "the end of the stalled")
        wait_until(lambda: figure(live, "market_camera_outbox_bytes") == 0, "the end of what waited for them")
        for client in stalled:
            client.close()


def wait_until_cut_off(live: Live, client: socket.socket) -> float:
    """Wait for the server's word of it; when it had not been said yet."""
    waking, not_yet = f"cut off 127.0.0.1:{client.getsockname()[1]}:", [time.monotonic()]

    def is_said() -> bool:
        now = time.monotonic()
        if waking in live.log():
            return True
        not_yet.append(now)
        return False

    wait_until(is_said, "the word to the one that wakes up just in time")
    return not_yet[-1]


def test_a_client_that_crawls_keeps_its_connection_and_hears_what_it_lost(live: Live, control: Live) -> None:
    with unharmed(live, control):
        crawling = raw_client(live, "?types=tick,frame")
        received, begun = bytearray(), live.wait_for_ticks(0)
        while live.wait_for_ticks(0) < begun + ENOUGH_TO_OVERFLOW:
            for _ in range(int(STALL_SECONDS / 0.05)):
                received += crawling.recv(500)  # 10 KB a second
                pause(0.05)
        while b'"reason":"slow"' not in received[-200_000:]:
            received += crawling.recv(100_000)
        received += crawling.recv(100_000)
        crawling.close()
    messages, close = messages_and_close(bytes(received))
    assert close is None
    assert_every_loss_is_told(messages)


def pause(seconds: float) -> None:
    """What makes a crawling client crawl: nothing ever comes here."""
    one, other = socket.socketpair()
    one.settimeout(seconds)
    with pytest.raises(TimeoutError):
        one.recv(1)
    one.close()
    other.close()


def assert_every_loss_is_told(messages: list[dict[str, object]]) -> None:
    """Ticks and gaps of ticks follow each other."""
    due = None
    for message in messages:
        if message["type"] == "tick":
            first = last = message["t"]
        elif message["type"] == "gap" and message["kind"] == "tick":
            first, last = message["from_t"], message["to_t"]
        else:
            continue
        assert due in (None, first), message
        due = last + 1  # type: ignore[operator]


def test_clients_that_flood_are_let_go_with_the_limit_they_broke(live: Live, control: Live) -> None:
    with unharmed(live, control):
        for said in (b"ping", b'{"type":"ping"}', b"nonsense", b""):
            flooding = raw_client(live, "?types=metric&every=1000", receive_bytes=1 << 20)
            flooding.sendall(frame(1, said) * 500)
            messages, close = messages_and_close(read_to_the_end(flooding))
            assert messages[-1]["error"] == "rate_limited"
            assert close is not None
            assert close[0] == 4429
            flooding.close()


def test_pings_of_the_protocol_without_end_are_cut_short(live: Live, control: Live) -> None:
    with unharmed(live, control):
        before = memory_bytes(live)
        flooding = raw_client(live, "?types=metric&every=1000")
        # So short that a server which gets little time reads them within one second all the same.
        flooding.sendall(frame(9, b"ping") * 5000)
        assert messages_and_close(read_to_the_end(flooding))[1] == (1008, "more than 1000 WebSocket frames a second")
        assert memory_bytes(live) - before < 20 * MEBI
        flooding.close()


def test_clients_that_vanish_in_mid_stream_leave_nothing_behind(live: Live, control: Live) -> None:
    with unharmed(live, control, in_time=False):  # ninety of them ask for the whole past
        for _ in range(3):
            crowd = [raw_client(live, f"?since={t}" if t % 2 else "") for t in range(60)]
            for client in crowd:
                vanish(client)
        wait_until(lambda: figure(live, "market_camera_clients") == 3, "the end of those who vanished")


def test_half_open_connections_are_found_by_their_silence(live: Live) -> None:
    """A peer that is gone without a word answers no ping."""
    site = Site(live.site.directory / "..", live.site.database)
    site.store = live.store
    quiet = site.serve("serve", "-b", "127.0.0.1", "--ping-interval", "1", "--ping-timeout", "1", **MARKET)
    try:
        dead = raw_client(quiet, "?types=frame")
        _, close = messages_and_close(read_to_the_end(dead))
        assert close is None, "nobody is there to be told"
        wait_until(lambda: figure(quiet, "market_camera_clients") == 0, "the end of the dead")
    finally:
        site.end()
