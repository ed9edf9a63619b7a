"""Few log lines on requests that are refused or find no database: there may be any number of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

#: Between two lines on refused requests.
_SAY_AGAIN_SECONDS = 10.0

#: Of what a request brought; a host may have 16 KiB.
_SHOWN_CHARACTERS = 200


class Seldom(logging.Filter):
    """A filter that passes at most one record in `seconds`, as a warning of one line without a traceback."""

    def __init__(self, seconds: float, now: Callable[[], float]) -> None:
        super().__init__()
        self._seconds, self._now, self._said_at = seconds, now, -seconds

    def is_due(self) -> bool:
        """Whether a line may come; then the next one has to wait."""
        if self._now() - self._said_at < self._seconds:
            return False
        self._said_at = self._now()
        return True

    @staticmethod
    def make_line(record: logging.LogRecord, text: str, *arguments: object) -> None:
        """Make the record this line."""
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.msg, record.args, record.exc_info, record.exc_text = text, arguments, None, None


class FewLines(Seldom):
    """Passes one record each ten seconds, cut short; it tells how many came between."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(_SAY_AGAIN_SECONDS, now)
        self._unsaid = 0

    def filter(self, record: logging.LogRecord) -> bool:
        if not self.is_due():
            self._unsaid += 1
            return False
        more, self._unsaid = f" (and {self._unsaid} more since the line before)" if self._unsaid else "", 0
        text = record.getMessage()
        shown = text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."
        self.make_line(record, f"{shown}{more}")
        return True


class FewUnavailable(FewLines):
    """Passes few records about answers of status 503, whose reason stands in a line of its own, and all others."""

    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(record, "status_code", None) != 503 or super().filter(record)


class FewLeftBehind(FewLines):
    """Passes few of daphne's records about applications that go on though their clients have left, without the objects
    they show, and all other records. A database that hangs makes one for each client that gives up."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not str(record.msg).startswith("Application instance"):
            return True
        _, connection = record.args if isinstance(record.args, tuple) and len(record.args) == 2 else ("", "")
        record.msg, record.args = "what a client has left did not end by itself, and is ended: %s", (connection,)
        return super().filter(record)
