"""Log lines about an external service that is lost for a while: one when it is lost, one when it is back."""

from __future__ import annotations

from logging import Logger


class Announced:
    """Logs loss and return of one service that is used again and again."""

    def __init__(self, log: Logger) -> None:
        self._log = log
        self.is_lost = False

    def lost(self, text: str, *arguments: object) -> None:
        """Note that it does not work; logged if it worked before."""
        if not self.is_lost:
            self._log.warning(text, *arguments)
        self.is_lost = True

    def back(self, text: str, *arguments: object) -> None:
        """Note that it works; logged if it did not work before."""
        if self.is_lost:
            self._log.warning(text, *arguments)
        self.is_lost = False
