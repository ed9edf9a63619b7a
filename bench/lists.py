"""Lists of segments: what a page left open costs a server that has recorded for long, beside one that has just begun.

`python bench/lists.py [--segments 300 52000] [--minutes 10]` makes rows of so many segments of each kind, serves them,
and asks as the page does: for the whole lists, then every 20 s for what is new. With `--admin` it asks for the pages of
the admin instead: `--segments 200000 --admin` is the list of 600,000 segments.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
from stores import environment, free_port

_HERE = Path(__file__).resolve().parent
_KINDS = ("ticks", "frames", "metrics")
_POLLS_A_MINUTE = 3

_ROWS = """
import sys; sys.path[:0] = [%r]
import django; django.setup()
from django.core.management import call_command
from django.db import connection
from recorder.models import Market
call_command("migrate", verbosity=0)
market, begun, count = Market.objects.create(symbol="IG-USD"), 1_700_000_000, int(sys.argv[1])

def insert(kind):
    # By the database itself, in a tenth of the time that objects would take.
    facts = {"market_id": market.pk, "kind": kind, "lines": 3000, "bytes": 3_500_000, "text_bytes": 30_000_000}
    facts |= {"sha256": "ab" * 32, "pinned": 0, "missing": 0, "digest": 1, "cold": 0, "cold_key": "", "cold_bytes": 0}
    facts |= {"cold_sha256": "", "cold_seek_points": "[]", "cold_digest": 0, "gaps": 0}
    begun_at = f"{begun} + 300 * n, 'unixepoch'"
    made = {
        "name": f"'segment_' || strftime('%%Y%%m%%d_%%H%%M%%S', {begun_at}) || '_' || (3000 * n) || '.jsonl.zst'",
        "start_t": "3000 * n",
        "end_t": "3000 * n + 2999",
        "created_at": f"strftime('%%Y-%%m-%%d %%H:%%M:%%S', {begun_at}, '+300 seconds')",
        "pending": f"n = {count - 1}",
        "seek_points": "json_array(json_array(3000 * n, 0), json_array(3000 * n + 100, 120000))",
    }
    numbers = f"WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {count})"
    columns, given = ", ".join([*facts, *made]), ", ".join("?" for _ in facts)
    text = f"INSERT INTO recorder_segment ({columns}) {numbers} SELECT {given}, {', '.join(made.values())} FROM numbers"
    connection.ensure_connection()
    connection.connection.execute(text, list(facts.values()))

for kind in %r:
    insert(kind)
connection.connection.commit()

from django.contrib.auth.models import User
from django.test import Client
client = Client()
client.force_login(User.objects.create(username="admin", is_staff=True, is_superuser=True))
print(client.cookies["sessionid"].value)
"""

#: Pages of the admin: the first and the last that it has, a filter, the other order, and two searches.
_PAGES = {
    "front page": "/admin/",
    "list": "/admin/recorder/segment/",
    "last page": "/admin/recorder/segment/?p=100",
    "filter": "/admin/recorder/segment/?kind=frames&state=pinned",
    "in the bucket": "/admin/recorder/segment/?state=cold",
    "oldest first": "/admin/recorder/segment/?o=2",
    "of a t": "/admin/recorder/segment/?q=4500",
    "of a day": "/admin/recorder/segment/?q=segment_20231120",
}
_ASKED_TIMES = 7


def ask(port: int, path: str, tag: str | None = None) -> tuple[bytes, str | None]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"If-None-Match": tag} if tag else {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.read(), answer.headers["ETag"]
    except urllib.error.HTTPError as error:
        if error.code != 304:
            raise
        return b"", tag


def served(segments: int, measured: Callable[[psutil.Process, int, str], None]) -> None:
    """Serve so many segments of each kind; `measured` gets the server, its port and the session of a user."""
    with tempfile.TemporaryDirectory() as kept:
        directory, port = Path(kept), free_port()
        (directory / "store").mkdir()
        env = environment(directory, PORT=str(port))
        code = ["-c", _ROWS % (str(_HERE.parent), _KINDS), str(segments)]
        made = subprocess.run([sys.executable, *code], env=env, check=True, stdout=subprocess.PIPE, text=True)
        server = subprocess.Popen(
            [sys.executable, str(_HERE.parent / "manage.py"), "serve"], env=env, stderr=subprocess.DEVNULL
        )
        try:
            wait_for(port)
            measured(psutil.Process(server.pid), port, made.stdout.split()[-1])
        finally:
            server.terminate()
            server.wait()


def wait_for(port: int) -> None:
    until = time.monotonic() + 300
    while True:
        try:
            ask(port, "/health")
            break
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def measure_admin(server: psutil.Process, port: int, session: str, segments: int) -> None:
    """CPU and time of each page: the medians of some."""
    for name, path in _PAGES.items():
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Cookie": f"sessionid={session}"})
        took = []
        for _ in range(1 + _ASKED_TIMES):  # the first one imports and connects
            begun, before = time.monotonic(), sum(server.cpu_times()[:2])
            with urllib.request.urlopen(request) as answer:
                answer.read()
            took.append((sum(server.cpu_times()[:2]) - before, time.monotonic() - begun))
        cpu, seconds = (statistics.median(column) for column in zip(*took[1:], strict=True))
        print(f"{3 * segments:7,} segments, {name:13}: {1000 * cpu:4.0f} ms of CPU, {1000 * seconds:5.0f} ms")


def measure(server: psutil.Process, port: int, _session: str, segments: int, minutes: int) -> None:
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
    parser.add_argument("--admin", action="store_true", help="ask for pages of the admin")
    options = parser.parse_args()
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    for segments in options.segments:
        one = partial(measure, minutes=options.minutes)
        served(segments, partial(measure_admin if options.admin else one, segments=segments))


if __name__ == "__main__":
    main()
