"""A market's runs in this process: one, and another whenever the server that it films has another recording."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from django.db import Error as DatabaseError

from igsite.config import Config
from pipeline.loop import Outlet
from pipeline.run import MarketRun
from pipeline.upstream_run import Stopped
from recorder.errors import StoreError

log = logging.getLogger(__name__)

#: How often a run is retried that cannot begin because the database or the disk is unavailable.
_RETRY_SECONDS = 1.0


class MarketRuns:
    """Opens a market as `MarketRun` does and raises as that does; `stop` ends it for good."""

    def __init__(self, config: Config, *, home_symbol: str, host: str | None = None, alone: bool = False) -> None:
        self.stop = threading.Event()
        self._open = partial(MarketRun, config, home_symbol=home_symbol, host=host, stop=self.stop, alone=alone)
        self._run = self._open()

    def run(
        self,
        *,
        outlet: Outlet | None = None,
        most_ticks: int | None = None,
        on_tick: Callable[[int], None] | None = None,
    ) -> None:
        """Make ticks on the calling thread until the source ends, `stop` is set or `most_ticks` are made."""
        made = 0
        while True:
            left = None if most_ticks is None else most_ticks - made
            tell = None if on_tick is None else partial(_tell, on_tick, made)
            made += self._run.run(outlet=outlet, most_ticks=left, on_tick=tell)
            if not self._run.replaced or made == most_ticks or not self._begin_another():
                return

    def _begin_another(self) -> bool:
        """Open the next run; False when the market is to stop."""
        while not self.stop.is_set():
            try:
                self._run = self._open()
            except Stopped:
                return False
            except (DatabaseError, StoreError) as error:
                log.error("the next run cannot begin yet: %s", error)
                self.stop.wait(_RETRY_SECONDS)
            else:
                return True
        return False


def _tell(on_tick: Callable[[int], None], before: int, ticks: int) -> None:
    on_tick(before + ticks)
