"""Bars go on where a source's ticks lie in the past, and come out the same however they are made."""

from __future__ import annotations

import pytest

from bars.making.builder import Builder
from bars.making.market_time import MOST_LATE_MS
from tests.bars.ticks import NOON, tick

DAY = 86_400
QUOTES = [("buy", 100.0, 1.0)]


def seconds_of(stamps, builder=None, first_t=0):
    """The seconds of the bars that ticks with these ts close, counted from noon."""
    builder = builder or Builder()
    closed = [bar for t, ts in enumerate(stamps, first_t) for bar in builder.take(tick(t, ts, QUOTES, [(0, -1)]))]
    return [bar.open_ms / 1000 - NOON for bar in closed if bar.resolution == "1s"]


@pytest.mark.parametrize("back", [MOST_LATE_MS // 1000 + 2, DAY, 7 * 365 * DAY])
def test_an_old_tape_goes_on_behind_the_second_under_way(back):
    old = [NOON - back + at for at in (0, 0.5, 1, 2, 3, 10, 11)]
    assert seconds_of([NOON, NOON + 1, *old]) == [0, 1, 2, 3, 4, 5, 12]


def test_where_time_has_come_up_again_bars_stand_where_their_ticks_say():
    ahead = [NOON, NOON + 1]
    old = [NOON - DAY, NOON - DAY + 1]
    assert seconds_of([*ahead, *old, NOON + 50, NOON + 51, NOON + 52]) == [0, 1, 2, 3, 50, 51]


def test_a_run_that_begins_now_behind_an_old_tape_is_not_shifted_by_the_tape_s_age():
    """The tape was played faster than time went by, so that now is a little before where the bars are."""
    old = [NOON - 9 * DAY + at for at in range(0, 3600, 600)]
    now = [NOON + 600, NOON + 601, NOON + 602]
    assert seconds_of([NOON, *old, *now]) == [0, *range(1, 3601, 600), 3002, 3003]


def test_a_tape_that_begins_again_goes_on_too():
    tape = [NOON + at for at in range(0, 200, 50)]
    assert seconds_of([*tape, *tape, NOON + 151]) == [0, 50, 100, 150, 151, 201, 251, 301]


def test_a_tick_that_is_only_late_counts_to_the_second_under_way():
    assert seconds_of([NOON, NOON + 30, NOON + 1, NOON + 29.5, NOON + 31]) == [0, 30]
    old = [NOON - DAY + at for at in (0, 30, 1, 29.5, 31, 32)]
    assert seconds_of([NOON, *old]) == [0, 1, 31, 32]


#: Ticks behind each other: an old tape, and one older still.
OLD_TAPES = [
    NOON,
    NOON + 1,
    *(NOON - DAY + at for at in (0, 0.5, 2, 3, 5, 5.5, 9)),
    *(NOON - 2 * DAY + at for at in (0, 3, 4)),
]

#: A clock that goes back in the middle of a second, and is set right: bars stay ahead of it by less than a minute.
SET_RIGHT = [
    *(NOON + at for at in (0, 0.5, 1, 1.5)),
    *(NOON - 118 + at / 2 for at in range(8)),
    *(NOON + 4 + at / 2 for at in range(8)),
]


@pytest.mark.parametrize(
    ("stamps", "cut"),
    [(stamps, cut) for stamps in (OLD_TAPES, SET_RIGHT) for cut in range(2, len(stamps))],
)
def test_a_builder_made_of_rows_goes_on_with_the_same_time(stamps, cut):
    ticks = [tick(t, ts, QUOTES, [(0, -1)]) for t, ts in enumerate(stamps)]
    whole = Builder()
    closed = [bar for one in ticks for bar in whole.take(one)]
    kept = [bar for bar in closed if bar.resolution == "1s" and bar.last_t < cut]
    made = Builder()
    made.stand_behind(kept[-1])
    again = [bar for one in ticks if one.t > kept[-1].last_t for bar in made.take(one)]
    assert [bar for bar in [*kept, *again] if bar.resolution == "1s"] == [
        bar for bar in closed if bar.resolution == "1s"
    ]
