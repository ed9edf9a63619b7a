"""`manage.py backtest`: the range by default, the table, and what is wrong in a sentence."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from backtests.models import Backtest
from recorder.models import Market


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("backtest", *arguments, stdout=out)
    return out.getvalue()


def test_everything_recorded_is_played_by_default(recorded: None, capsys: pytest.CaptureFixture[str]) -> None:
    shown = run("ma_cross", "--param", "fast=1", "--param", "slow=2", "--resolution", "5s", "--cash", "5e4")
    row = Backtest.objects.get()
    assert row.status == "done"
    assert row.result["bars"] == 120
    assert row.params == {"fast": 1, "slow": 2}
    assert "120 of IG-USD, 5s" in shown
    assert "strategy      ma_cross fast=1 slow=2\n" in shown
    assert f"value         50,000.00 -> {row.result['equity'][-1][1]:,.2f}\n" in shown
    assert shown.count(" buy ") + shown.count(" sell ") == 10
    assert "600/600 " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["best"], "strategy must be one of buy_and_hold, ma_cross, got 'best'"),
        (["ma_cross", "--cash", "nan"], "cash must be a finite number, got nan"),
        (["ma_cross", "--cash", "much"], "argument --cash: invalid float value: 'much'"),
        (["ma_cross", "--symbol", "NONE"], "there is no market 'NONE'"),
        (["ma_cross", "--from", "2030-01-01"], "from must be before to"),
        (["ma_cross", "--resolution", "1d"], "there is no whole 1d bar of IG-USD; bars begin at 2026-01-05T00:00:00Z"),
        (["ma_cross", "--param", "fast"], "--param must be NAME=VALUE, got 'fast'"),
        (["ma_cross", "--param", "fast=x"], "params.fast must be an integer, got 'x'"),
    ],
)
def test_what_is_wrong_is_said(recorded: None, arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    assert said in str(refused.value)
    assert not Backtest.objects.exists()


def test_a_market_without_bars_is_told_as_that(transactional_db: None) -> None:
    Market.objects.create(symbol="EMPTY")
    with pytest.raises(CommandError, match="there is no whole 1m bar of EMPTY; there is none at all"):
        run("ma_cross", "--symbol", "EMPTY")
    with pytest.raises(CommandError, match="there is no market 'NONE'"):
        run("ma_cross", "--symbol", "NONE", "--from", "0", "--to", "1000")


def test_a_strategy_that_fails_fails_the_command(recorded: None, settings: pytest.FixtureRequest) -> None:
    from dataclasses import replace

    settings.CONFIG = replace(settings.CONFIG, strategies=("tests.backtests.strategies_for_tests",))
    with pytest.raises(CommandError, match="broken failed at the bar of 2026-01-05T00:02:00Z: ValueError: the third"):
        run("broken")
    assert Backtest.objects.get().status == "failed"


def test_ctrl_c_cancels_it(recorded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from backtests.strategies import BuyAndHold

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(BuyAndHold, "handle_bar", interrupted)
    with pytest.raises(CommandError, match="cancelled"):
        run("buy_and_hold")
    assert Backtest.objects.get().status == "cancelled"
