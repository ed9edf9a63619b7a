"""A proxy before PostgreSQL that loses an answer: the statement is carried out, and who sent it never hears of it."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

from tests.network import Listener


class LosingProxy:
    """Passes connections on to the server of `url`; its own is `url` too."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (str(parts.hostname), int(parts.port or 0))
        self._to_lose: bytes | None = None
        self.lost = threading.Event()
        self._listener = Listener(self._take)
        self.url = url.replace(f":{self._server[1]}/", f":{self._listener.port}/")

    def lose(self, statement: bytes) -> None:
        """Of the next statement that holds this text the answer is lost, and the connection with it."""
        self._to_lose = statement

    def close(self) -> None:
        self._listener.close()

    def _take(self, client: socket.socket) -> None:
        server = socket.create_connection(self._server)
        losing = threading.Event()
        for one, other, looks in ((client, server, True), (server, client, False)):
            threading.Thread(target=self._pass_on, args=(one, other, looks, losing), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, looks: bool, losing: threading.Event) -> None:
        with source, sink, suppress(OSError):
            while data := source.recv(1 << 16):
                if looks and self._to_lose is not None and self._to_lose in data:
                    self._to_lose = None
                    losing.set()
                elif not looks and losing.is_set():
                    self.lost.set()
                    break
                sink.sendall(data)
            for one in (source, sink):
                one.shutdown(socket.SHUT_RDWR)
