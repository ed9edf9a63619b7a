"""A market that runs all the while the tests ask it things."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.reading import OTHER
from tests.processes import Live, Site

#: The market's pace and camera; segments are short, so that there are finished ones.
MARKET = {
    "IG_SPEED": 3,
    "IG_CAM_W": 20,
    "IG_CAM_STRIDE": 5,
    "IG_CAM_METRIC_DOWNSAMPLE": 2,
    "IG_CAM_SEGMENT_SECONDS": 2,
    "IG_SEED": 7,
}


@pytest.fixture(scope="package")
def market(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Live]:
    """A live market of 30 ticks a second with a past of finished segments, and a second, silent market beside it."""
    site = Site(tmp_path_factory.mktemp("market"), migrated_database)
    try:
        for arguments in (("--ticks", "60"), ("--ticks", "40", "--symbol", OTHER)):
            made = site.run("runmarket", *arguments, "--speed", "0", **MARKET)
            assert made.returncode == 0, made.stderr
        live = site.serve(**MARKET)
        live.wait_for_ticks(90)
        yield live
        assert "Traceback" not in live.log()
        assert live.stop() == 0
    finally:
        site.end()
