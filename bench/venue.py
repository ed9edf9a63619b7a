"""How soon a tick of live trades leaves after its interval ended, with a venue on the same machine.

`python bench/venue.py [--seconds 20] [--rate 500] [--addresses 2000]` runs the tests' stand-in for the venue, which
repeats messages, brings trades in disorder and sends garbage, and films it in the same process. Both have one clock, so
the figure is from the interval's end to the moment in which the pipeline has the tick. `quiet` is a venue that tells no
top of the book and has a trade only now and then, so that it must be asked whether the line lives.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

from market.sources.hyperliquid.source import HyperliquidSource  # noqa: E402
from market.sources.options import SourceSettings  # noqa: E402
from tests.market.venue import Manners, running  # noqa: E402

GOAL_MS = 250


def measure(manners: Manners, addresses: int, seconds: float) -> tuple[list[float], int, int]:
    """Milliseconds from interval's end to tick, ascending; how many trades the ticks held, and how many came late."""
    settings = SourceSettings()
    waits, trades = [], 0
    with running(manners, addresses=addresses) as venue:
        source = HyperliquidSource(f"hyperliquid:BTC?url={venue.url}", settings)
        deadline = time.monotonic() + seconds
        for tick in source:
            assert tick.ts is not None
            waits.append(1000 * (time.time() - tick.ts - settings.tick_seconds))
            trades += tick.match_a.size
            if time.monotonic() > deadline:
                break
        late = source.counts["late"]
        source.close()
    return sorted(waits), trades, late


def main() -> None:
    parser = argparse.ArgumentParser(description="From an interval's end to its tick.")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--addresses", type=int, default=2000)
    options = parser.parse_args()
    bad = {"repeats": 0.1, "garbage": 0.1, "disorder_seconds": 0.05}
    venues = {"busy": Manners(rate=options.rate, **bad), "quiet": Manners(rate=0.5, tells_tops=False)}
    for name, manners in venues.items():
        waits, trades, late = measure(manners, options.addresses, options.seconds)
        p50, p99 = (waits[int(len(waits) * part)] for part in (0.5, 0.99))
        line = f"{name:6} p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   worst {waits[-1]:6.1f} ms   (goal {GOAL_MS} ms)"
        print(f"{line}   {trades:,} trades in {len(waits)} ticks, {late} late", flush=True)


if __name__ == "__main__":
    main()
