"""Passes Twisted's errors, and only errors, to the common log."""

from __future__ import annotations

from typing import Any, cast

from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    STDLibLogObserver,
    globalLogBeginner,
)


def tell_errors() -> None:
    only_errors: Any = LogLevelFilterPredicate(LogLevel.error)
    observer: Any = FilteringLogObserver(cast(Any, STDLibLogObserver("twisted")), [only_errors])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)
