"""Named agents keep their ids: across crashes, other sources, clean-ups and a database that is lost."""

from __future__ import annotations

import ast
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.management import call_command

from igsite.config import Config
from recorder.models import Run, Segment
from recorder.store.agent_register import DamagedRegister
from tests.continuation.killed import Killable
from tests.continuation.killing import Market, compare, kill_again_and_again

STATE = {"price_norm": 0.5, "volatility": 0.1, "liquidity": 1.0, "imbalance": 0.0}


def named_tick(t: int, names: list[str]) -> dict[str, Any]:
    """A tick of these agents, who have no ids."""
    return {
        "type": "tick", "t": t, "ts": 1.7e9 + t / 10, "s": STATE,
        "agents": [{"name": name, "experience": 0.5} for name in names],
        "actions": [{"id": i, "side": "buy", "price": 50_000.0 + i, "size": 1.0} for i in range(len(names))],
        "matches": [{"a": 0, "b": 1, "prob": 1.0}] if len(names) > 1 else [],
    }  # fmt: skip


def written(path: Path, ticks: list[list[str]]) -> str:
    """A tape of ticks with these names to play; the setting that names it."""
    path.write_bytes(b"".join(orjson.dumps(named_tick(t, names)) + b"\n" for t, names in enumerate(ticks)))
    return f"file:{path}"


def coming_and_going(ticks: int, seed: int) -> list[list[str]]:
    """New names all the time, none in the order of its number."""
    rng = random.Random(seed)
    return [[f"agent {n}" for n in rng.sample(range(t // 5 + 8), 4)] for t in range(ticks)]


@pytest.fixture
def config(settings: Any, tmp_path: Path) -> Config:
    settings.CONFIG = replace(
        settings.CONFIG, store_dir=tmp_path / "store", speed=0.0, cam_w=20, cam_stride=5, start_ts=1.7e9,
        flush_seconds=0.0,
    )  # fmt: skip
    return settings.CONFIG  # type: ignore[no-any-return]


def ids_on(market: Killable) -> dict[str, int]:
    """The id of each name on the tape; each has one."""
    pairs = {(one["name"], one["id"]) for tick in market.tape("ticks") for one in tick.get("agents", [])}
    assert len({name for name, _ in pairs}) == len({i for _, i in pairs}) == len(pairs)
    return dict(pairs)


@pytest.mark.django_db(transaction=True)
def test_names_keep_their_ids_in_another_order_after_a_clean_up_and_without_the_database(
    config: Config, tmp_path: Path
) -> None:
    market = Killable(config)
    market.run_killed(replace(config, source=written(tmp_path / "1", [["b", "a"], ["c"], ["a", "d"]] * 10)), 30)
    market.run(replace(config, source=written(tmp_path / "2", [["d", "new", "a"], ["c", "b"]] * 10)))
    known = {"b": 0, "a": 1, "c": 2, "d": 3, "new": 4}
    assert ids_on(market) == known
    for kind in ("ticks", "metrics", "frames"):
        shutil.rmtree(market.store / kind)
    Segment.objects.all().delete()
    Run.objects.all().delete()
    market.run(replace(config, source=written(tmp_path / "3", [["x", "new"], ["d", "c", "b", "a"]] * 15)))
    assert ids_on(market) == known | {"x": 5}
    first_t = [orjson.loads(line)["first_t"] for line in (market.store / "agents.ndjson").read_bytes().splitlines()]
    assert first_t == [0, 0, 1, 2, 30, 50]
    frame = next(message for message in market.tape("frames") if message["type"] == "frame")
    assert [node["name"] for node in frame["nodes"]] == ["b", "a", "c", "d", "new", "x"]
    assert market.faults() == []


@pytest.mark.django_db(transaction=True)
def test_a_crash_at_any_line_leaves_the_tapes_of_an_uninterrupted_run(config: Config, tmp_path: Path) -> None:
    source = written(tmp_path / "played", coming_and_going(60, seed=1))
    whole, broken = (replace(config, source=source, store_dir=tmp_path / name) for name in ("whole", "broken"))
    Killable(whole).run(whole)
    market = Killable(broken)
    market.run_killed(replace(broken, symbol="OTHER"), 45)
    market.cut("ticks", 31)
    market.cut("metrics", 40)
    market.run(replace(broken, symbol="OTHER"))
    assert [market.tape(kind) for kind in ("ticks", "metrics", "frames")] == [
        Killable(whole).tape(kind) for kind in ("ticks", "metrics", "frames")
    ]
    assert (market.store / "agents.ndjson").read_bytes() == (tmp_path / "whole" / "agents.ndjson").read_bytes()


@pytest.mark.django_db(transaction=True)
def test_verify_tells_a_register_that_is_not_that_of_the_tapes(config: Config, tmp_path: Path) -> None:
    market = Killable(config)
    market.run(replace(config, source=written(tmp_path / "1", [["b", "a"], ["c"]] * 10)))
    register = market.store / "agents.ndjson"
    whole = register.read_bytes()
    assert market.faults() == []
    register.write_bytes(whole.replace(b'"a"', b'"z"'))
    rows, found = market.faults()
    assert rows == "agents.ndjson: its rows are not what it says; `manage.py repair` makes them anew"
    assert "t=0: agent 1 is 'a', and agents.ndjson names it 'z'" in ast.literal_eval(found)
    register.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
    _, found = market.faults()
    assert "t=1: agent 2 is 'c', and agents.ndjson has no such id" in ast.literal_eval(found)
    register.write_bytes(whole.replace(b'"id":1', b'"id":2'))
    assert market.faults()[0] == "agents.ndjson: line 2: its id is 2, not 1"


@pytest.mark.django_db(transaction=True)
def test_a_damaged_register_stops_the_market_and_is_mended_from_the_tapes(config: Config, tmp_path: Path) -> None:
    market = Killable(config)
    market.run(replace(config, source=written(tmp_path / "1", [["b", "a"], ["c"]] * 10)))
    register = market.store / "agents.ndjson"
    whole = register.read_bytes()
    register.write_bytes(whole.replace(b'"id":1', b'"iq":1').replace(b'"c"', b'"c') + b"gone\n")
    more = replace(config, source=written(tmp_path / "2", [["a", "new"]] * 10))
    with pytest.raises(DamagedRegister, match=r"agents\.ndjson: line 2: it lacks the id"):
        market.run(more)
    assert "agents.ndjson: line 2: it lacks the id" in market.faults()[0]
    call_command("repair")
    assert market.faults() == []
    market.run(more)
    names = [orjson.loads(line)["name"] for line in register.read_bytes().splitlines()]
    assert names == ["b", "a", "c", "(the name of agent 3 is lost)", "new"]
    assert ids_on(market) == {"b": 0, "a": 1, "c": 2, "new": 4}
    assert market.faults() == []


@pytest.mark.django_db(transaction=True)
def test_a_lost_register_stops_the_market_and_is_made_again_from_the_tapes(config: Config, tmp_path: Path) -> None:
    market = Killable(config)
    market.run(replace(config, source=written(tmp_path / "1", [["b", "a"], ["c"]] * 10)))
    register = market.store / "agents.ndjson"
    whole = register.read_bytes()
    register.unlink()
    more = replace(config, source=written(tmp_path / "2", [["new", "a"]] * 10))
    with pytest.raises(DamagedRegister, match=r"agents\.ndjson: it lacks agent 2, 'c', of the recorded tick t=19"):
        market.run(more)
    assert not register.exists()
    call_command("repair")
    assert register.read_bytes() == whole
    market.run(more)
    assert ids_on(market) == {"b": 0, "a": 1, "c": 2, "new": 3}
    assert market.faults() == []


@pytest.mark.long
def test_kill_9_leaves_no_trace_of_named_agents_either(tmp_path: Path) -> None:
    source = {"IG_SOURCE": written(tmp_path / "played", coming_and_going(900, seed=2)), "IG_SPEED": "3"}
    broken, whole = Market(tmp_path / "broken", **source), Market(tmp_path / "whole", **source)
    kill_again_and_again(broken, 2, random.Random(7), longest_seconds=0.7)
    broken.begin_database()
    kill_again_and_again(broken, 1, random.Random(8), longest_seconds=0.7)
    broken.manage("runmarket", "--speed", "0")
    whole.manage("runmarket", "--speed", "0")
    assert compare(broken, whole) == []
    registers = [(market.directory / "store" / "agents.ndjson").read_bytes() for market in (broken, whole)]
    assert registers[0] == registers[1]
    assert broken.manage("verify", "--deep").stdout.endswith("no faults\n")
