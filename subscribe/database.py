"""The database as seen from the loop: asked on threads of its own, and not waited for longer than is bearable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from django.db import OperationalError, connections

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class Database:
    """Asks with up to `threads` at once. A database that hangs keeps these busy, and nobody else's threads."""

    def __init__(self, name: str, threads: int, patience_seconds: float) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._patience_seconds = patience_seconds

    async def ask(
        self, question: Callable[Arguments, Answer], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Answer:
        """What the function answers. Raises django.db.Error, also where no answer came in time."""
        asked = asyncio.get_running_loop().run_in_executor(self._pool, lambda: _ask(question, *args, **kwargs))
        try:
            return await asyncio.wait_for(asked, self._patience_seconds)
        except TimeoutError:
            raise OperationalError(f"no answer within {self._patience_seconds:g} s") from None


def _ask(question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    try:
        return question(*args, **kwargs)
    finally:
        connections.close_all()  # nobody else would, and the thread may not be needed again for long
