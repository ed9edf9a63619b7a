"""Another program's ticks on standard input: `my-model | manage.py runmarket --source stdin`, and `live`."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.end_to_end.reading import golden_lines
from tests.end_to_end.source_proof import CAMERA, assert_proves_itself, assert_serves_a_market, gaps_of, ts_of
from tests.processes import Site, wait_until

LINES = golden_lines("sparse.ticks.jsonl.zst")


class Model:
    """The program at the other end of the pipe: what the site's processes read on their standard input."""

    def __init__(self, site: Site) -> None:
        reading, self._writing = os.pipe()
        site.stdin = os.fdopen(reading)

    def write(self, lines: list[bytes]) -> None:
        os.write(self._writing, b"".join(line + b"\n" for line in lines))

    def end(self) -> None:
        os.close(self._writing)


@pytest.fixture
def model(site: Site) -> Iterator[Model]:
    made = Model(site)
    yield made
    site.end()
    site.stdin.close()


def test_the_end_of_input_seals_and_ends(site: Site, model: Model) -> None:
    model.write(LINES[:60])
    model.end()
    made = site.run("runmarket", "--source", "stdin", **CAMERA)
    assert (made.returncode, made.stderr) == (0, "")
    assert_proves_itself(site)
    assert [line.partition(b',"s":')[2] for line in site.text("ticks").splitlines()] == [
        line.partition(b',"s":')[2] for line in LINES[:60]
    ]


def test_a_bad_line_ends_the_run_with_its_number_and_what_came_before_is_kept(site: Site, model: Model) -> None:
    model.write([*LINES[:50], b"{}"])
    made = site.run("runmarket", "--source", "stdin", **CAMERA)
    assert made.returncode == 1
    assert made.stderr == "CommandError: stdin:51: a tick lacks 's'\n"
    assert site.sealed
    assert ts_of(site) == list(range(50))
    model.end()


def test_ctrl_c_ends_it_while_it_waits(site: Site, model: Model) -> None:
    model.write(LINES[:50])
    market = site.start("runmarket", "--source", "stdin", IG_FLUSH_SECONDS=0, **CAMERA)
    wait_until(lambda: site.text("ticks").count(b"\n") == 50, "fifty ticks")
    assert market.stop(signal.SIGINT) == 0
    assert site.sealed
    model.end()


@pytest.mark.long
def test_a_restart_goes_on_behind_what_a_kill_cost(site: Site, model: Model) -> None:
    market = {"IG_SOURCE": "stdin", "IG_FLUSH_SECONDS": 60, **CAMERA}
    model.write(LINES[:40])
    live = site.serve(**market)
    live.wait_for_ticks(38)
    model.write(LINES[40:100])
    live.wait_for_ticks(98)
    assert_serves_a_market(live)
    live.kill()
    live = site.serve(**market)
    model.write(LINES[100:160])
    model.end()
    wait_until(lambda: live.json("/health")["meta"]["running"] is False, "the end of the input")
    wait_until(lambda: "the source has ended; all that was recorded is still served" in live.log(), "the word of it")
    assert live.stop() == 0
    assert_proves_itself(site)
    ts, gaps = ts_of(site), gaps_of(site)
    lost = [t for from_t, to_t in gaps for t in range(from_t, to_t + 1)]
    assert sorted(ts + lost) == list(range(ts[-1] + 1)), "each t is a tick or told to be lost"
    if lost:  # on a machine so slow that all of it was flushed before the kill there is nothing
        assert (len(gaps), ts[-1] - max(lost)) == (1, 60)
