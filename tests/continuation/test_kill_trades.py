"""kill -9 while a table of trades is filmed costs nothing: tapes and ids are those of a run never interrupted."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.continuation.killing import Market, compare, kill_again_and_again

pytestmark = pytest.mark.long

TRADES = 2_000


def table() -> bytes:
    """Trades in disorder, of parties who come one after the other, with silences that are skipped."""
    dice, at, lines = random.Random(5), 1_700_000_000.0, ["time,price,size,buyer,seller,taker"]
    for i in range(TRADES):
        at += dice.expovariate(4) + (500 if i % 300 == 299 else 0)
        buyer, seller = dice.sample(range(max(0, i // 10 - 20), i // 10 + 5), 2)
        price, size = 100 + dice.gauss(0, 1), dice.randint(1, 99) / 8
        lines.append(f"{at - 4 * dice.random():.6f},{price:.2f},{size},0x{buyer:04x},0x{seller:04x},")
    return "\n".join(lines).encode()


def agents(market: Market) -> bytes:
    return (market.directory / "store" / "agents.ndjson").read_bytes()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_table_goes_on_after_kills_as_if_there_had_been_none(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "trades.csv"
    path.write_bytes(pack(table()))
    source = {"IG_SOURCE": f"trades:{path}?silence=30"}
    broken, whole = (Market(tmp_path / name, **source) for name in ("broken", "whole"))
    whole.manage("runmarket")
    broken.environment["IG_SPEED"] = "3"  # the table must not end before the last kill
    kill_again_and_again(broken, 4, random.Random(3), longest_seconds=0.5)
    broken.environment["IG_SPEED"] = "0"
    assert broken.last_t() < whole.last_t()
    broken.manage("runmarket")
    assert compare(broken, whole) == []
    assert agents(broken) == agents(whole)
    assert "a new one begins" not in (broken.directory / "log").read_text()
    broken.manage("verify", "--deep")
