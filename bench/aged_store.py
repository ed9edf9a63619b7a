"""A store of so many days, made in a minute or two: its files, the rows that tell of them, and its bars.

The market ticks once a minute, so that every file is what the recorder would have written and two years of them
are still small. `python bench/aged_store.py DAYS STORE`, with a bench's environment, makes it and prints the key of an
admin's session and when the market began, in Unix seconds.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SYMBOL = "IG-USD"
KINDS = ("ticks", "frames", "metrics")
TICK_SECONDS, SEGMENT_SECONDS, DAY_SECONDS = 60, 300, 86_400
SEGMENT_TICKS = SEGMENT_SECONDS // TICK_SECONDS
DAY_TICKS = DAY_SECONDS // TICK_SECONDS

_AGENTS = 5
_BATCH_SEGMENTS = 2000

#: All bars of a resolution that have closed when the last tick came, each like the next. Both databases take it.
_BARS = """
INSERT INTO bars_bar (market_id, resolution, open_ms, open, high, low, close, volume, matches,
    first_t, last_t, next_ms)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count})
SELECT {market}, '{resolution}', {begun_ms} + i * CAST({step_ms} AS bigint), 100.0, 101.0, 99.0, 100.5,
    2.5 * {ticks}, 3 * {ticks}, i * {ticks}, i * {ticks} + {ticks} - 1,
    {begun_ms} + (i + 1) * CAST({step_ms} AS bigint) FROM n
"""


class Texts:
    """The lines of any segment: the same ticks, metrics and frame again and again, at their own t and ts."""

    def __init__(self, begun: int) -> None:
        from bench.page import bodies

        made = bodies(_AGENTS)
        self._ticks = [tick for tick, _, _ in made]
        self._metrics = [metric for _, metric, _ in made]
        self._frames = [frame for _, _, frame in made if frame is not None]
        self._begun = begun

    def of(self, kind: str, n: int) -> bytes:
        ts = range(n * SEGMENT_TICKS, (n + 1) * SEGMENT_TICKS)
        if kind == "ticks":
            return b"".join(self._line(b"tick", t, self._ticks[t % len(self._ticks)]) for t in ts)
        if kind == "metrics":
            return b"".join(self._line(b"metric", t, self._metrics[t % len(self._metrics)]) for t in ts)
        t = ts[-1]
        window = b',"window":{"W":300,"t0":%d,"t1":%d,"stride":%d}' % (max(0, t - 299), t, SEGMENT_TICKS)
        return self._line(b"frame", t, window + self._frames[n % len(self._frames)])

    def _line(self, word: bytes, t: int, body: bytes) -> bytes:
        return b'{"type":"%b","t":%d,"ts":%.1f%b\n' % (word, t, self._begun + t * TICK_SECONDS, body)


#: Columns of a row; through the ORM they would take three times as long.
_ROW = (
    "market_id, run_id, kind, name, start_t, end_t, lines, bytes, text_bytes, created_at, pending, seek_points,"
    " gaps, sha256, pinned, missing, digest, cold, cold_key, cold_bytes, cold_sha256, cold_seek_points, cold_digest"
)

#: It is not in a bucket.
_NOT_COPIED = (0, "", 0, "", "[]", 0)


def segments(directory: Path, kind: str, texts: Texts, begun: int, count: int) -> Iterator[tuple[Any, ...]]:
    """Writes the files of a kind; what each one's row holds from `kind` on."""
    import zstandard

    from recorder.segment.layout import make_name

    (directory / kind).mkdir(parents=True)
    compressor = zstandard.ZstdCompressor(level=1, write_checksum=True)
    for n in range(count):
        text, opened = texts.of(kind, n), begun + n * SEGMENT_SECONDS
        data, lines = compressor.compress(text), text.count(b"\n")
        start_t, end_t = (n + 1) * SEGMENT_TICKS - lines, (n + 1) * SEGMENT_TICKS - 1
        name = make_name(opened, start_t).lasting
        (directory / kind / name).write_bytes(data)
        sealed = f"{datetime.fromtimestamp(opened + SEGMENT_SECONDS, UTC):%Y-%m-%d %H:%M:%S}"
        known = (kind, name, start_t, end_t, lines, len(data), len(text), sealed, False, f"[[{start_t}, 0]]", 0)
        # Its digests are made already, as far as its rows say: making them is not what is measured.
        yield *known, sha256(data).hexdigest(), False, False, int(kind != "ticks"), *_NOT_COPIED


def make_segments(market: Any, directory: Path, begun: int, days: int) -> None:
    from django.db import connection, transaction

    from recorder.models import Run

    first = {"market": market, "first_t": 0, "start_ts": begun, "tick_interval": TICK_SECONDS, "source": "simulator"}
    run, texts = Run.objects.create(**first), Texts(begun)
    insert = f"INSERT INTO recorder_segment ({_ROW}) VALUES ({', '.join(['%s'] * len(_ROW.split(',')))})"
    with transaction.atomic(), connection.cursor() as cursor:
        for kind in KINDS:
            made = segments(directory, kind, texts, begun, days * DAY_SECONDS // SEGMENT_SECONDS)
            while some := [(market.pk, run.pk, *one) for one in islice(made, _BATCH_SEGMENTS)]:
                cursor.executemany(insert, some)


def make_bars(market: Any, begun: int, days: int) -> None:
    from django.db import connection

    from bars.making.resolutions import PERIOD_MS, STORED

    with connection.cursor() as cursor:
        for resolution in STORED:
            step_ms = max(PERIOD_MS[resolution], TICK_SECONDS * 1000)
            count = days * DAY_SECONDS * 1000 // step_ms - 1
            ticks = step_ms // (TICK_SECONDS * 1000)
            facts = {"resolution": resolution, "step_ms": step_ms, "count": count, "ticks": ticks}
            if count:
                cursor.execute(_BARS.format(market=market.pk, begun_ms=begun * 1000, **facts))
        if connection.vendor == "postgresql":  # what autovacuum does in less than two years
            cursor.execute("VACUUM ANALYZE")


def admin_session() -> str:
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.create(username="admin", is_staff=True, is_superuser=True))
    return client.cookies["sessionid"].value


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "igsite.settings")
    django.setup()
    from django.core.management import call_command

    from recorder.models import Market

    days, store = int(sys.argv[1]), Path(sys.argv[2])
    call_command("migrate", verbosity=0)
    market = Market.objects.create(symbol=SYMBOL)
    # Whole days of UTC, of which the last one is over: no bar is under way but those that its last tick closes.
    begun = int(time.time()) // DAY_SECONDS * DAY_SECONDS - days * DAY_SECONDS
    make_segments(market, store, begun, days)
    make_bars(market, begun, days)
    print(admin_session(), begun)


if __name__ == "__main__":
    main()
