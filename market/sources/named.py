"""The source that a setting names."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from market.model.simulator import Simulator
from market.sources.hyperliquid.source import HyperliquidSource
from market.sources.options import Options, SourceSettings, low_and_high
from market.sources.orderbook import orderbook_source
from market.sources.plugin import installed_names, installed_source, python_source
from market.sources.simulated import SimulatorSource
from market.sources.source import Source, SourceError
from market.sources.stdin import StdinSource
from market.sources.tape_file import FileSource
from market.sources.trades_file import TradesFile
from market.sources.upstream import UpstreamSource
from runtime.shown import shown


class _Kind(NamedTuple):
    """A kind of source: how its setting is written, and what makes one from it.

    A setting is `KIND`, or `KIND:REST` where the form has a colon; options may follow, `?name=value&…`.
    """

    form: str
    make: Callable[[str, SourceSettings], Source]


def _simulator(setting: str, settings: SourceSettings) -> Source:
    Options(setting).end("")
    return SimulatorSource(Simulator(settings.seed, settings.adjust_interval))


def _file(setting: str, settings: SourceSettings) -> Source:
    options = Options(setting)
    source = FileSource(options.path, settings.most_step_seconds)
    source.price_range = options.take("price_range", low_and_high, source.price_range)
    options.end("price_range")
    return source


def _upstream(setting: str, settings: SourceSettings) -> Source:
    return UpstreamSource(setting)


_KINDS = {
    "simulator": _Kind("simulator", _simulator),
    "file": _Kind("file:PATH", _file),
    "stdin": _Kind("stdin", StdinSource),
    "orderbook": _Kind("orderbook", orderbook_source),
    "trades": _Kind("trades:PATH", TradesFile),
    "hyperliquid": _Kind("hyperliquid:COIN", HyperliquidSource),
    "python": _Kind("python:MODULE:NAME", python_source),
    "ws": _Kind("ws://…", _upstream),
    "wss": _Kind("wss://…", _upstream),
}


def source_from(setting: str, settings: SourceSettings) -> Source:
    """The source that a setting names; `docs/sources.md` lists them. Raises SourceError."""
    name, colon, rest = setting.partition("?")[0].partition(":")
    kind = _KINDS.get(name)
    if kind is None and (installed := installed_source(setting, settings)) is not None:
        return installed
    if kind is None or (":" in kind.form) != bool(rest) or (colon and not rest):
        forms = ", ".join([*(kind.form for kind in _KINDS.values()), *installed_names()])
        raise SourceError(f"source must be one of {forms}; got {shown(setting)}")
    return kind.make(setting, settings)
