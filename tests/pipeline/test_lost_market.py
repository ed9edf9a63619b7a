"""A market that another process took over: its end says nothing of what that one goes on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bars.models import Bar
from igsite.config import Config
from pipeline.ownership import MarketOwnership
from pipeline.run import MarketRun
from recorder.models import Lease, Run, Segment
from recorder.recovery.checkpoints import Checkpoints
from recorder.store.lease import LeaseLost
from recorder.store.lock import MarketHeld, StoreLock
from recorder.tape.high_water_mark import read_mark
from tests.processes import PATIENCE_SECONDS, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_says_nothing_at_its_end(config: Config) -> None:
    run = MarketRun(config, home_symbol=config.symbol)
    assert run._checkpointer is not None
    left: dict[str, Any] = {}

    def look(ticks: int) -> None:
        if ticks == 300:
            Lease.objects.update(token="another", holder="process 9 on b")
            wait_until(run.stop.is_set, "the news")
            assert run._keeper.close(PATIENCE_SECONDS)
            assert run._bars.close(PATIENCE_SECONDS)
            run._checkpointer._thread.shutdown()
            left.update(state(config.store_dir))

    with pytest.raises(LeaseLost, match="process 9 on b has taken it"):
        run.run(on_tick=look)
    assert state(config.store_dir) == left
    assert Run.objects.get().ended_at is None
    assert read_mark(config.store_dir).is_open
    assert Lease.objects.get().token == "another"


def test_none_of_its_threads_writes_for_the_next_one(config: Config, caplog: pytest.LogCaptureFixture) -> None:
    run = MarketRun(config, home_symbol=config.symbol)
    run._ownership._is_robbed = True
    run.run(most_ticks=300)
    assert not Segment.objects.exists()
    assert not Bar.objects.exists()
    assert "not written" not in caplog.text, "somebody else writes it"
    assert Run.objects.get().ended_at is None


def state(directory: Path) -> dict[str, Any]:
    """What the next process goes on with."""
    return {
        "files": {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()},
        "segments": list(Segment.objects.order_by("pk").values()),
        "runs": list(Run.objects.values()),
        "bars": list(Bar.objects.values()),
        "checkpoints": [one.next_t for one in Checkpoints(directory).newest_first()],
    }


def test_a_store_whose_lock_another_has_is_not_its_own_any_more(tmp_path: Path) -> None:
    ownership = MarketOwnership(tmp_path, "IG-USD")
    assert ownership.is_mine()
    (tmp_path / "writer.lock").unlink()
    other = StoreLock(tmp_path, "IG-USD", "process 9")
    with pytest.raises(MarketHeld, match="held by process 9"):
        ownership.hold_store()
    assert not ownership.is_mine()
    said: list[str] = []
    ownership.at_end(lambda: said.append("always"))
    ownership.at_end(lambda: said.append("its own"), if_mine=True)
    ownership.close_at_end(lambda seconds: said.append(f"{seconds} s"), 1.0)
    ownership.let_go()
    other.release()
    assert said == ["0.0 s", "always"]
