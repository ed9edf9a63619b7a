"""What Django logs of requests that it refuses: a short line now and then, for anybody can send them without end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

#: Between two lines.
_SAY_AGAIN_SECONDS = 10.0

#: Of what a request brought; a host may have 16 KiB.
_SHOWN_CHARACTERS = 200


class FewLines(logging.Filter):
    """Passes one record each ten seconds, cut short and without its traceback; it tells how many came between."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now, self._said_at, self._unsaid = now, -_SAY_AGAIN_SECONDS, 0

    def filter(self, record: logging.LogRecord) -> bool:
        if self._now() - self._said_at < _SAY_AGAIN_SECONDS:
            self._unsaid += 1
            return False
        more = f" (and {self._unsaid} more since the line before)" if self._unsaid else ""
        self._said_at, self._unsaid = self._now(), 0
        text = record.getMessage()
        shown = text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.msg, record.args, record.exc_info, record.exc_text = f"{shown}{more}", (), None, None
        return True
