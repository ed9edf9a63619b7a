"""A client of the feed as they are in use: it says CONNECT, never pings, appends what it gets, and gives up soon."""

from __future__ import annotations

import json
import signal
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidMessage
from websockets.sync.client import connect

from tests.network import CALM
from tests.processes import PATIENCE_SECONDS, wait_until

#: Between its attempts to connect again; after the last of them it gives up. On a machine on which a start takes
#: longer than two seconds these seconds are longer in proportion.
BACK_OFF_SECONDS = (1, 2, 4)
START_SECONDS = 2.0
FAST = {"IG_SPEED": 30, "IG_SEED": 5, "IG_START_TS": 1769255900, "IG_CAM_W": 50, "IG_FLUSH_SECONDS": 0.2}


class Strategy:
    """The client, on a thread of its own until `leave`; `bars` is what it appended, `gave_up` why it ended early."""

    def __init__(self, url: str, slowness: float) -> None:
        self._url, self._slowness, self._leave = url, slowness, threading.Event()
        self.bars: list[dict] = []
        self.connected = 0
        self.gave_up: str | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def leave(self) -> None:
        self._leave.set()
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        failed = 0
        while not self._leave.is_set():
            try:
                with connect(self._url, max_queue=None, **CALM) as socket:
                    socket.send(json.dumps({"type": "CONNECT", "symbols": ["IG-USD"], "resolutions": ["1s"]}))
                    failed = self._listen(socket, failed)
            except (OSError, ConnectionClosed, InvalidMessage) as error:
                if failed == len(BACK_OFF_SECONDS):
                    self.gave_up = str(error)
                    return
                self._leave.wait(BACK_OFF_SECONDS[failed] * self._slowness)
                failed += 1

    def _listen(self, socket, failed: int) -> int:
        while not self._leave.is_set():
            try:
                message = json.loads(socket.recv(timeout=0.2))
            except TimeoutError:
                continue
            if message["type"] == "CONNECTED":
                self.connected += 1
                failed = 0
            elif message["type"] == "BAR":
                self.bars.append(message)
            else:
                raise AssertionError(message)
        return failed


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_client_that_gives_up_after_seven_seconds_lives_through_a_restart(site, how):
    begun = time.monotonic()
    live = site.serve(**FAST)
    client = Strategy(f"{live.ws_url}/market_data", max(1.0, (time.monotonic() - begun) / START_SECONDS))
    try:
        wait_until(lambda: len(client.bars) >= 5, "bars")
        live.stop(how)
        live = site.serve(**FAST, PORT=live.port)
        wait_until(lambda: client.connected == 2 or client.gave_up, "the client's way back")
        assert client.gave_up is None
        before = len(client.bars)
        wait_until(lambda: len(client.bars) >= before + 5, "bars after the restart")
    finally:
        client.leave()
    opened = [bar["open_time"] for bar in client.bars]
    assert opened[before:] == list(range(opened[before], opened[-1] + 1000, 1000))
    if how == signal.SIGTERM:
        assert opened == sorted(set(opened)), "each bar closes once"
