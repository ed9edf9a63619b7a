"""Under a limit on the process's memory clients are refused, and the market misses nothing."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from tests.followers import Follower, following
from tests.hostile.clients import UPGRADE, cramped_socket, frame, messages_and_close, read_to_the_end
from tests.hostile.conftest import MARKET
from tests.processes import Live, Site, wait_until

pytestmark = pytest.mark.long

#: Room for 126 WebSockets and 16 requests.
CLIENT_MEMORY_MB = 100

#: What the server may take beside what it has with nobody there: twice that, and for what the threads reserve.
SPARE_BYTES = 256 << 20

#: Each with as many attackers of a kind; so many unfinished messages of a mebibyte were too much.
SOURCES, EACH = [f"127.0.0.{n}" for n in range(10, 16)], 60
PAST = 9000
MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Live]:
    """A market with a past, whose server may take little more memory than it has."""
    site = Site(tmp_path_factory.mktemp("memory"), migrated_database)
    settings = {**MARKET, "IG_STALL_SECONDS": 3600, "IG_CLIENT_MEMORY_MB": CLIENT_MEMORY_MB}
    try:
        assert site.run("runmarket", "--ticks", str(PAST), "--speed", "0", **settings).returncode == 0
        server = site.serve(**settings)
        server.wait_for_ticks(PAST + 500)
        process = psutil.Process(server.process.pid)
        limit = process.memory_info().vms + SPARE_BYTES
        resource.prlimit(process.pid, resource.RLIMIT_AS, (limit, limit))
        yield server
        assert server.stop() == 0
        for word in ("Traceback", "MemoryError", "can't start new thread"):
            assert word not in server.log(), server.log()[-3000:]
    finally:
        site.end()


def attack(live: Live, opened: ExitStack, source: str, said: bytes, then: bytes = b"") -> socket.socket:
    """A client that has said this, and the rest behind its handshake, and reads no more; one that is closed may have
    said less."""
    client = opened.enter_context(cramped_socket(live, source=source))
    with suppress(ConnectionResetError, BrokenPipeError):
        client.sendall(said)
        if then:
            head = b""
            while not head.endswith(b"\r\n\r\n") and (byte := client.recv(1)):
                head += byte
            client.sendall(then)
    return client


def upgrade(query: str = "", headers: str = "") -> bytes:
    return UPGRADE.format(path=f"/ws/stream{query}", headers=headers).encode()


def unfinished(size: int) -> bytes:
    """A message of this size without its last byte."""
    return bytes((0x82, 0xFF)) + size.to_bytes(8) + bytes(4) + bytes(size - 1)


GET = "GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = "POST /api/v1/backtests HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
ATTACKS = {
    "unread pages": lambda n: (GET.format("/incremental?from_t=-1&limit=10000").encode(),),
    "unread ranges": lambda n: (GET.format("/range?kind=frames").encode(),),
    "many requests at once": lambda n: (GET.format("/incremental?from_t=-1&limit=10000").encode() * 500,),
    "slow uploads": lambda n: (POST.encode() + bytes(500_000),),
    "unread resumes": lambda n: (upgrade("?since=0"),),
    "unread, compressed": lambda n: (upgrade("?since=0", DEFLATE),),
    "sets of options": lambda n: (upgrade(f"?since=0&every={1 + n}"),),
    "unread replays": lambda n: (upgrade("?replay=0..&speed=0"),),
    "replays of an hour a minute": lambda n: (upgrade(f"?replay={50 * n}..&speed=60"),),
    "unread events": lambda n: (GET.format("/stream?since=0").encode(),),
    "unread resumes, unfinished messages": lambda n: (upgrade("?since=0"), unfinished(100_000)),
    "unfinished messages of a mebibyte": lambda n: (upgrade(), unfinished(MEBIBYTE)),
}


@pytest.mark.parametrize("kind", ATTACKS)
def test_attackers_are_told_or_wait_and_the_market_goes_on(live: Live, opened: ExitStack, kind: str) -> None:
    process = psutil.Process(live.process.pid)
    threads = process.num_threads()
    healthy = Follower(live)
    with following(healthy):
        healthy.wait_for_more(50)
        for n in range(EACH):
            for source in SOURCES:
                attack(live, opened, source, *ATTACKS[kind](n))
        healthy.wait_for_more(300)
        live.wait_until_it_answers()  # those who were refused are gone within seconds
        wait_until(lambda: process.num_threads() <= threads, "no thread more than before, but that of a child")
        opened.close()
        healthy.wait_for_more(50)
        # On a machine that does nothing else it has every tick; where 360 attackers leave it no time, it is told.
        healthy.assert_nothing_is_untold()
        assert healthy.was_let_be


def test_sockets_beyond_the_memory_are_told(live: Live, opened: ExitStack) -> None:
    clients = [attack(live, opened, SOURCES[n % 6], upgrade(), frame(1, b"ping")) for n in range(126 + 20)]
    for client in clients[126:]:
        messages, close = messages_and_close(read_to_the_end(client))
        assert messages[0]["error"] == "too_many_connections"
        assert close is not None
        assert close[0] == 4429


def test_a_message_that_is_too_long_is_refused_with_its_head(live: Live, opened: ExitStack) -> None:
    client = attack(live, opened, SOURCES[0], upgrade(), unfinished(200_000)[:14])
    _, close = messages_and_close(read_to_the_end(client))
    assert close is not None
    assert close[0] == 1009
