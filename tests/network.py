"""Both ends of a connection: how a test's client connects, and a server of its own at a free port."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

#: Options of a WebSocket client that gives nothing up since the machine is busy: no slow handshake, and no socket that
#: a test does not read for a while.
CALM: dict[str, Any] = {"open_timeout": 180, "ping_interval": None, "close_timeout": 0.1}


class Listener:
    """Hands each connection to `take`, one after the other, on a thread of its own, until it is closed."""

    def __init__(self, take: Callable[[socket.socket], object]) -> None:
        self._take, self._is_over = take, False
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more connections. The thread ends first: if it was about to accept, it would take a connection of
        whichever socket has the same number next."""
        self._is_over = True
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            pass
        self._thread.join()
        self._listening.close()

    def _accept(self) -> None:
        while not self._is_over:
            client, _ = self._listening.accept()
            if self._is_over:
                client.close()
                return
            try:
                self._take(client)
            except OSError:
                client.close()
