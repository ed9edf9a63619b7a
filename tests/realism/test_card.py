"""`/realism` and `manage.py realism`: facts of recorded bars, of any range of ticks, and a sentence for bad input."""

from __future__ import annotations

import asyncio
import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import RequestFactory

from bars import stored
from bars.making.builder import Builder
from bars.models import Bar
from market.tick import Tick
from realism.card import price_bars
from realism.facts import FACTS
from realism.views import realism
from recorder.models import Market, Run
from runtime.http_errors import HttpError
from streaming.http import parameters
from tests.bars.ticks import NOON, tick

pytestmark = pytest.mark.django_db(transaction=True)

TICKS = 3000


def ticks() -> list[Tick]:
    """Four ticks a second, with a hole of 100 s in their middle; prices go up and down by steps that grow."""
    return [tick(t, NOON + t / 4 + (100 if t >= 1500 else 0), price_norm=0.5 + (t % 9) * t / 1e6) for t in range(TICKS)]


@pytest.fixture
def market() -> Market:
    market = Market.objects.create(symbol="IG-USD")
    Run.objects.create(market=market, first_t=0, start_ts=NOON, tick_interval=0.25, source="tape")
    builder, closings = Builder(), []
    for one in ticks():
        closing = stored.closing_of(builder, builder.take(one))
        closings += [] if closing is None else [closing]
    stored.save(market, closings)
    return market


@pytest.fixture(autouse=True)
def relay(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stub:
        symbol = "IG-USD"

    async def found(request: Any) -> Any:
        return Stub

    monkeypatch.setattr(parameters, "relay", found)


def ask(**query: object) -> dict[str, Any]:
    answer = asyncio.run(realism(RequestFactory().get("/realism", query)))
    assert answer["Content-Type"] == "application/json"
    found: dict[str, Any] = json.loads(answer.content)
    return found


def test_the_card_says_what_it_is_made_of(market: Market) -> None:
    card = ask()
    assert (card["symbol"], card["t0"]) == ("IG-USD", 0)
    assert card["horizons"]["1s"] == {"bars": 749, "t0": 0, "t1": card["t1"]}
    assert [(fact["name"], fact["horizon"]) for fact in card["facts"]] == [
        (fact.name, horizon) for horizon in ("1s", "1m") for fact in FACTS
    ]
    first = card["facts"][0]
    assert first["n"] == 749 - 2  # none leads over the hole
    assert first["low"] < first["value"] < first["high"]
    assert {fact["verdict"] for fact in card["facts"] if fact["horizon"] == "1m"} == {"too few"}


@pytest.mark.parametrize(
    ("t0", "t1"), [(0, TICKS), (5, 9), (7, 1401), (1490, 1510), (2990, 5000), (4000, 5000), (0, 2)]
)
@pytest.mark.parametrize("resolution", ["1s", "1m"])
def test_only_bars_that_lie_in_the_range_count(market: Market, t0: int, t1: int, resolution: str) -> None:
    inside = Bar.objects.filter(resolution=resolution, first_t__gte=t0, last_t__lte=t1).order_by("open_ms")
    found = price_bars("IG-USD", resolution, t0, t1)
    assert found.first_t.tolist() == list(inside.values_list("first_t", flat=True))
    assert found.close.tolist() == list(inside.values_list("close", flat=True))


def test_of_many_bars_the_newest_count(market: Market) -> None:
    everything = price_bars("IG-USD", "1s", None, None)
    assert price_bars("IG-USD", "1s", None, None, most=5).open_ms.tolist() == everything.open_ms[-5:].tolist()


def test_the_price_is_that_of_the_ticks_where_bars_are_made_of_trades(market: Market) -> None:
    Bar.objects.filter(resolution="1s").update(price_close=7.0)
    assert set(price_bars("IG-USD", "1s", None, None).close.tolist()) == {7.0}


def test_a_market_without_bars_has_a_card_that_says_so() -> None:
    Market.objects.create(symbol="IG-USD")
    card = ask(t0=3)
    assert (card["t0"], card["t1"], card["horizons"]["1m"]) == (None, None, {"bars": 0, "t0": None, "t1": None})
    assert {(fact["n"], fact["value"], fact["verdict"]) for fact in card["facts"]} == {(0, None, "too few")}


@pytest.mark.parametrize("query", [{"t0": "x"}, {"t0": -1}, {"t1": 2**60}, {"t0": 9, "t1": 8}])
def test_bad_ranges_are_refused_with_a_sentence(query: dict[str, object]) -> None:
    with pytest.raises(HttpError, match="must") as refused:
        ask(**query)
    assert refused.value.status == 400


def test_the_command_prints_a_table(market: Market) -> None:
    out = StringIO()
    call_command("realism", t0=8, stdout=out)
    lines = out.getvalue().splitlines()
    assert lines[0] == "IG-USD 1s: 747 bars, t=8..2,995"
    assert lines[1].startswith("IG-USD 1m: 13 bars")
    assert sum(" 1s " in line for line in lines[3:]) == sum(" 1m " in line for line in lines[3:]) == len(FACTS)


def test_the_command_refuses_what_cannot_be(market: Market) -> None:
    with pytest.raises(CommandError, match="--t1 must not be before --t0, got 9 and 8"):
        call_command("realism", t0=9, t1=8)
    with pytest.raises(CommandError, match="there is no market 'NO'"):
        call_command("realism", symbol="NO")
