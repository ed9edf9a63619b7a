"""Calls into a plug-in: whatever it raises becomes one error, with the plug-in's own part of the traceback."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import TypeVar

from market.sources.source import SourceError

Result = TypeVar("Result")


class PluginCalls:
    """Calls what a plug-in has; `module` is the one it is in, `name` the source's in errors."""

    def __init__(self, name: str, module: str) -> None:
        self.name, self._package = name, module.partition(".")[0]

    def __call__(self, what: str, function: Callable[..., Result], *arguments: object, **named: object) -> Result:
        """The result of a function of the plug-in. Raises SourceError."""
        try:
            return function(*arguments, **named)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is not ours, and may raise anything
            raise SourceError(f"{self.name}: {what} failed:{self._why(error)}") from None

    def _why(self, error: BaseException) -> str:
        """A sentence where a module is not installed, with the plug-in's line that asks for it; else the traceback."""
        if not isinstance(error, ModuleNotFoundError) or error.name is None:
            return f"\n{self._traceback(error)}"
        own = [place for place in traceback.walk_tb(error.__traceback__) if self._is_its_own(place[0].f_globals)]
        where = f" (line {own[-1][1]} of {own[-1][0].f_code.co_filename})" if own else ""
        return f" there is no module {error.name}{where}"

    def _traceback(self, error: BaseException) -> str:
        """The traceback of an error without the frames of this program and of libraries."""
        frames = (place for place in traceback.walk_tb(error.__traceback__) if self._is_its_own(place[0].f_globals))
        lines = traceback.StackSummary.extract(frames).format()
        head = ["Traceback (most recent call last):\n"] if lines else []
        return "".join([*head, *lines, *traceback.format_exception_only(error)]).rstrip()

    def _is_its_own(self, names: dict[str, object]) -> bool:
        return str(names.get("__name__")).partition(".")[0] == self._package
