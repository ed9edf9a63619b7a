"""The commands by which the documentation makes a table of trades of another shape."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from market.trades.trade import taker
from tests.processes import ROOT

#: The maker, the taker and the side as somebody writes it, and who bought.
FILLS = dict.fromkeys(("buy", "BUY", "B", " Bid", '"buy"', "1"), "taker") | dict.fromkeys(
    ("sell", "SELL", "S", "ask", "-1"), "maker"
)


def documented(tool: str) -> str:
    """The command of docs/sources.md that begins with a tool, with the lines that belong to it."""
    page = (ROOT / "docs" / "sources.md").read_text()
    (command,) = re.findall(rf"^({tool} .*?)```", page, re.MULTILINE | re.DOTALL)
    return str(command)


@pytest.mark.skipif(shutil.which("awk") is None, reason="needs awk")
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_awk_gives_each_side_its_party_however_it_is_written(tmp_path: Path, end: str) -> None:
    rows = [f"{1_704_448_800 + at},100,1,maker,taker,{side}" for at, side in enumerate(FILLS)]
    (tmp_path / "fills.csv").write_text(end.join(["time,price,size,maker,taker,side", *rows, ""]), newline="")
    subprocess.run(["sh", "-c", documented("awk")], cwd=tmp_path, check=True)
    with (tmp_path / "trades.csv").open(newline="") as file:
        trades = list(csv.DictReader(file))
    assert [trade["buyer"] for trade in trades] == list(FILLS.values())
    assert all({trade["buyer"], trade["seller"]} == {"maker", "taker"} for trade in trades)
    assert [taker(trade["side"]) == "buy" for trade in trades] == [trade["buyer"] == "taker" for trade in trades]
