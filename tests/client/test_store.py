"""A store read from its files, beside what the server says of the same recording."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from marketcamera import Gap, MarketCameraError, NotFoundError, Replay, Tick, open_store
from marketcamera.bars.history import BarHistory
from marketcamera.tables.columns import TABLES
from tests.processes import ROOT, Live, Site, first_t, wait_until

#: The name of a copy of the store that no market goes on with.
STANDING = "standing"
FAST = {"IG_SPEED": 30, "IG_CAM_W": 20, "IG_CAM_STRIDE": 5, "IG_SEED": 7, "IG_CAM_SEGMENT_SECONDS": 1}


class _Ranges(SimpleHTTPRequestHandler):
    """What any web server does with files: byte ranges."""

    def do_GET(self) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if asked is None or not path.is_file():
            super().do_GET()
            return
        content, first, last = path.read_bytes(), int(asked[1]), int(asked[2])
        part = content[first : last + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Site]:
    """A market that has run twice, so that it has several segments."""
    site = Site(tmp_path_factory.mktemp("store"), migrated_database)
    try:
        for _ in range(2):
            made = site.run("runmarket", "--ticks", "1500", "--speed", "0", **FAST)
            assert made.returncode == 0, made.stderr
        shutil.copytree(site.store, site.directory / STANDING)
        yield site
    finally:
        site.end()


@pytest.fixture(scope="module")
def live(site: Site) -> Live:
    """A server of it, whose market goes on, though not faster than it is to be read."""
    return site.serve(**(FAST | {"IG_SPEED": 10}))


@pytest.fixture(scope="module")
def files_url(site: Site) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Ranges, directory=str(site.store)))
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("span", [(0, 2600), (1490, 1510), (777, 777), (2400, 2999)])
def test_files_and_server_give_what_a_replay_gives(
    site: Site, live: Live, files_url: str, span: tuple[int, int]
) -> None:
    replayed = list(Replay(live.url, *span))
    assert replayed
    for where in (site.store, live.url, files_url):
        store = open_store(where)
        found = list(store.messages(*span))
        assert found == replayed, where
        ticks = [one for one in found if isinstance(one, Tick)]
        assert [one.price for one in ticks] == [one.price for one in replayed if isinstance(one, Tick)]
        assert store.first_t == 0


@pytest.mark.long
def test_a_market_that_runs_is_read_as_far_as_it_has_come(site: Site, live: Live) -> None:
    newest = live.wait_for_ticks(3200)
    for where in (site.store, live.url):
        wait_until(lambda w=where: (open_store(w).last_t or 0) >= newest, "what was made, on disk")  # type: ignore[misc]
        store = open_store(where)
        last = store.last_t
        assert last is not None
        found = list(store.ticks(2900, last))
        assert [one.t for one in found if isinstance(one, Tick)] == list(range(2900, last + 1)), where
    assert open_store(live.url).store_id == open_store(site.store).store_id


def test_files_and_server_give_the_same_tables(site: Site, live: Live) -> None:
    here, there = open_store(site.store), open_store(live.url)
    ticks = [one for one in Replay(live.url, 1400, 1600, types="tick") if isinstance(one, Tick)]
    for name, tape in ((name, table.tape) for name, table in TABLES.items() if table.tape != "bars"):
        table = here.table(name, 1400, 1600)
        assert table.equals(there.table(name, 1400, 1600), check_metadata=True), name
        assert table.num_rows, tape
        assert len(here.to_pandas(name, 1400, 1600)) == len(here.to_polars(name, 1400, 1600)) == table.num_rows
        assert sum(batch.num_rows for batch in here.batches(name, 1400, 1600)) == table.num_rows
    assert here.table("ticks", 1400, 1600)["price"].to_pylist() == [one.price for one in ticks]
    assert here.table("matches", 1400, 1600).num_rows == sum(len(one.matches) for one in ticks)
    bars = there.to_pandas("bars", resolution="1s")
    assert len(bars) > 100
    kept = BarHistory(live.url).before("IG-USD", "1s", int(bars["close_time"].iloc[-1].timestamp() * 1000), 50).bars
    assert bars["close"].tail(50).tolist() == [bar.close for bar in kept]
    with pytest.raises(MarketCameraError, match="bars are in a server's database"):
        here.table("bars")
    with pytest.raises(ValueError, match="table must be one of"):
        here.table("quotes")


def _flip_a_byte(segment: Path) -> None:
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 0xFF
    segment.write_bytes(content)


@pytest.mark.parametrize(("harm", "reason"), [(_flip_a_byte, "damaged"), (Path.unlink, "expired")])
def test_what_is_damaged_or_gone_is_told(tmp_path: Path, site: Site, harm: Callable[[Path], None], reason: str) -> None:
    store = tmp_path / "copy"
    shutil.copytree(site.directory / STANDING, store)
    whole = list(open_store(store).ticks(0, 2000))
    harm(min((store / "ticks").glob("segment_*"), key=first_t))
    found = list(open_store(store).ticks(0, 2000))
    gaps = [one for one in found if isinstance(one, Gap)]
    assert [one.reason for one in gaps] == [reason]
    told = json.loads(open_store(store).table("ticks", 0, 2000).schema.metadata[b"gaps"])
    assert told == [{"from_t": one.from_t, "to_t": one.to_t, "reason": reason} for one in gaps]
    missing = range(gaps[0].from_t, gaps[0].to_t + 1)
    kept = [one for one in found if isinstance(one, Tick)]
    assert kept == [one for one in whole if isinstance(one, Tick) and one.t not in missing]
    assert kept


def test_where_there_is_no_store_an_error_says_so(tmp_path: Path, files_url: str, live: Live) -> None:
    with pytest.raises(NotFoundError, match="no recording"):
        open_store(tmp_path)
    with pytest.raises(NotFoundError, match="neither a Market Camera server nor the files of a store"):
        open_store(files_url + "ticks")
    with pytest.raises(NotFoundError, match="NOPE"):
        list(open_store(live.url, symbol="NOPE").ticks())
    with pytest.raises(ValueError, match="symbol must be"):
        open_store(tmp_path, symbol="../x")
    with pytest.raises(ValueError, match="t1 at least t0"):
        open_store(live.url).ticks(5, 4)
    with pytest.raises(ValueError, match="t0 must be an integer of at least 0, got '5'"):
        open_store(live.url).ticks("5")  # type: ignore[arg-type]


@pytest.mark.long
def test_the_notebook_runs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib import pyplot  # half a second, which only this test is to cost

    monkeypatch.setenv("MARKET_CAMERA_STORE", str(site.store))
    pyplot.switch_backend("agg")
    notebook = json.loads((ROOT / "docs" / "notebooks" / "first-look.ipynb").read_text())
    names: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert len(names["rows"]) > 500
    assert names["graph"].number_of_edges() > 0
    assert set(names["bars"].columns) == {"open", "high", "low", "close"}
    pyplot.close("all")
