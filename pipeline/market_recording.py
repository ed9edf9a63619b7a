"""The recording of a market that runs: its tapes by its settings, with the files that they refer to."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from igsite.config import Config
from pipeline.ownership import MarketOwnership, boot_id
from recorder.segment.layout import KINDS, SegmentFacts
from recorder.segment.listing import DirectoryChange
from recorder.store.agent_register import AgentRegister
from recorder.tape.high_water_mark import StreamMark
from recorder.tape.history import History
from recorder.tape.recording import Recording

log = logging.getLogger(__name__)


def market_recording(
    config: Config,
    directory: Path,
    ownership: MarketOwnership,
    agents: AgentRegister,
    on_change: Callable[[SegmentFacts], None],
    on_file: Callable[[str, str, DirectoryChange], None],
    history: History,
) -> Recording:
    """The recording of the market in `directory`, which this process owns, behind its history. Raises OSError."""

    def hold() -> None:
        ownership.hold_store()
        agents.hold()

    return Recording(
        directory,
        segment_seconds=config.cam_segment_seconds,
        level=config.cam_zstd_level,
        flush_seconds=config.flush_seconds,
        clock=time.time,
        on_change=on_change,
        on_file=on_file,
        on_trouble=lambda message: log.critical("%s: %s", config.symbol, message),
        on_recovered=lambda message: log.warning("%s: %s", config.symbol, message),
        hold=hold,
        settle=agents.settle,
        is_mine=ownership.is_mine,
        mark=StreamMark(directory, boot_id(), time.monotonic),
        behind={kind: name for kind in KINDS if (name := history.newest(kind)) is not None},
    )
