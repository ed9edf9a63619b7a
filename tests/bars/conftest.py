"""A market with a tape, for the tests of its bars."""

from __future__ import annotations

import numpy as np
import pytest

from recorder.tape.history import History
from recorder.tape.recording import Recording
from tests.bars.ticks import NOON, tick


@pytest.fixture
def market(transactional_db):
    from recorder.models import Market

    return Market.objects.create(symbol="IG-USD")


@pytest.fixture
def tape(tmp_path, market):
    """Puts ticks on the market's tape, one recording a call; its history."""

    def record(ticks):
        recording = Recording(
            tmp_path, segment_seconds=300, level=1, flush_seconds=0, clock=lambda: NOON, on_change=None
        )
        last = None
        for one in ticks:
            if last is not None and one.t > last + 1:
                recording.write_gap(last + 1, one.t - 1, "lost")
            recording.write(one.t, one.to_json(), None, None)
            last = one.t
        recording.close()
        return History(market.symbol, tmp_path)

    return record


def walk(count, first_t=0, step=0.5, seed=7, *, whole=False, back=0, traded=False):
    """So many ticks that quote and match at random, `step` seconds apart, with a hole in time, and some in t unless
    they are to be whole; `back` seconds before the others; `traded`: their matches have prices."""
    random = np.random.default_rng([seed, first_t])
    ticks = []
    for t in range(first_t, first_t + count):
        quotes = [("buy" if random.random() < 0.5 else "sell", float(random.integers(1, 9000)) / 100, 1.5)] * 3
        matches = [(0, 1), (2, -1)] if random.random() < 0.4 else []
        trades = [(float(random.integers(1, 9000)) / 100, None) for _ in matches] if traded else None
        ts = NOON - back + t * step + (900 if t > 250 else 0)
        if whole or t % 97 != 5:
            ticks.append(tick(t, ts, quotes, matches, trades, float(random.integers(0, 10**6)) / 10**6))
    return ticks
