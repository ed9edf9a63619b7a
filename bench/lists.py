"""Lists of segments: what a page left open costs a server that has recorded for long, beside one that has just begun.

`python bench/lists.py [--segments 300 52000] [--minutes 10]` makes rows of so many segments of each kind, serves them,
and asks as the page does: for the whole lists, then every 20 s for what is new.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
from stores import environment, free_port

_HERE = Path(__file__).resolve().parent
_KINDS = ("ticks", "frames", "metrics")
_POLLS_A_MINUTE = 3

_ROWS = """
import sys; sys.path[:0] = [%r]
import django; django.setup()
from datetime import UTC, datetime
from django.core.management import call_command
from recorder.segment.layout import make_name
from recorder.models import Market, Segment
call_command("migrate", verbosity=0)
market, begun, count = Market.objects.create(symbol="IG-USD"), 1_700_000_000, int(sys.argv[1])

def row(n, kind):
    points = [[3000 * n + 100 * k, 120_000 * k] for k in range(3)]
    name, created_at = make_name(begun + 300 * n, 3000 * n).lasting, datetime.fromtimestamp(begun + 300 * n + 300, UTC)
    figures = dict(lines=3000, bytes=3_500_000, text_bytes=30_000_000, seek_points=points, sha256="ab" * 32)
    return Segment(market=market, kind=kind, name=name, start_t=3000 * n, end_t=3000 * n + 2999, created_at=created_at,
                   pending=n == count - 1, **figures)

for at in range(0, count, 1000):
    Segment.objects.bulk_create(row(n, kind) for n in range(at, min(count, at + 1000)) for kind in %r)
"""


def ask(port: int, path: str, tag: str | None = None) -> tuple[bytes, str | None]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"If-None-Match": tag} if tag else {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.read(), answer.headers["ETag"]
    except urllib.error.HTTPError as error:
        if error.code != 304:
            raise
        return b"", tag


def served(segments: int, minutes: int) -> None:
    with tempfile.TemporaryDirectory() as kept:
        directory, port = Path(kept), free_port()
        (directory / "store").mkdir()
        env = environment(directory, PORT=str(port))
        code = ["-c", _ROWS % (str(_HERE.parent), _KINDS), str(segments)]
        subprocess.run([sys.executable, *code], env=env, check=True)
        server = subprocess.Popen(
            [sys.executable, str(_HERE.parent / "manage.py"), "serve"], env=env, stderr=subprocess.DEVNULL
        )
        try:
            measure(psutil.Process(server.pid), port, segments, minutes)
        finally:
            server.terminate()
            server.wait()


def measure(server: psutil.Process, port: int, segments: int, minutes: int) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            ask(port, "/health")
            break
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
    lists = {kind: ask(port, f"/manifest/{kind}") for kind in _KINDS}  # the first questions import and connect
    cpu = lambda: sum(server.cpu_times()[:2])  # noqa: E731
    before, begun, memory = cpu(), time.monotonic(), server.memory_info().rss
    lists = {kind: ask(port, f"/manifest/{kind}") for kind in _KINDS}
    whole_seconds, whole_cpu = time.monotonic() - begun, cpu() - before
    memory = server.memory_info().rss - memory
    whole_bytes = sum(len(body) for body, _ in lists.values())
    known = {
        kind: [one for one in json.loads(body) if not one["pending"]][-1]["end_t"] for kind, (body, _) in lists.items()
    }
    before, got = cpu(), 0
    for _ in range(_POLLS_A_MINUTE * minutes):
        got += sum(len(ask(port, f"/manifest/{kind}?after_t={known[kind]}")[0]) for kind in _KINDS)
    polled_cpu, before = cpu() - before, cpu()
    for _ in range(_POLLS_A_MINUTE * minutes):
        got_again = sum(len(ask(port, f"/manifest/{kind}", lists[kind][1])[0]) for kind in _KINDS)
    again_cpu = cpu() - before
    print(
        f"{segments:7,} of each kind: whole lists {whole_bytes / 1e6:6.2f} MB, {whole_seconds:5.2f} s,"
        f" {whole_cpu:5.2f} s of CPU, {memory / 1e6:4.1f} MB of memory\n"
        f"        a minute of what is new: {got / minutes:7,.0f} bytes, {1000 * polled_cpu / minutes:5.0f} ms of CPU;"
        f" of lists that are known: {got_again:,} bytes, {1000 * again_cpu / minutes:5.0f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--segments", type=int, nargs="*", default=[300, 52_000])
    parser.add_argument("--minutes", type=int, default=10)
    options = parser.parse_args()
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    for segments in options.segments:
        served(segments, options.minutes)


if __name__ == "__main__":
    main()
