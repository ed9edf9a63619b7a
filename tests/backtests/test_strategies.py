"""The strategies that ship, their parameters, and where strategies are found."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backtests.catalog import strategies_in, strategy_named
from backtests.engine.engine import play
from backtests.errors import BadRequest, BadStrategies, UnknownStrategy
from backtests.strategies import BuyAndHold, MaCross
from backtests.strategy import Parameter, check_parameters
from tests.backtests.series import flat, terms


def test_buy_and_hold_follows_the_market() -> None:
    result = play(BuyAndHold, terms(cash=1000, fee=0.0), flat([100, 90, 110, 120]))
    assert result["return"] == 0.2
    assert result["max_drawdown"] == 0.1
    assert result["exposure"] == 1
    assert result["trades_count"] == 1


def test_the_cross_buys_the_rise_and_sells_the_fall() -> None:
    prices = [10, 10, 10, 10, 12, 14, 16, 18, 14, 10, 8, 8]
    chosen = replace(terms(cash=1000), params={"fast": 2, "slow": 4})
    result = play(MaCross, chosen, flat(prices))
    assert [(trade["side"], trade["price"]) for trade in result["trades"]] == [("buy", 14), ("sell", 8)]


def test_strategies_are_found_by_name() -> None:
    found = strategies_in(["backtests.strategies"])
    assert found == {"buy_and_hold": BuyAndHold, "ma_cross": MaCross}
    assert strategy_named("ma_cross", found) is MaCross
    for wrong in ("no_such", None, 7, ["ma_cross"], {}):
        with pytest.raises(UnknownStrategy, match="strategy must be one of buy_and_hold, ma_cross, got"):
            strategy_named(wrong, found)


def module(monkeypatch: pytest.MonkeyPatch, text: str) -> str:
    import types

    made = types.ModuleType("made_strategies")
    exec(text, made.__dict__)
    monkeypatch.setitem(sys.modules, "made_strategies", made)
    return "made_strategies"


CLASS = "class {}:\n    def initialize(self, context): ...\n    def handle_bar(self, context, bar): ...\n"


def test_a_class_without_a_name_is_called_after_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(strategies_in([module(monkeypatch, CLASS.format("MeanReversion2"))])) == ["mean_reversion2"]


def test_what_a_module_imports_and_what_is_no_strategy_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "from backtests.strategies import MaCross\nclass Other: ...\n" + CLASS.format("_Base")
    assert strategies_in([module(monkeypatch, text)]) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CLASS.format("A") + "    name = 'B B'\n", "made_strategies.A is named 'B B'; a name is 1 to 64 of"),
        (
            CLASS.format("A") + "    name = 'x'\n" + CLASS.format("X"),
            "made_strategies.A and made_strategies.X are both named 'x'",
        ),
        (
            CLASS.format("A") + "    parameters = {'n': 3}\n",
            "made_strategies.A: parameter 'n' must be a backtests.strategy.Parameter",
        ),
    ],
)
def test_strategies_that_cannot_be_used_are_told(monkeypatch: pytest.MonkeyPatch, text: str, said: str) -> None:
    with pytest.raises(BadStrategies) as wrong:
        strategies_in([module(monkeypatch, text)])
    assert said in str(wrong.value)


def test_a_module_that_is_not_there_is_told() -> None:
    with pytest.raises(BadStrategies, match=r"'no\.such' cannot be imported: ModuleNotFoundError: No module"):
        strategies_in(["no.such"])


def test_the_strategy_of_the_document_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "docs" / "backtests.md").read_text()
    code = text.split("```python\n")[1].split("```")[0]
    found = strategies_in([module(monkeypatch, code)])
    params = check_parameters(found["dip"], {"bars": 3})
    result = play(found["dip"], replace(terms(), params=params), flat([100, 100, 90, 90, 95, 99]))
    assert [(trade["side"], trade["price"]) for trade in result["trades"]] == [("buy", 90), ("sell", 99)]


def test_modules_that_cannot_be_used_are_told_at_the_start(settings: Any) -> None:
    from backtests.checks import check_strategies

    assert check_strategies() == []
    settings.CONFIG = replace(settings.CONFIG, strategies=("no.such",))
    (told,) = check_strategies()
    assert told.id == "backtests.E001"
    assert "'no.such' cannot be imported" in told.msg


class Everything:
    parameters = {
        "count": Parameter(3, 1, 9),
        "weight": Parameter(0.5, 0.0),
        "loud": Parameter(True),
        "word": Parameter("up"),
    }


def test_parameters_come_by_default_and_as_given() -> None:
    assert check_parameters(Everything, {}) == {"count": 3, "weight": 0.5, "loud": True, "word": "up"}
    given = {"count": 9, "weight": 2, "loud": False, "word": "down"}
    checked = check_parameters(Everything, given)
    assert checked == {"count": 9, "weight": 2.0, "loud": False, "word": "down"}
    assert type(checked["weight"]) is float


@pytest.mark.parametrize(
    ("strategy", "params", "said"),
    [
        (Everything, [], "params must be an object, got []"),
        (Everything, None, "params must be an object, got None"),
        (Everything, {"size": 1}, "params has 'size', but the strategy takes count, loud, weight, word"),
        (BuyAndHold, {"size": 1}, "params has 'size', but the strategy takes no parameter"),
        (Everything, {"count": "3"}, "params.count must be an integer, got '3'"),
        (Everything, {"count": 3.0}, "params.count must be an integer, got 3.0"),
        (Everything, {"count": True}, "params.count must be an integer, got True"),
        (Everything, {"count": None}, "params.count must be an integer, got None"),
        (Everything, {"count": 10}, "params.count must be from 1 to 9, got 10"),
        (Everything, {"weight": -1}, "params.weight must be at least 0, got -1.0"),
        (Everything, {"weight": float("nan")}, "params.weight must be a number, got nan"),
        (Everything, {"weight": float("inf")}, "params.weight must be a number, got inf"),
        (Everything, {"weight": 10**400}, "params.weight must be a number, got 1000"),
        (Everything, {"loud": 1}, "params.loud must be true or false, got 1"),
        (Everything, {"word": "a\0"}, "params.word must be at most 200 printable characters, got 'a\\x00'"),
        (Everything, {"word": "\ud800"}, "params.word must be at most 200 printable characters, got '\\ud800'"),
        (Everything, {"word": "x" * 201}, "params.word must be at most 200 printable characters, got 'xxx"),
        (MaCross, {"fast": 30, "slow": 30}, "params: fast must be below slow, got fast=30 and slow=30"),
    ],
)
def test_parameters_that_do_not_fit_are_told(strategy: type[Any], params: Any, said: str) -> None:
    with pytest.raises(BadRequest) as wrong:
        check_parameters(strategy, params)
    assert str(wrong.value).startswith(said)
    assert len(str(wrong.value)) < 200
