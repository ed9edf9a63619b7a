"""A market's run: everything between the settings and a running pipeline, opened and closed in the right order."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from camera.window import SlidingWindowCamera
from igsite.config import Config
from market.sources import Source, source_from
from recorder.errors import StoreError
from recorder.format import market_dir
from recorder.manifest import ManifestKeeper
from recorder.models import Market
from recorder.reconcile import reconcile
from recorder.recording import Recording
from recorder.runs import begin_run, end_of, end_run
from streaming.health import SILENCE_SECONDS
from streaming.pacer import Pacer
from streaming.pipeline import Outlet, Pipeline, Placement

log = logging.getLogger(__name__)

#: What makes a run: with any of these changed, the market goes on as another run.
RUN_SETTINGS = (
    "source",
    "seed",
    "adjust_interval",
    "tick_interval",
    "cam_w",
    "cam_stride",
    "cam_edge_cap",
    "cam_prox_eps_pct",
    "cam_metric_downsample",
)

#: How long rows may take at the end before the process leaves without them; the next start makes them from the files.
_ROWS_SECONDS = 2.0


class MarketRun:
    """Opens a market by its settings and runs it; `home_symbol` is the market at the store's root.

    Raises MarketError, RecorderError, django.db.Error.
    """

    def __init__(self, config: Config, *, home_symbol: str) -> None:
        self._config = config
        self._source: Source = source_from(
            config.source, seed=config.seed, adjust_interval=config.adjust_interval
        )
        self.stop = threading.Event()
        self._directory = market_dir(config.store_dir, config.symbol, home_symbol)
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(self._directory, error) from error
        market, _ = Market.objects.get_or_create(symbol=config.symbol)
        reconcile(market, self._directory)
        self._run = begin_run(
            market,
            end=end_of(market, self._directory),
            start_ts=round(time.time(), 6) if config.start_ts is None else config.start_ts,
            tick_interval=config.tick_interval,
            source=config.source,
            settings={name: getattr(config, name) for name in RUN_SETTINGS},
        )
        self._keeper = ManifestKeeper(market, self._run)

    def run(
        self,
        *,
        outlet: Outlet | None = None,
        most_ticks: int | None = None,
        on_tick: Callable[[int], None] | None = None,
    ) -> None:
        """Make ticks on the calling thread until the source ends, `stop` is set or `most_ticks` are made."""
        config, run = self._config, self._run
        pipeline = Pipeline(
            source=self._source,
            placement=Placement(run.first_t, run.start_ts, config.tick_interval),
            camera=SlidingWindowCamera(
                config.cam_w, config.cam_stride, config.cam_prox_eps_pct, config.cam_edge_cap
            ),
            metric_every=config.cam_metric_downsample,
            recording=Recording(
                self._directory,
                segment_seconds=config.cam_segment_seconds,
                level=config.cam_zstd_level,
                flush_seconds=config.flush_seconds,
                clock=time.time,
                on_change=self._keeper.record,
            ),
            pacer=Pacer(config.tick_interval / config.speed if config.speed else 0.0, time.monotonic()),
            now=time.monotonic,
            stop=self.stop,
            outlet=outlet,
            seed=config.seed,
            flat_out=not config.speed,
            silence_seconds=self._silence_seconds(),
        )
        try:
            pipeline.run(most_ticks, on_tick)
        finally:
            self._keeper.close(_ROWS_SECONDS)
            end_run(run)

    def _silence_seconds(self) -> float:
        config = self._config
        interval = config.tick_interval / config.speed if config.speed else 0.0
        return max(SILENCE_SECONDS, 3 * interval)
