"""The client against real servers: killed, stalled, outrun, and asked afterwards whether it was all true."""

from __future__ import annotations

import contextlib
import json
import re
import socket as sockets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from marketcamera import Backtest, Gap, Replay, Stream, get_price, get_websocket_cache, get_websocket_manager
from marketcamera.command import main
from marketcamera.stream.messages import Received
from marketcamera.stream.recording import line_of
from tests.network import Listener
from tests.processes import PATIENCE_SECONDS, ROOT, Live, Site, decompressed, free_port, wait_until

SYMBOL = "IG-USD"
FAST = {"IG_SPEED": 30, "IG_CAM_W": 20, "IG_CAM_STRIDE": 5, "IG_SEED": 7}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Live]:
    """A market with a past, of 100 ticks and 10 bars of a second each second."""
    site = Site(tmp_path_factory.mktemp("client"), migrated_database)
    try:
        made = site.run("runmarket", "--ticks", "1200", "--speed", "0", **FAST)
        assert made.returncode == 0, made.stderr
        yield site.serve(**(FAST | {"IG_SPEED": 10}))
    finally:
        site.end()


@pytest.fixture(autouse=True)
def _nothing_left_over() -> Iterator[None]:
    yield
    get_websocket_manager().stop()
    get_websocket_cache().clear()


def ticks_to(stream: Stream, last_t: int) -> list[int]:
    found = []
    for message in stream:
        assert not isinstance(message, Gap), message
        found.append(message.t)
        if message.t >= last_t:
            return found
    raise AssertionError("the stream ended")


@pytest.mark.long
def test_a_copy_made_across_kills_of_the_server_is_the_tape(site: Site) -> None:
    port, copy = free_port(), []
    server = site.serve(PORT=port, **FAST)
    stream = Stream(server.ws_url, since=-1)

    def read() -> None:
        copy.extend(stream)

    thread = threading.Thread(target=read)
    thread.start()
    for end in (server.kill, None):
        newest = server.wait_for_ticks((stream.position or 0) + 150)
        wait_until(lambda t=newest: (stream.position or 0) >= t, "the stream to follow")
        if end is not None:
            end()
            server = site.serve(PORT=port, **FAST)
    server.stop()
    wait_until(lambda: site.sealed, "the sealing")
    ends = {kind: site.messages(f"{kind}s")[-1]["t"] for kind in ("tick", "metric", "frame")}
    server = site.serve(PORT=port, **FAST)
    wait_until(lambda: (stream.position or 0) > ends["tick"] + 5, "the rest of the tape")
    stream.close()
    thread.join()
    for kind, end_t in ends.items():
        ours = [json.loads(line_of(one)) for one in copy if one.kind == kind and one.t <= end_t]
        assert ours == [one for one in site.messages(f"{kind}s") if one["t"] <= end_t]


class Proxy:
    """A network between client and server that can come to a standstill without a word.

    Only the first `stalling` connections do; `buffer_bytes` is what it takes from the server beforehand.
    """

    def __init__(self, port: int, *, stalling: int = 1, buffer_bytes: int = 65_536) -> None:
        self._port, self._stalling, self._buffer_bytes = port, stalling, buffer_bytes
        self.flows = threading.Event()
        self.flows.set()
        self.accepted = 0
        self._listener = Listener(self._take)
        self.url = f"ws://127.0.0.1:{self._listener.port}"

    def _take(self, near: sockets.socket) -> None:
        self.accepted += 1
        far = sockets.socket()
        far.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, self._buffer_bytes)
        far.connect(("127.0.0.1", self._port))
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=self._carry, args=(one, other, self.accepted), daemon=True).start()

    def _carry(self, one: sockets.socket, other: sockets.socket, number: int) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(self._buffer_bytes):
                if number <= self._stalling:
                    self.flows.wait()
                other.sendall(data)

    def close(self) -> None:
        self._listener.close()
        self.flows.set()


@pytest.mark.long
def test_a_network_that_stalls_costs_no_tick(live: Live) -> None:
    proxy = Proxy(live.port)
    try:
        stream = Stream(proxy.url, "tick", since=-1, silence_seconds=1.0)
        heard = []
        for message in stream:
            heard.append(message.t)
            if stream.caught_up and proxy.accepted == 1:
                proxy.flows.clear()
            if proxy.accepted >= 2 and stream.caught_up:
                break
        assert heard == list(range(len(heard)))
    finally:
        proxy.close()


@pytest.mark.long
def test_a_slow_program_gets_every_tick(site: Site) -> None:
    """Its outbox at the server holds a few ticks, and the market makes hundreds while the program thinks."""
    server = site.serve(**(FAST | {"IG_SPEED": 100, "IG_OUTBOX_BYTES": 4096}))
    proxy, heard = Proxy(server.port, stalling=99, buffer_bytes=4096), []
    try:
        for message in Stream(proxy.url, "tick", since=-1):
            assert not isinstance(message, Gap)
            heard.append(message.t)
            if len(heard) in (500, 1500):
                proxy.flows.clear()
                begin = server.wait_for_ticks(message.t)
                server.wait_for_ticks(begin + 500)
                proxy.flows.set()
            if len(heard) == 2500:
                break
    finally:
        proxy.close()
    assert heard == list(range(2500))
    lost = re.search(r"^market_camera_lost_messages_total\S* (\S+)", server.ask("/metrics").body.decode(), re.MULTILINE)
    assert lost is not None
    assert float(lost[1]) > 0, "it was never too slow"


def test_a_replay_gives_what_the_stream_gave(live: Live) -> None:
    def until_tick(messages: Any, t: int) -> list[Received]:
        found = []
        for message in messages:
            found.append(message)
            if (message.kind, message.t) == ("tick", t):
                return found
        raise AssertionError("it ended")

    streamed = until_tick(Stream(live.url, since=299), 499)
    assert list(Replay(live.url, 300, 499)) == streamed
    assert {message.kind for message in streamed} == {"frame", "metric", "tick"}


def test_a_replay_keeps_the_pace(live: Live) -> None:
    began = time.monotonic()
    assert len(list(Replay(live.url, 0, 10, 4.0, types="tick"))) == 11
    assert time.monotonic() - began >= 0.24  # a second of the market at four times its pace


def moving_average(symbol: str) -> tuple[pd.DataFrame, int]:
    """A strategy: what it saw, and which way it would go."""
    prices = get_price(symbol, count=20, frequency="1s")
    return prices, 1 if prices["close"].tail(5).mean() > prices["close"].mean() else -1


@pytest.mark.long
def test_a_strategy_sees_live_what_the_recording_tells_afterwards(site: Site) -> None:
    port, seen = free_port(), {}
    server = site.serve(PORT=port, **FAST)
    get_websocket_manager().configure(endpoint=f"{server.ws_url}/market_data", symbols=[SYMBOL], resolutions=["1s"])
    get_websocket_manager().start()
    last = -1
    for part in range(2):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(seen) < 40 * (part + 1):
            assert time.monotonic() < deadline, get_websocket_manager().get_status()
            bar = get_websocket_cache().wait_for_bar(SYMBOL, "1s", after=last, timeout_seconds=PATIENCE_SECONDS)
            assert bar is not None
            prices, side = moving_average(SYMBOL)
            last = int(prices.index[-1].timestamp() * 1000)
            seen[last] = (prices, side)
        server.kill()
        server = site.serve(PORT=port, **FAST)
    with Backtest() as test:
        for close_time, (prices, side) in seen.items():
            test.at(close_time)
            again, same_side = moving_average(SYMBOL)
            pd.testing.assert_frame_equal(again, prices, check_freq=False)
            assert same_side == side
    server.stop()  # what is being written may end in the midst of a line
    rebuilt = bars_of_ticks(site)
    for prices, _ in seen.values():
        pd.testing.assert_frame_equal(rebuilt.loc[prices.index], prices, check_freq=False)


def bars_of_ticks(site: Site) -> pd.DataFrame:
    """Bars of a second made of the recorded ticks, as their definition has it and in no other way."""
    rows = []
    for tick in site.messages("ticks"):
        actions, size = tick["actions"], 0.0
        for match in tick["matches"]:
            one, other = actions[match["a"]], actions[match["b"]]
            size += one["size"] if match["b"] == -1 else min(one["size"], other["size"])
        rows.append((int(tick["ts"]), 40_000 + 20_000 * tick["s"]["price_norm"], size))
    table = pd.DataFrame(rows, columns=["second", "price", "size"]).groupby("second")
    bars = table["price"].agg(open="first", high="max", low="min", close="last")
    bars["volume"] = table["size"].sum()
    index = pd.to_datetime(bars.index + 1, unit="s", utc=True).as_unit("ns").rename("close_time")
    return bars.set_index(index).astype("float64").round(6)


def test_the_readme_tells_the_truth(live: Live, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    text = (ROOT / "client" / "README.md").read_text()
    scope: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        assert "localhost:8000" in block or "http" not in block
        block = block.replace("localhost:8000", f"127.0.0.1:{live.port}")
        block = block.replace("timeout_seconds=30", f"timeout_seconds={PATIENCE_SECONDS}")
        exec(compile(block, "README.md", "exec"), scope)
    assert list(scope["prices"].columns) == ["open", "high", "low", "close", "volume"]
    assert len(scope["prices"]) == 5
    assert len(scope["ticks"]) == 100
    shown = capsys.readouterr().out
    assert "100 ticks," in shown
    assert "\nconnected True\n" in shown
    assert re.search(rf"^{SYMBOL} 1s \d+ ", shown, re.MULTILINE)


class Ran(NamedTuple):
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Ran]


@pytest.fixture
def command(live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `marketcamera` to its end."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, url: str = live.url) -> Ran:
        return Ran(main([*arguments, "--url", url]), *capsys.readouterr())

    return run


def test_the_command_is_installed(live: Live) -> None:
    program = str(Path(sys.executable).with_name("marketcamera"))
    wait_until(lambda: live.ask("/health").status == 200, "a market that runs well")
    told = subprocess.run([program, "status", "--url", live.url], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("well: running\n")


def test_the_command_shows_and_records(command: Run, live: Live, tmp_path: Path) -> None:
    wait_until(lambda: "well: running" in command("status").stdout, "a market that runs well")
    shown = command("price", SYMBOL, "--count", "3", "--frequency", "1s").stdout.splitlines()
    assert shown[0].split() == ["open", "high", "low", "close", "volume"]
    assert len(shown) == 5
    told = [
        json.loads(line)
        for line in command("tail", "--types", "tick", "--since", "9", "--count", "3").stdout.splitlines()
    ]
    assert [tick["t"] for tick in told] == [10, 11, 12]
    whole = command("record", "whole.jsonl", "--types", "tick,metric,frame", "--since", "-1", "--to", "200")
    assert (whole.returncode, "201/201 " in whole.stderr) == (0, True)
    tape = (tmp_path / "whole.jsonl").read_bytes()
    (tmp_path / "part.jsonl").write_bytes(tape[: len(tape) // 2])
    assert command("record", "part.jsonl", "--types", "tick,metric,frame", "--to", "200").returncode == 0
    assert (tmp_path / "part.jsonl").read_bytes() == tape
    for last_t in (50, 60):
        assert command("record", "whole.jsonl.zst", "--since", "-1", "--to", str(last_t)).returncode == 0
    kept = decompressed(tmp_path / "whole.jsonl.zst").splitlines()
    assert [json.loads(line)["t"] for line in kept] == list(range(61))


def test_the_command_tells_in_a_sentence_what_is_wrong(command: Run, tmp_path: Path) -> None:
    (tmp_path / "text.jsonl").write_text("{}\n")
    wrong = [
        (command("tail", "--symbol", "NONE"), "there is no market 'NONE'"),
        (command("price", "NONE"), "there is no market 'NONE'"),
        (command("price", SYMBOL, "--frequency", "7m"), "frequency must be one of"),
        (command("tail", "--types", "news"), "types must be some of"),
        (command("record", "text.jsonl"), "a message is an object with a type"),
        (command("status", url=f"http://127.0.0.1:{free_port()}"), "refused"),
        (command("status", url="localhost"), "a server's URL begins with"),
    ]
    for answer, told in wrong:
        assert answer.returncode == 1
        assert answer.stderr.startswith("marketcamera: ")
        assert told in answer.stderr
        assert "Traceback" not in answer.stderr
