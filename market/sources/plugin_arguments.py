"""The options of a plug-in: what its constructor takes, and how the text of an option becomes such a value."""

from __future__ import annotations

import inspect
import math
import types
from collections.abc import Callable, Mapping
from inspect import Parameter
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from market.sources.options import Options
from market.sources.source import SourceError

_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)

_SWITCH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class _Kind(NamedTuple):
    """How a text becomes a value, and what the text must be."""

    parse: Callable[[str], Any]
    expected: str


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


_KINDS: dict[Any, _Kind] = {
    int: _Kind(int, "an integer"),
    float: _Kind(_finite, "a finite number"),
    bool: _Kind(lambda text: _chosen(_SWITCH, text.lower()), "true or false"),
    str: _Kind(str, "a text"),
    type(None): _Kind(lambda text: _chosen({"": None, "none": None}, text.lower()), "none"),
}


def arguments_of(factory: Callable[..., Any], options: Options, given: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword arguments for `factory`: its options, and what of `given` it takes and no option says otherwise.

    Raises SourceError for an option that the factory does not take or that is not of its annotation, and for one that
    is missing.
    """
    parameters = _parameters(factory, options.setting)
    by_name = {name: one for name, one in parameters.items() if one.kind in _BY_NAME}
    others = next((one for one in parameters.values() if one.kind is Parameter.VAR_KEYWORD), None)
    arguments = {name: value for name, value in given.items() if name in by_name}
    for name in options.names:
        if (parameter := by_name.get(name, others)) is not None:
            kind = _kind_of(parameter, f"{options.setting}: option {name}")
            arguments[name] = options.take(name, kind.parse, None, kind.expected)
    options.end(", ".join(by_name))
    for name, parameter in by_name.items():
        if parameter.default is Parameter.empty and name not in arguments:
            raise SourceError(f"{options.setting}: option {name} is missing")
    return arguments


def _parameters(factory: Callable[..., Any], setting: str) -> Mapping[str, Parameter]:
    try:
        return inspect.signature(factory, eval_str=True).parameters
    except Exception as error:  # noqa: BLE001 - annotations are evaluated, and may be anything
        raise SourceError(f"{setting}: its arguments cannot be found out: {error}") from None


def _kind_of(parameter: Parameter, where: str) -> _Kind:
    """By the annotation, else by the type of the default, else a text."""
    annotation = parameter.annotation
    if annotation is Parameter.empty:
        annotation = type(parameter.default) if type(parameter.default) in (int, float, bool) else str
    kind = _kind(annotation)
    if kind is None:
        shown = inspect.formatannotation(annotation)
        raise SourceError(
            f"{where} is of {shown}; it can be of int, float, bool, str, Literal, None or a union of them"
        )
    return kind


def _kind(annotation: Any) -> _Kind | None:
    if get_origin(annotation) is Literal:
        values = {str(value): value for value in get_args(annotation)}
        return _Kind(lambda text: _chosen(values, text), f"one of {', '.join(values)}")
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [_kind(one) for one in get_args(annotation)]
        known = [kind for kind in kinds if kind is not None]
        return _any_of(known) if len(known) == len(kinds) else None
    return _KINDS.get(annotation)


def _any_of(kinds: list[_Kind]) -> _Kind:
    def parse(text: str) -> Any:
        # A text comes last, and none before it: everything is a text.
        for kind in sorted(kinds, key=lambda kind: (kind.parse is str, kind.expected != "none")):
            try:
                return kind.parse(text)
            except ValueError:
                continue
        raise ValueError

    return _Kind(parse, " or ".join(kind.expected for kind in kinds))


def _chosen(values: Mapping[str, Any], text: str) -> Any:
    if text not in values:
        raise ValueError
    return values[text]
