"""Accepting where descriptors run out: who comes waits, who is there goes on, and the log has one line."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from server import accepting
from server.accepting import Acceptor, Outage
from server.admission.admission import Admission, Capacity
from tests.server.serving import PATIENCE_SECONDS, Serving, socket_at, wait_until, whole_answer

REQUEST = b"GET /whole/3 HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def limited() -> Iterator[Serving]:
    with Serving(descriptors=300) as serving:
        yield serving


def ask(client: socket.socket, path: str) -> bytes:
    """The answer on a connection that is kept."""
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return whole_answer(client)


def test_without_descriptors_accepting_waits_and_then_goes_on(limited: Serving) -> None:
    begun = "connections wait to be accepted: "
    keeper = limited.connect()
    with socket_at(f"{limited.url}/ticks") as healthy:
        first = int(healthy.recv(timeout=PATIENCE_SECONDS))
        assert b"200 OK" in ask(keeper, "/hog")
        waiting = [limited.connect(REQUEST) for _ in range(8)]  # what one address may have under way
        wait_until(lambda: begun in limited.errors)
        for t in range(first + 1, first + 400):
            assert healthy.recv(timeout=PATIENCE_SECONDS) == str(t)
        assert b"200 OK" in ask(keeper, "/whole/3"), "who is there is served"
        assert b"200 OK" in ask(keeper, "/free")
        for client in waiting:
            assert client.recv(15) == b"HTTP/1.1 200 OK", "who waited is served too"
            client.close()
        assert limited.errors.count(begun) == 1
    keeper.close()


# -- what the kernel says elsewhere


class Port:
    """A port whose `accept` fails as it is told."""

    connected, disconnecting, factory = True, False, None

    def __init__(self, *errors: int) -> None:
        self.errors = [*errors]
        self.reads: list[bool] = []
        self.own = os.open("/dev/null", os.O_RDONLY)
        self.socket: Any = self

    def fileno(self) -> int:
        return self.own

    def close(self) -> None:
        """A process that forks from this one has nothing to close."""

    def accept(self) -> Any:
        number = self.errors.pop(0) if self.errors else errno.EAGAIN
        raise BlockingIOError if number == errno.EAGAIN else OSError(number, os.strerror(number))

    def stopReading(self) -> None:  # noqa: N802 (Twisted's names)
        self.reads.append(False)

    def startReading(self) -> None:  # noqa: N802
        self.reads.append(True)


def run(port: Port, until: Callable[[], bool] = lambda: True, most_in_use: int = 1 << 20) -> None:
    async def accept() -> None:
        outage = Outage(asyncio.get_running_loop())
        acceptor = Acceptor(port, Admission(Capacity(1, 1, 1, 1)), most_in_use, (), outage)  # type: ignore[arg-type]
        acceptor.accept()
        while port.errors or port.reads[-1:] == [False]:
            await asyncio.sleep(0)
            if port.reads[-1:] == [True]:
                acceptor.accept()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not until():
                await asyncio.sleep(0.01)  # a wait of seconds, which is to leave the processor to others

    asyncio.run(accept())
    os.close(port.own)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(accepting, "_OVER_SECONDS", 2.0)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EBADF])
def test_each_failure_makes_a_pause_and_an_outage_two_lines(number: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    port = Port(number, number, number)
    run(port, until=lambda: len(caplog.records) == 2)
    assert port.reads == [False, True] * 3
    first, last = [record.getMessage() for record in caplog.records]
    assert first == f"connections wait to be accepted: {os.strerror(number)}"
    assert last.startswith("connections are accepted as ever, after ")


def test_no_connection_takes_one_of_the_last_descriptors(caplog: pytest.LogCaptureFixture) -> None:
    port = Port()

    async def accept() -> None:
        outage = Outage(asyncio.get_running_loop())
        Acceptor(port, Admission(Capacity(1, 1, 1, 1)), 3, (), outage).accept()  # type: ignore[arg-type]

    asyncio.run(accept())
    os.close(port.own)
    assert port.reads[0] is False
    assert " file descriptors are in use" in caplog.text


def test_a_forked_process_does_not_have_the_port() -> None:
    port = Port()
    with socket.create_server(("127.0.0.1", 0)) as port.socket:
        Acceptor(port, Admission(Capacity(1, 1, 1, 1)), 3, (), None)  # type: ignore[arg-type]
        if not (child := os.fork()):
            os._exit(port.socket.fileno() != -1)
        assert os.waitpid(child, 0)[1] == 0
        assert port.socket.fileno() != -1
    os.close(port.own)


@pytest.mark.parametrize("number", [errno.ECONNABORTED, errno.EPERM])
def test_a_connection_that_was_lost_meanwhile_is_no_failure_of_the_port(
    number: int, caplog: pytest.LogCaptureFixture
) -> None:
    port = Port(number)
    run(port)
    assert port.reads == []
    assert caplog.records == []
