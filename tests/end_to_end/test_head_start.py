"""A new market begins with a past: its first ticks are made at once, and whoever comes then finds all of them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.end_to_end.reading import hear_until, socket
from tests.processes import Live, Site

#: At one tick a second, a market without a head start would not get to its end within the tests' patience.
SLOW = {"IG_CAM_W": 50, "IG_CAM_STRIDE": 5, "IG_SPEED": 0.1, "IG_HEAD_START": 250}


@pytest.mark.parametrize("source", ["simulator", "orderbook?makers=2&noise=8"])
def test_the_past_ends_now_and_reaches_every_client(start_live: Callable[..., Live], source: str) -> None:
    before = time.time()
    live = start_live(IG_SOURCE=source, **SLOW)
    assert live.wait_for_ticks(248) >= 249
    start_ts = live.json("/health")["meta"]["start_ts"]
    assert before <= start_ts + 250 * 0.1 <= time.time()
    with socket(live, "?since=-1") as client:
        heard = hear_until(client, type="tick", t=249)
    assert [message["t"] for message in heard if message["type"] == "tick"] == list(range(250))
    assert not [message for message in heard if message["type"] == "gap"]


def test_with_a_given_start_it_is_repeatable_and_continues_exactly(new_site: Callable[[], Site]) -> None:
    whole, broken = new_site(), new_site()
    settings = {**SLOW, "IG_SOURCE": "orderbook", "IG_START_TS": 1_700_000_000}
    for site, ticks in ((whole, 150), (broken, 60), (broken, 90)):
        done = site.run("runmarket", "--ticks", str(ticks), **settings)
        assert done.returncode == 0, done.stderr
    for kind in ("ticks", "metrics", "frames"):
        assert whole.text(kind) == broken.text(kind)
    assert whole.messages("ticks")[0]["ts"] == 1_700_000_000
