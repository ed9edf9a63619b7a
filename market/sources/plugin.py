"""Somebody's own model as a source: a class in a module that can be imported, or that a package has installed."""

from __future__ import annotations

import base64
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Any

import orjson

from market.price_range import PriceRange
from market.sources.options import Options, SourceSettings
from market.sources.plugin_arguments import arguments_of
from market.sources.plugin_calls import PluginCalls
from market.sources.source import Source, SourceError
from market.tick import MarketError, Tick, TickError
from market.timestamps import TimestampCheck
from runtime.shown import shown

#: The group of entry points under which packages install sources.
GROUP = "marketcamera.sources"


def python_source(setting: str, settings: SourceSettings) -> Source:
    """The plug-in of `python:MODULE:NAME?…`; the current directory is searched too, last. Raises SourceError."""
    options = Options(setting)
    module_name, _, name = options.path.partition(":")
    if not name.isidentifier() or not all(part.isidentifier() for part in module_name.split(".")):
        raise SourceError(f"source must be python:MODULE:NAME, got {shown(setting)}")
    calls = PluginCalls(options.setting, module_name)
    module = _imported(calls, module_name)
    factory = getattr(module, name, None)
    if not callable(factory):
        where = getattr(module, "__file__", None) or module_name
        raise SourceError(f"{options.setting}: there is no class {name} in {where}")
    return PluginSource(factory, options, settings, calls)


def installed_source(setting: str, settings: SourceSettings) -> Source | None:
    """The plug-in of `NAME` or `NAME:REST`, with options; None if no package has installed one. Raises SourceError."""
    options = Options(setting)
    entry = next(iter(entry_points(group=GROUP, name=options.kind)), None)
    if entry is None:
        return None
    calls = PluginCalls(options.setting, entry.module)
    return PluginSource(calls("the import", entry.load), options, settings, calls, rest=options.path)


def installed_names() -> list[str]:
    """The names of the sources that packages have installed."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def _imported(calls: PluginCalls, module_name: str) -> Any:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.append(here)  # last, so that no file there stands for a module of this program

    def imported() -> Any:
        try:
            return importlib.import_module(module_name)
        except ModuleNotFoundError as missing:
            if not f"{module_name}.".startswith(f"{missing.name}."):
                raise  # one that the plug-in imports
            return None

    module = calls("the import", imported)
    if module is None:
        raise SourceError(f"{calls.name}: there is no module {module_name}, neither installed nor in {here}")
    return module


class PluginSource(Source):
    """The ticks that an object's `step()` returns, until that is None or raises StopIteration.

    `factory` makes the object from the options, the `seed` of the settings and, for an installed one, the `rest` of its
    setting, if it takes them. A step is a `Tick` or a tick message as a dict, in which NumPy's numbers and arrays may
    stand and t may be missing: it is then counted from 0. With `checkpoint() -> bytes` and `restore(bytes)` the source
    is replayable; `price_range` and `name` are read once. Raises SourceError at once and while ticks are taken: for
    options that do not fit, for what is not a tick, and with the traceback for whatever the object raises.
    """

    def __init__(
        self,
        factory: Callable[..., Any],
        options: Options,
        settings: SourceSettings,
        calls: PluginCalls,
        rest: str = "",
    ) -> None:
        super().__init__()
        given = {"seed": settings.seed, **({"rest": rest} if rest else {})}
        arguments = arguments_of(factory, options, given)
        if rest and "rest" not in arguments:
            raise SourceError(f"{options.setting}: nothing may stand after {options.kind}")
        self._calls = calls
        self._market = calls("the start", factory, **arguments)
        self.name = calls("name", lambda: str(getattr(self._market, "name", options.setting)))
        self.replayable = self._can("checkpoint")
        if not self._can("step") or self._can("restore") != self.replayable:
            raise SourceError(f"{calls.name}: it must have step(), and checkpoint() and restore() both or neither")
        if (price_range := self._attribute("price_range")) is not None:
            self.price_range = self._checked(price_range)
        self._last_t, self._restored = -1, ""
        self._timestamps = TimestampCheck(settings.most_step_seconds)
        self._failed: SourceError | None = None

    def __iter__(self) -> Iterator[Tick]:
        while True:
            if self._failed is not None:
                raise self._failed
            given = self._calls(f"step() {self._place}", self._step)
            if given is None:
                return
            tick = self._tick(given)
            self._last_t = tick.t
            yield tick

    def checkpoint(self) -> str:
        """The last t and, in base64, the object's own state. What fails here also ends the ticks."""
        try:
            state = self._calls(f"checkpoint() {self._place}", self._market.checkpoint)
            if not isinstance(state, bytes):
                raise SourceError(f"{self._calls.name}: checkpoint() must give bytes, got {shown(state)}")
        except SourceError as error:
            self._failed = error
            raise
        return f"{self._last_t} {base64.b64encode(state).decode()}"

    def restore(self, checkpoint: str) -> None:
        if not self.replayable:
            raise SourceError(f"{self._calls.name}: it has no restore() any more")
        last_t, _, state = checkpoint.partition(" ")
        self._calls("restore()", self._market.restore, base64.b64decode(state))
        self._last_t, self._restored = int(last_t), ", of a model restored from a checkpoint,"

    def _step(self) -> Any:
        try:
            return self._market.step()
        except StopIteration:  # of a step alone it is the end of the market, elsewhere a fault
            return None

    def _can(self, name: str) -> bool:
        return callable(self._attribute(name))

    def _attribute(self, name: str) -> Any:
        """What the object has by a name, which may be a property; None if nothing."""
        return self._calls(name, getattr, self._market, name, None)

    @property
    def _place(self) -> str:
        place = f"after t={self._last_t}" if self._last_t >= 0 else "at the beginning"
        return place + self._restored

    def _tick(self, given: Any) -> Tick:
        try:
            tick = _tick(given, self._last_t + 1)
            if tick.t <= self._last_t:
                raise TickError(f"t must rise, got {tick.t}")
            self._timestamps.take(tick.ts)
        except TickError as error:
            raise SourceError(f"{self._calls.name}: step() {self._place} gave no tick: {error}") from None
        return tick

    def _checked(self, price_range: Any) -> tuple[float, float]:
        try:
            low, high = map(float, price_range)
            PriceRange(low, high)
        except (TypeError, ValueError, MarketError):
            found = shown(price_range)
            raise SourceError(f"{self._calls.name}: price_range must be two prices that rise, got {found}") from None
        return low, high


def _tick(given: Any, next_t: int) -> Tick:
    """The tick in what a step returned, through the same check as one that comes as text. Raises TickError."""
    if not isinstance(given, dict | Tick):
        raise TickError(f"it must be a dict, a Tick or None, got {shown(given)}")
    try:
        message = given.to_dict() if isinstance(given, Tick) else {"t": next_t, **given}
        text = orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise TickError(str(error)) from None
    try:
        return Tick.from_json(text)
    except TickError as error:
        if str(error).endswith("got None"):  # of a model's NaN; JSON has none
            raise TickError(f"{error} (NaN and infinity count as None)") from None
        raise
