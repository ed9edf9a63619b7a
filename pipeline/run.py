"""A market's run: everything between the settings and a running pipeline, opened and closed in the right order."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alerts.market_events import EventObserver
from bars.making.live import LiveBars
from components.reporter import MeasuredComponent, reported
from igsite.config import Config
from market import timestamps
from market.sources.named import source_from
from market.sources.options import SourceSettings
from market.sources.source import Source
from pipeline import upstream_run
from pipeline.checkpointer import Checkpointer
from pipeline.continuation import CannotContinue, Continued, Differs, Placement, checkpoint_of, complete, hand_over
from pipeline.encode_tick import TickEncoder
from pipeline.loop import Outlet, Pipeline
from pipeline.market_recording import market_recording
from pipeline.measured_parts import Measured, pipeline_parts
from pipeline.ownership import MarketOwnership, boot_id
from pipeline.pacer import Pacer
from pipeline.run_facts import RunFacts
from recorder.digests.absent import miss_absent
from recorder.errors import StoreError
from recorder.manifest.json_files import ManifestFiles
from recorder.manifest.row_writer import ManifestRowWriter
from recorder.models import Run
from recorder.recovery import epoch
from recorder.recovery.agent_names import opened_register
from recorder.recovery.checkpoints import Checkpoint, Checkpoints
from recorder.recovery.reconcile import reconcile
from recorder.recovery.run_file import keep_runs, restore_runs
from recorder.recovery.run_registry import RUN_SETTINGS, begin_run, camera_of, continued_run, end_run, goes_on
from recorder.recovery.tape_ends import Ends, ends_of, tell_lost
from recorder.segment.layout import SegmentFacts, market_dir
from recorder.store.agent_rows import AgentRows
from recorder.store.market_row import row_of
from recorder.tape.high_water_mark import raise_mark
from recorder.tape.history import History
from runtime.supervision import supervisor
from runtime.threads import PrestartedThread
from streaming.relay.health import silence_allowed

log = logging.getLogger(__name__)

#: How long rows may take at an end that hurries; without them the next start makes them from the files.
_ROWS_SECONDS = 1.5
_BARS_SECONDS = 0.7

#: How long the first tick waits for the state from which bars continue; then it is held until that is known.
_CATCH_UP_SECONDS = 2.0


class MarketRun:
    """Opens a market by its settings and runs it; `home_symbol` is the market at the store's root.

    `host` distinguishes this host from others (by default its name and the id of its boot); `alone` is for a process
    without a web server. Raises MarketError, RecorderError, django.db.Error; Stopped if `stop` is set before it could
    begin.
    """

    def __init__(
        self,
        config: Config,
        *,
        home_symbol: str,
        host: str | None = None,
        stop: threading.Event | None = None,
        alone: bool = False,
    ) -> None:
        self._config, self._home_symbol, self._alone = config, home_symbol, alone
        self.stop = stop or threading.Event()
        self._directory = market_dir(config.store_dir, config.symbol, home_symbol)
        self._silence_seconds = silence_allowed(self._tick_seconds)
        self._history = History(config.symbol, self._directory)
        self._checkpoints = Checkpoints(self._directory)
        self._settings = {name: getattr(config, name) for name in RUN_SETTINGS}
        self._open_source()
        self._ownership = MarketOwnership(self._directory, config.symbol, host)
        try:
            self._open()
        except BaseException as error:
            self._source.close()
            self._ownership.let_go()
            if isinstance(error, OSError):
                raise StoreError(Path(error.filename or self._directory), error) from error
            raise

    def _open(self) -> None:
        config = self._config
        self._market = row_of(config.symbol, self._directory)
        self._lease = self._ownership.take_lease(self._market, self._silence_seconds, lambda lost: self.stop.set())
        restore_runs(self._market, self._directory)
        before = epoch.found(self._market, self._directory)
        crashed = bool(reconcile(self._market, self._directory).recovered)
        self._manifest_files = ManifestFiles(self._market, self._directory)
        self._manifest_files.restore()
        ends = ends_of(
            self._market,
            self._history,
            boot=boot_id(),
            unrecorded_to=self._lease.left_unrecorded_to,
            crashed=crashed,
            tick_interval=config.tick_interval,
        )
        self._store_id = epoch.store_id_of(self._market, before, ends)
        if self._store_id != before.store_id:
            miss_absent(self._market, self._directory)  # the rows may tell of digests made after this copy
        self._ownership.keep_id(self._market, self._store_id)
        raise_mark(self._directory, before.rows_t)  # so that an older copy is found to be one once
        self._agents = opened_register(self._history)
        going_on = self._continue(ends)
        self._run, self._continued = going_on or self._begin(ends)
        keep: Callable[[], None] = lambda: keep_runs(self._market, self._directory)  # noqa: E731
        keep()
        self._ownership.at_end(keep, if_mine=True)
        self._prices = self._facts.price_ranges(self._market)
        self._ownership.at_end(lambda: end_run(self._run, self._facts.shown()), if_mine=True)
        shown, follow, mine = self._facts.shown, AgentRows(self._market, self._agents).follow, self._ownership.is_mine
        self._keeper = ManifestRowWriter(
            self._market, self._run, supervisor.failed, shown=shown, on_shown=keep, follow=follow, is_mine=mine
        )
        self._ownership.close_at_end(self._keeper.close, _ROWS_SECONDS)
        self._recording = market_recording(
            config, self._directory, self._ownership, self._agents, self._list, self._keeper.record_file, self._history
        )
        tell_lost(self._recording, ends, self._placement.first_t, begins=going_on is None)
        complete(self._recording, self._continued.lacking)
        self._recording.skip_to(ends.on_disk)
        self._lease.note_unrecorded(lambda: self._recording.unrecorded_to)
        self._bars = LiveBars(
            self._market,
            self._history,
            self._continued.next_t,
            self._prices,
            still_writes=self._recording.still_writes,
            is_mine=mine,
            begins=going_on is None,
        )
        self._ownership.close_at_end(self._bars.close, _BARS_SECONDS)
        self._checkpointer = self._make_checkpointer() if self._source.has_checkpoints else None
        if self._checkpointer is not None:
            self._ownership.at_end(self._checkpointer.close)
        self._reporting = PrestartedThread("reporter")
        self._ownership.at_end(self._reporting.end)

    def _list(self, facts: SegmentFacts) -> None:
        """Bring the manifests up to a segment that was opened, flushed or sealed."""
        self._manifest_files.record(facts)
        self._keeper.record(facts)

    def _open_source(self) -> None:
        config = self._config
        if hasattr(self, "_source"):
            self._source.close()
        settings = SourceSettings(
            config.seed, config.adjust_interval, config.tick_interval, config.max_time_step_seconds
        )
        self._source: Source = source_from(config.source, settings)

    def _encoder(self) -> TickEncoder:
        settings = self._facts.settings
        return TickEncoder(camera_of(settings), settings["cam_metric_downsample"])

    def _continue(self, ends: Ends) -> tuple[Run, Continued] | None:
        """The last run, ready to continue, if it has these settings and can be continued exactly."""
        first_t = None
        for checkpoint in self._checkpoints.newest_first():
            facts = checkpoint.run
            same = goes_on(facts["settings"], self._settings) and first_t in (None, facts["first_t"])
            if checkpoint.ended or not same:
                return None
            first_t = facts["first_t"]
            if checkpoint.next_t > ends.on_disk["ticks"] + 1 and checkpoint.next_t > first_t:
                continue  # the tape lost what came before it
            start_ts, interval, t_shift = (facts[name] for name in ("start_ts", "tick_interval", "t_shift"))
            self._begin_facts(Placement(first_t, start_ts, interval, t_shift, self._agents), facts)
            try:
                done = upstream_run.go_on(self._history, checkpoint, ends, self._source, self._placement, self._encoder)
            except Differs as why:
                log.error("%s: the run from t=%d ends here, a new one begins: %s", self._market, first_t, why)
                self._open_source()
                return None
            except CannotContinue as why:
                log.warning("%s: the checkpoint before t=%d does not do: %s", self._market, checkpoint.next_t, why)
                self._open_source()
                continue
            log.info("%s: the run from t=%d goes on with t=%d", self._market, first_t, done.next_t)
            self._checkpoints.forget_behind(first_t, checkpoint.next_t)
            return continued_run(self._market, facts), done
        return None

    def _begin(self, ends: Ends) -> tuple[Run, Continued]:
        """A new run after everything that was recorded or streamed."""
        config = self._config
        begin = upstream_run.beginning(self._source, ends, self._checkpoints, self._history, self.stop)
        start_ts = begin.start_ts if config.start_ts is None else config.start_ts
        head_start = self._head_start(ends)
        if start_ts is None:
            start_ts = timestamps.beginning(time.time(), head_start * config.tick_interval)
        run = begin_run(
            self._market,
            end=ends,
            first_t=begin.first_t,
            t_shift=begin.t_shift,
            start_ts=start_ts,
            tick_interval=config.tick_interval,
            source=config.source,
            settings=self._settings,
        )
        placement = Placement(run.first_t, run.start_ts, run.tick_interval, begin.t_shift, self._agents)
        self._begin_facts(placement, head_start=head_start)
        hand_over(self._history, self._checkpoints, self._source)
        encoder = self._encoder()
        self._checkpoints.forget_behind(run.first_t, -1)
        if self._source.has_checkpoints:
            self._checkpoints.save(checkpoint_of(self._facts.for_checkpoint(), run.first_t, self._source, encoder))
        return run, Continued(run.first_t, encoder, iter(self._source))

    def _head_start(self, ends: Ends) -> int:
        """How many ticks are made at once: of a model, and where nobody can have seen anything else."""
        return self._config.head_start if self._source.head_start and ends.t < 0 and self._tick_seconds else 0

    def _begin_facts(self, placement: Placement, saved: dict[str, Any] | None = None, head_start: int = 0) -> None:
        """The run's place and price range from now on; nothing was read from its source yet."""
        self._placement = self._source.agent_ids = placement
        ask = lambda: self._source.price_range  # noqa: E731
        self._facts = RunFacts(placement, self._config.source, self._settings, ask, saved, head_start)

    def run(
        self,
        *,
        outlet: Outlet | None = None,
        most_ticks: int | None = None,
        on_tick: Callable[[int], None] | None = None,
    ) -> int:
        """Make ticks on the calling thread until the source ends, `stop` is set or `most_ticks` are made; how many."""
        config = self._config
        head_start = self._facts.head_start_left(self._continued.next_t)
        pacer = Pacer(0.0 if self._source.sets_pace else self._tick_seconds, time.monotonic(), head_start)
        measured = Measured(self._recording, pacer, self._keeper, outlet, self._checkpointer, self._source.sets_pace)
        pipeline = Pipeline(
            self._continued,
            self._placement,
            recording=self._recording,
            pacer=pacer,
            now=time.monotonic,
            stop=self.stop,
            checkpoints=self._checkpointer,
            outlet=outlet,
            observers={"bars": self._bars, "events": EventObserver()},
            seed=config.seed,
            store_id=self._store_id,
            price_ranges=self._prices.listed,
            silence_seconds=self._silence_seconds,
            ready=self._source.wait,
            quiet=self._source.is_quiet,
            meters=measured.meters,
            figures=measured.figures,
        )
        try:
            self._bars.catch_up(_CATCH_UP_SECONDS)
            with reported(self._parts(measured), self._reporting, alone=self._alone):
                pipeline.run(most_ticks, on_tick)
        finally:
            self._source.close()
            self._ownership.let_go(hurry=self.stop.is_set())
        self._ownership.check_lease()
        return pipeline.ticks

    @property
    def replaced(self) -> bool:
        """Whether it ended because another server's recording, or the prices in it, are others now."""
        return self._source.replaced

    def _parts(self, measured: Measured) -> list[MeasuredComponent]:
        """The components of the pipeline that report; none if no process could receive the reports."""
        if measured.outlet is None:
            return []
        symbol, home = self._config.symbol, self._home_symbol
        return pipeline_parts(measured, symbol=symbol, is_home=symbol == home, silence_seconds=self._silence_seconds)

    def _make_checkpointer(self) -> Checkpointer:
        encoder = self._continued.encoder

        def take(next_t: int, ended: bool) -> Checkpoint:
            return checkpoint_of(self._facts.for_checkpoint(), next_t, self._source, encoder, ended=ended)

        return Checkpointer(self._checkpoints, take, self._recording, time.monotonic)

    @property
    def _tick_seconds(self) -> float:
        return self._config.tick_interval / self._config.speed if self._config.speed else 0.0
