"""What the log says of something outside that is lost for a while: once when it is lost, once when it is back."""

from __future__ import annotations

from logging import Logger


class Announced:
    """Loss and return of one thing that is used again and again."""

    def __init__(self, log: Logger) -> None:
        self._log = log
        self.is_lost = False

    def lost(self, text: str, *arguments: object) -> None:
        """It does not work. Said where it did before."""
        if not self.is_lost:
            self._log.warning(text, *arguments)
        self.is_lost = True

    def back(self, text: str, *arguments: object) -> None:
        """It works. Said where it did not before."""
        if self.is_lost:
            self._log.warning(text, *arguments)
        self.is_lost = False
