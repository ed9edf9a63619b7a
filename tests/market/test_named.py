"""Choosing a source: what IG_SOURCE may name, and what each choice can do."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

import pytest

from market.model.simulator import Simulator
from market.sources.named import source_from
from market.sources.options import SourceSettings
from market.sources.simulated import SimulatorSource
from market.sources.source import Source, SourceError


def tape(ticks: int) -> bytes:
    simulator = Simulator(1)
    return b"".join(simulator.step().to_json() + b"\n" for _ in range(ticks))


def test_the_simulator_is_a_source_without_end_that_can_be_replayed() -> None:
    source = source_from("simulator", SourceSettings(1, 50))
    assert isinstance(source, SimulatorSource)
    assert (source.name, source.replayable) == ("simulator", True)
    expected = Simulator(1, adjust_interval=50)
    assert [tick.to_json() for tick in islice(source, 60)] == [expected.step().to_json() for _ in range(60)]
    assert next(iter(source)).t == 60


def test_the_simulator_goes_on_from_a_checkpoint() -> None:
    first, second = SimulatorSource(Simulator(1)), SimulatorSource(Simulator(2))
    assert len(list(islice(first, 30))) == 30
    second.restore(first.checkpoint())
    assert [tick.to_json() for tick in islice(second, 9)] == [tick.to_json() for tick in islice(first, 9)]


def test_a_file_is_a_source_with_its_path_in_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tape.jsonl").write_bytes(tape(3))
    source: Source = source_from("file:tape.jsonl", SourceSettings(1, 50))
    assert (source.name, source.replayable) == ("file:tape.jsonl", True)
    assert [tick.t for tick in source] == [0, 1, 2]
    priced = source_from("file:tape.jsonl?price_range=1,3.5", SourceSettings(1, 50))
    assert (priced.name, priced.price_range) == ("file:tape.jsonl", (1.0, 3.5))
    with pytest.raises(SourceError, match=r"^file:tape\.jsonl: there is no option 'speed', only price_range$"):
        source_from("file:tape.jsonl?speed=2", SourceSettings(1, 50))


def test_a_path_may_hold_a_colon(tmp_path: Path) -> None:
    (tmp_path / "a:b").write_bytes(tape(2))
    assert len(list(source_from(f"file:{tmp_path}/a:b", SourceSettings(1, 1)))) == 2


@pytest.mark.parametrize("text", ["", "Simulator", "simulator:", "file", "file:", "ftp://x", "tape.jsonl"])
def test_an_unknown_source_is_told_what_there_is(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        source_from(text, SourceSettings(0, 1))
    assert re.fullmatch(rf"source must be one of simulator, file:PATH, .*; got '{text}'", str(caught.value))


def test_the_simulator_takes_no_options() -> None:
    with pytest.raises(SourceError, match=r"^simulator: there is no option 'seed'$"):
        source_from("simulator?seed=1", SourceSettings(1, 50))
