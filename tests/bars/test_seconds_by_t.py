"""Seconds found by t give what a look at every row gives, whatever the rows are, and cost a few questions."""

import random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bars import stored
from bars.making.market_time import END_MS
from bars.making.rebuild import Rebuild
from bars.making.seconds_by_t import SecondsByT
from bars.models import Bar
from tests.bars.kept import built, rows
from tests.bars.ticks import NOON, tick

STEP_SECONDS = 97.0


def kept(market, count=200, holes=()):
    """Seconds of some hours, one tick each; t goes on over the holes."""
    ticks = [tick(t, NOON + t * STEP_SECONDS, price_norm=t / 1000) for t in range(count) if t not in holes]
    stored.save(market, built(ticks)[0])
    return ticks


def every_row(market, t):
    return stored.second_up_to(market, t, 0, END_MS)


@pytest.mark.parametrize("is_ordered", [True, False])
def test_it_is_the_second_that_a_look_at_every_row_finds(market, is_ordered):
    kept(market, holes={*range(40, 90), *range(150, 153)})
    if not is_ordered:
        shuffled = random.Random(1)
        for row in shuffled.sample(list(Bar.objects.filter(resolution="1s")), 60):
            Bar.objects.filter(pk=row.pk).update(first_t=shuffled.randrange(200))
    seconds = SecondsByT(market)
    assert [seconds.up_to(t) for t in range(-1, 205)] == [every_row(market, t) for t in range(-1, 205)]


def test_what_has_changed_is_read_again(market):
    kept(market)
    seconds = SecondsByT(market)
    assert seconds.up_to(90).last_t == 90
    begin, end = every_row(market, 100).open_ms, every_row(market, 150).open_ms
    stored.rows(market, "1s", begin, end).delete()
    stored.rows(market, "1s", end, end + 1).update(first_t=120)
    seconds.changed(begin, end)
    assert [seconds.up_to(t) for t in range(200)] == [every_row(market, t) for t in range(200)]
    assert (seconds.up_to(119).last_t, seconds.up_to(120).last_t) == (99, 150)


def test_without_rows_there_is_none(market):
    assert SecondsByT(market).up_to(5) is None


def test_every_row_is_read_once_and_then_those_of_an_hour(market):
    kept(market)
    seconds = SecondsByT(market)
    with CaptureQueriesContext(connection) as queries:
        seconds.up_to(5)
    assert len(queries) < 40
    for t in (10, 100, 190):
        with CaptureQueriesContext(connection) as queries:
            seconds.up_to(t)
        (asked,) = [one["sql"] for one in queries]
        assert "first_t" in asked
        assert str(END_MS) not in asked


def test_a_tape_with_many_holes_is_rebuilt_as_it_was(market, tape, monkeypatch):
    ticks = kept(market, 600)
    before = rows()
    for first in range(0, 600, 60):
        history = tape(ticks[first : first + 50])
    asked, found = [], SecondsByT.up_to

    def up_to(self, t):
        asked.append((found(self, t), every_row(market, t)))
        return asked[-1][0]

    monkeypatch.setattr(SecondsByT, "up_to", up_to)
    Rebuild(market, history).run()
    assert rows() == before
    assert len(asked) == 9
    assert all(one == other for one, other in asked)
