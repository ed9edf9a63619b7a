"""Plug-ins: a class of somebody's own as a source, its options, its state, and what becomes of its errors."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import count, islice
from pathlib import Path

import pytest

from market.sources.named import source_from
from market.sources.options import SourceSettings
from market.sources.source import Source, SourceError

Write = Callable[[str], str]

TICK = """
def tick(price=0.5, **more):
    s = {"price_norm": price, "volatility": 0.1, "liquidity": 0.5, "imbalance": 0.0}
    return {"s": s, "agents": [], "actions": [], "matches": [], **more}

"""

#: A walk that can be continued exactly.
WALK = """
import random

class Market:
    def __init__(self, seed: int, agents: int = 3):
        self.agents, self.dice = agents, random.Random(seed)

    def step(self):
        return tick(self.dice.random())

    def checkpoint(self):
        return repr(self.dice.getstate()).encode()

    def restore(self, state):
        self.dice.setstate(eval(state))
"""

_numbers = count()


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a module into the current directory; how the source of its class `Market` is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def written(code: str) -> str:
        name = f"model_{next(_numbers)}"
        Path(f"{name}.py").write_text(TICK + code)
        return f"python:{name}:Market"

    return written


def opened(setting: str, seed: int = 7) -> Source:
    return source_from(setting, SourceSettings(seed))


def refusal(setting: str) -> str:
    with pytest.raises(SourceError) as caught:
        opened(setting)
    return str(caught.value)


def first(source: Source, ticks: int) -> list[bytes]:
    return [tick.to_json() for tick in islice(source, ticks)]


def failing(source: Source) -> str:
    with pytest.raises(SourceError) as caught:
        list(source)
    return str(caught.value)


def test_a_class_of_the_current_directory_is_a_source(write: Write) -> None:
    setting = write(WALK)
    source = opened(setting)
    ticks = list(islice(source, 3))
    assert [tick.t for tick in ticks] == [0, 1, 2]
    assert (source.name, source.replayable, source.sets_pace) == (setting, True, False)
    assert source.price_range == (40_000.0, 60_000.0)
    assert first(opened(setting, 7), 3) == [tick.to_json() for tick in ticks], "the seed is that of the settings"
    assert first(opened(setting, 8), 3) != [tick.to_json() for tick in ticks]
    assert first(opened(f"{setting}?seed=7", 8), 3) == [tick.to_json() for tick in ticks]


@pytest.mark.parametrize("taken", [0, 5])
def test_one_with_a_state_goes_on_exactly(write: Write, taken: int) -> None:
    setting = write(WALK)
    one, other = opened(setting), opened(setting)
    assert len(first(one, taken)) == taken
    other.restore(one.checkpoint())
    expected = first(one, 5)
    assert first(other, 5) == expected
    assert b'"t":%d,' % taken in expected[0]


def test_a_model_that_was_changed_since_its_checkpoint_is_told_of_that(write: Write) -> None:
    begins, goes_on = (
        "class Market:\n    def __init__(self):\n        self.i = 0\n",
        """
    def step(self):
        self.i += 1
        return tick()
    def checkpoint(self):
        return repr(self.__dict__).encode()
    def restore(self, state):
        self.__dict__ = eval(state)
""",
    )
    one = opened(write(begins + goes_on))
    assert len(first(one, 3)) == 3
    other = opened(write(begins + "        self.by = 2\n" + goes_on.replace("1", "self.by")))
    other.restore(one.checkpoint())
    assert "step() after t=2, of a model restored from a checkpoint, failed:" in failing(other)


def test_a_step_may_give_numpy_its_own_t_or_a_tick(write: Write) -> None:
    source = opened(
        write("""
import numpy as np
from market.tick import Tick

class Market:
    price_range, name = (1, np.float64(3)), "three kinds"

    def step(self, steps=iter(range(3))):
        kind = next(steps)
        agents = [{"id": np.int64(4), "experience": np.float32(0.5)}]
        actions = [{"id": 0, "side": "buy", "price": np.float64(2), "size": 1}]
        message = tick(np.float64(0.25), agents=agents, actions=actions, mid=float("nan"), t=10 * kind)
        return Tick.from_dict(tick(t=20)) if kind == 2 else message
""")
    )
    assert [tick.t for tick in source] == [0, 10, 20], "and StopIteration is the end"
    assert (source.name, source.price_range, source.replayable) == ("three kinds", (1.0, 3.0), False)


def test_nothing_is_the_end(write: Write) -> None:
    assert list(opened(write("class Market:\n    def step(self): return None"))) == []


OPTIONS = """
from __future__ import annotations
from typing import Literal, Optional

class Market:
    def __init__(self, *, n: int = 1, x: float = 1.0, on: bool = False, text: str = "", kind: Literal["a", 2] = "a",
                 most: Optional[int] = None, either: int | str = 0, bare=5, weird: dict = {}):
        self.options = {**locals()}

    def step(self):
        return None
"""


@pytest.mark.parametrize(
    ("option", "value"),
    [("n=-3", -3), ("x=1e-3", 0.001), ("on=yes", True), ("on=0", False), ("text=a%26b", "a&b"), ("kind=2", 2),
     ("most=4", 4), ("most=none", None), ("either=4", 4), ("either=four", "four"), ("bare=6", 6)],
)  # fmt: skip
def test_an_option_is_converted_by_its_annotation(write: Write, option: str, value: object) -> None:
    source = opened(f"{write(OPTIONS.replace('from __future__ import annotations', ''))}?{option}")
    found = source._market.options[option.partition("=")[0]]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("n=3.5", "option n must be an integer, got '3.5'"),
        ("x=nan", "option x must be a finite number, got 'nan'"),
        ("on=maybe", "option on must be true or false, got 'maybe'"),
        ("kind=b", "option kind must be one of a, 2, got 'b'"),
        ("most=x", "option most must be an integer or none, got 'x'"),
        ("weird=1", "option weird is of dict; it can be of int, float, bool, str, Literal, None or a union of them"),
        ("m=1", "there is no option 'm', only n, x, on, text, kind, most, either, bare, weird"),
    ],
)
def test_an_option_that_cannot_be_is_a_sentence(write: Write, option: str, said: str) -> None:
    setting = write(OPTIONS.replace("from __future__ import annotations", ""))
    assert refusal(f"{setting}?{option}") == f"{setting}: {said}"


def test_annotations_may_be_texts_and_options_may_have_any_name(write: Write) -> None:
    setting = write("""
class Market:
    def __init__(self, n: "int", **others: "float"):
        self.n, self.others = n, others
    def step(self): ...
""")
    market = opened(f"{setting}?n=2&x=3")._market
    assert (market.n, market.others) == (2, {"x": 3.0}), "and no seed, which it did not ask for"
    assert refusal(setting) == f"{setting}: option n is missing"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("class Other: ...", "there is no class Market in "),
        ("class Market: ...", "it must have step(), and checkpoint() and restore() both or neither"),
        ("class Market:\n    step = checkpoint = print", "it must have step(), and checkpoint() and restore() both"),
        (
            "class Market:\n    step, price_range = print, (2, 1)",
            "price_range must be two prices that rise, got (2, 1)",
        ),
        ("class Market:\n    def __init__(self, x: 'Missing' = 1): ...", "its arguments cannot be found out: name 'Mi"),
        ("next(iter(()))", "the import failed:\nTraceback (most"),
        (
            "class Market:\n    def __init__(self): next(iter(()))",
            "the start failed:\nTraceback (most recent call last):\n",
        ),
        *(
            (
                f"class Market:\n    step = print\n    {name} = property(lambda self: 1 / 0)",
                f"{name} failed:\nTraceback (m",
            )
            for name in ("name", "price_range", "checkpoint")
        ),
    ],
)
def test_a_class_that_is_no_market_is_a_sentence(write: Write, code: str, said: str) -> None:
    setting = write(code)
    assert refusal(setting).startswith(f"{setting}: {said}")


def test_a_module_that_is_not_there_is_a_sentence(write: Write, tmp_path: Path) -> None:
    said = f"python:no.such:Market: there is no module no.such, neither installed nor in {tmp_path}"
    assert refusal("python:no.such:Market") == said
    for setting in ("python:model", "python:model:", "python:.model:Market", "python:model:a.b"):
        assert "python:MODULE:NAME" in refusal(setting)


def test_an_error_shows_the_traceback_of_the_plugin_alone(write: Write, tmp_path: Path) -> None:
    setting = write("""
import json

class Market:
    def step(self, steps=iter("11x")):
        json.loads(next(steps))
        return tick()
""")
    source, path = opened(setting), tmp_path / f"{setting.split(':')[1]}.py"
    assert failing(source) == (
        f"{setting}: step() after t=1 failed:\n"
        "Traceback (most recent call last):\n"
        f'  File "{path}", line 11, in step\n'
        "    json.loads(next(steps))\n"
        "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)"
    )


def test_a_module_that_cannot_be_imported_shows_why(write: Write, tmp_path: Path) -> None:
    setting = write("import nothing_of_this_name")
    said = refusal(setting)
    path, line = tmp_path / f"{setting.split(':')[1]}.py", TICK.count("\n") + 1
    assert said == f"{setting}: the import failed: there is no module nothing_of_this_name (line {line} of {path})"
    setting = write("raise ModuleNotFoundError('all by hand')")
    said = refusal(setting)
    assert said.startswith(f"{setting}: the import failed:\nTraceback (most recent call last):\n")
    assert said.endswith("ModuleNotFoundError: all by hand")
    assert "importlib" not in said
    setting = write("def f(:")
    assert refusal(setting).startswith(f"{setting}: the import failed:\n  File ")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("5", "it must be a dict, a Tick or None, got 5"),
        ("{}", "a tick lacks 's'"),
        ("tick(float('nan'))", "s: price_norm must be a number within 2^53, got None (NaN and infinity count as None)"),
        ("tick(t=0)", "t must rise, got 0"),
        ("tick(ts=5)", "ts must be Unix seconds from 1971 to 2199, got 5"),
        ("tick(x=object())", "Type is not JSON serializable: object"),
    ],
)
def test_a_step_that_gives_no_tick_is_a_sentence(write: Write, given: str, said: str) -> None:
    setting = write(f"class Market:\n    def step(self, rest=iter([tick(), {given}])): return next(rest)")
    assert failing(opened(setting)) == f"{setting}: step() after t=0 gave no tick: {said}"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("'text'", "checkpoint() must give bytes, got 'text'"),
        ("next(iter(()))", "return next(iter(()))\nStopIteration"),
    ],
)
def test_a_state_that_cannot_be_kept_ends_the_market(write: Write, state: str, said: str) -> None:
    source = opened(write(WALK.replace("repr(self.dice.getstate()).encode()", state)))
    assert len(first(source, 2)) == 2
    with pytest.raises(SourceError) as caught:
        source.checkpoint()
    assert str(caught.value).endswith(said)
    assert failing(source) == str(caught.value)


class Installed:
    """What the packages of this interpreter have installed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def add(self, name: str, code: str) -> None:
        package = f"{name}_package"
        (self.directory / f"{package}.py").write_text(TICK + code)
        info = self.directory / f"{package}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {package}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[marketcamera.sources]\n{name} = {package}:Market\n")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    monkeypatch.syspath_prepend(tmp_path)
    return Installed(tmp_path)


def test_a_source_that_a_package_installed_has_a_name(installed: Installed) -> None:
    installed.add("venue", WALK.replace("seed: int,", "seed: int, rest: str = '',"))
    assert first(opened("venue?seed=1"), 4) == first(opened("venue:BTC/USD", 1), 4)
    assert opened("venue:BTC/USD")._market.agents == 3


def test_an_installed_source_that_takes_no_rest_says_so(installed: Installed) -> None:
    installed.add("plain", WALK)
    assert refusal("plain:BTC") == "plain:BTC: nothing may stand after plain"
    assert refusal("plain?x=1") == "plain: there is no option 'x', only seed, agents"
    installed.add("broken", "import nothing_of_this_name")
    assert refusal("broken").startswith("broken: the import failed: there is no module nothing_of_this_name (line ")
    assert refusal("plane").endswith("wss://…, broken, plain; got 'plane'")
