"""Which strategies there are: classes in installed modules; nothing is ever uploaded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from backtests.errors import BadStrategies, UnknownStrategy
from backtests.strategy import Parameter, parameters_of

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.ASCII)


def strategies_in(modules: Iterable[str]) -> dict[str, type[Any]]:
    """Name and class of every strategy in these modules. Raises BadStrategies."""
    found: dict[str, type[Any]] = {}
    for module in modules:
        for strategy in _classes_of(_imported(module)):
            name = _name_of(strategy)
            if name in found:
                raise BadStrategies(f"{_path(found[name])} and {_path(strategy)} are both named {name!r}")
            found[name] = strategy
    return found


def strategy_named(name: object, strategies: Mapping[str, type[Any]]) -> type[Any]:
    """The class of that name. Raises UnknownStrategy."""
    if not isinstance(name, str) or name not in strategies:
        raise UnknownStrategy(name, strategies)
    return strategies[name]


def _imported(module: str) -> ModuleType:
    try:
        return import_module(module)
    except Exception as error:  # whatever the module does when it is imported
        raise BadStrategies(f"{module!r} cannot be imported: {type(error).__name__}: {error}") from error


def _classes_of(module: ModuleType) -> list[type[Any]]:
    """The strategies that the module itself defines, not those it imports."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and _is_strategy(value)
    ]


def _is_strategy(value: type[Any]) -> bool:
    methods: list[Callable[..., Any] | None] = [getattr(value, name, None) for name in ("initialize", "handle_bar")]
    return all(callable(method) for method in methods) and not value.__name__.startswith("_")


def _name_of(strategy: type[Any]) -> str:
    """Its `name`, else the class's own in lower case with underscores. Raises BadStrategies."""
    name = getattr(strategy, "name", None) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", strategy.__name__).lower()
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadStrategies(f"{_path(strategy)} is named {name!r}; a name is 1 to 64 of a-z 0-9 . _ -")
    for parameter, declared in parameters_of(strategy).items():
        if not isinstance(declared, Parameter):
            raise BadStrategies(f"{_path(strategy)}: parameter {parameter!r} must be a backtests.strategy.Parameter")
    return name


def _path(strategy: type[Any]) -> str:
    return f"{strategy.__module__}.{strategy.__qualname__}"
