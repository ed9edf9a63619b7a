"""How much the database does for a question, whatever else the machine does: SQLite counts it."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import connection

#: For tests that count steps.
sqlite_only = pytest.mark.skipif(
    "sqlite" not in settings.DATABASES["default"]["ENGINE"], reason="SQLite tells what it does"
)


class Steps:
    """Counts what SQLite does within, in instructions of its machine."""

    def __enter__(self) -> Steps:
        self.count = 0
        connection.ensure_connection()
        connection.connection.set_progress_handler(self._one, 1)
        return self

    def _one(self) -> int:
        self.count += 1
        return 0

    def __exit__(self, *_: object) -> None:
        connection.connection.set_progress_handler(None, 1)
