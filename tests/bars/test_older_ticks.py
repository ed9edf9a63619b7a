"""The log says where a run begins with ticks that are older than the last bar."""

import logging

import pytest

from bars.making.live import LiveBars
from bars.making.market_time import MOST_LATE_MS
from streaming.protocol import Moment
from tests.bars.ticks import NOON, tick

LATE = MOST_LATE_MS // 1000


def observe(market, history, stamps, first_t, *, begins):
    """Let the market go on with ticks of these ts, its bars written."""
    live = LiveBars(market, history, first_t, begins=begins)
    live.catch_up(60)
    for t, ts in enumerate(stamps, first_t):
        live.observe(tick(t, ts), Moment(t))
    assert live.close(60)


@pytest.mark.parametrize(
    ("back", "begins", "told"),
    [(LATE + 2, True, True), (LATE - 2, True, False), (-1, True, False), (7 * 86_400, False, False)],
)
def test_one_line_tells_of_a_run_whose_ticks_are_older_than_the_last_bar(market, tape, caplog, back, begins, told):
    stamps = [NOON + at for at in range(4)]
    observe(market, tape([]), stamps, 0, begins=True)
    assert not caplog.records, "nothing is older where there is no bar yet"
    # The last of these seconds is under way: its bar is that of the second before.
    history = tape([tick(t, ts) for t, ts in enumerate(stamps)])
    with caplog.at_level(logging.WARNING):
        observe(market, history, [NOON + 3 - back + at / 2 for at in range(9)], 4, begins=begins)
    lines = [record.message for record in caplog.records if "its ticks are of" in record.message]
    assert len(lines) == told
    assert all("bars go on behind 2026-01-24 12:00:0" in line and "IG_CAM_STORE_DIR" in line for line in lines)
