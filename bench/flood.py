"""Floods: how late a client's answers come beside others that send WebSocket frames without end, and alone.

`python bench/flood.py [--seconds 5] [--flooders 0 1 10]` starts a server for each kind of flood and each crowd. A
flooder that is cut comes again at once.
"""

from __future__ import annotations

import argparse
import multiprocessing
import select
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.server.serving import Serving, frame

EMPTY = b"\x00\x80" + bytes(4)

#: What each kind begins with, and what it sends over and over.
FLOODS = {
    "empty fragments": (b"\x01\x80" + bytes(4), EMPTY * 20_000),
    "pings": (b"", frame(9, b"") * 20_000),
    "messages": (b"", frame(1, b"x") * 20_000),
    "what follows a refused message": (b"\x81\x00", EMPTY * 20_000),
}
ANSWER = b"\x81\x05hello"


def flood(serving: Serving, kind: str) -> None:
    first, again = FLOODS[kind]
    while True:
        with suppress(OSError, AssertionError), serving.upgrade("/echo") as client:
            client.sendall(first)
            while True:
                client.sendall(again)


def crowd(serving: Serving, kind: str, count: int) -> None:
    for _ in range(count):
        threading.Thread(target=flood, args=(serving, kind), daemon=True).start()
    threading.Event().wait()


def round_trips(client: socket.socket, seconds: float) -> list[float]:
    """The milliseconds from each message to its echo, the shortest first."""
    taken, end = [], time.monotonic() + seconds
    while (begun := time.monotonic()) < end:
        client.sendall(frame(1, b"hello"))
        received = b""
        while len(received) < len(ANSWER):
            received += client.recv(len(ANSWER) - len(received))
        assert received == ANSWER, received
        taken.append((time.monotonic() - begun) * 1000)
        select.select([], [], [], 0.01)
    return sorted(taken)


def measure(kind: str, count: int, seconds: float) -> None:
    with Serving(stall_seconds=600) as serving:
        client = serving.upgrade("/echo")
        flooders = multiprocessing.get_context("fork").Process(target=crowd, args=(serving, kind, count))
        flooders.start()
        try:
            taken = round_trips(client, seconds)
        finally:
            flooders.kill()
            flooders.join()
    middle, late = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
    print(f"| {kind} | {count} | {middle:.1f} | {late:.1f} | {taken[-1]:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--flooders", type=int, nargs="+", default=[0, 1, 10])
    options = parser.parse_args()
    print("| flood | flooders | median, ms | p99, ms | worst, ms |\n|---|---|---|---|---|")
    for kind in FLOODS:
        for count in options.flooders:
            measure(kind, count, options.seconds)


if __name__ == "__main__":
    main()
