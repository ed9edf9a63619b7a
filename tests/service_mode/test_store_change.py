"""A market's store is wiped and begun anew while web processes and clients run on: nobody takes one for the other."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from marketcamera import BarCache, BarFeed, Gap, StoreChanged, Stream, Tick
from tests.end_to_end.reading import hear_until, socket
from tests.followers import Follower, following
from tests.processes import Live, Process, wait_until
from tests.service_mode.conftest import Deployment

pytestmark = [pytest.mark.redis, pytest.mark.postgres, pytest.mark.long]

SYMBOL = "ANEW"

#: What a database that was lost does not know any more of the market.
FORGET = f"""
from bars.models import Bar, Gap
from recorder.models import Lease, Market, Run, Segment
for model in (Bar, Gap, Segment, Run, Lease):
    model.objects.filter(market__symbol="{SYMBOL}").delete()
Market.objects.filter(symbol="{SYMBOL}").delete()
"""


class Anew:
    """One market of the deployment and a web process that serves it."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self.store = deployment.site.store / SYMBOL
        self.market: Process = deployment.run_market(SYMBOL)
        wait_until(lambda: list((self.store / "ticks").glob("*.zst")), "a tape")
        self.web: Live = deployment.serve()
        self.wait_for(60)

    def wait_for(self, t: int) -> None:
        asked = f"/incremental?limit=1&symbol={SYMBOL}"
        wait_until(lambda: (self.web.json(asked)["latest_t"] or 0) > t, f"t={t}")

    def store_id(self) -> str:
        return str(self.web.ask(f"/health?symbol={SYMBOL}").json()["meta"]["store"])

    def wipe(self, *, database: bool = True) -> None:
        """Take the store away, and what the database knows of it, and begin another one."""
        self.market.stop()
        shutil.rmtree(self.store)
        if database:
            self._deployment.run("shell", "-c", FORGET)
        self.market = self._deployment.run_market(SYMBOL)

    def recorded(self) -> list[str]:
        """The ticks on the tape, as text."""
        lines = self._deployment.site.text("ticks", SYMBOL).decode().splitlines()
        return [line for line in lines if line.startswith('{"type":"tick"')]

    def end(self) -> None:
        for process in (self.web, self.market):
            process.stop()
        shutil.rmtree(self.store, ignore_errors=True)
        self._deployment.run("shell", "-c", FORGET)


@pytest.fixture
def anew(deployment: Deployment) -> Iterator[Anew]:
    market = Anew(deployment)
    yield market
    market.end()


def changes(messages: list[dict[str, Any]]) -> list[tuple[int, int, str]]:
    return [(m["from_t"], m["to_t"], m["store"]) for m in messages if m.get("reason") == "store_changed"]


def new_t(follower: Follower) -> int:
    """The last t that it heard behind the change."""
    messages = [m for _, m in follower.heard]
    at = next(index for index, m in enumerate(messages) if m.get("reason") == "store_changed")
    return max((m["t"] for m in messages[at:] if m["type"] == "tick"), default=-1)


def assert_begins_anew(messages: list[dict[str, Any]], store_id: str, ticks: list[str]) -> None:
    """One change of each kind, then the new recording from its first tick on; before it, ticks in order."""
    at = next(index for index, m in enumerate(messages) if m.get("reason") == "store_changed")
    before = [m["t"] for m in messages[:at] if m["type"] == "tick"]
    assert before == list(range(before[0], before[0] + len(before))) if before else True
    after = [m for m in messages[at:] if m["type"] == "tick"]
    assert [m["t"] for m in after] == list(range(len(after)))
    assert {(m["t"], m["ts"]) for m in after} <= {_place(text) for text in ticks}
    assert {store for _, _, store in changes(messages)} == {store_id}
    if before:
        assert {(first, last) for first, last, _ in changes(messages)} == {(before[-1] + 1, before[-1] + 1)}


def _place(text: str) -> tuple[int, float]:
    head = text.split(",", 3)
    return int(head[1].split(":")[1]), float(head[2].split(":")[1])


def test_nobody_takes_the_new_recording_for_the_old_one(anew: Anew) -> None:
    old = anew.store_id()
    query = f"&symbol={SYMBOL}"
    live = Follower(anew.web, query=query)
    resumed = Follower(anew.web, query=query, since=20)
    with following(live, resumed), socket(anew.web, f"?types=tick,metric,frame{query}") as every:
        begun = hear_until(every, type="tick")[-1]["t"]  # the other one's thread may lag behind
        hear_until(every, type="tick", t=max(begun + 1, live.wait_for_more(5), 70))
        anew.wipe()
        new = wait_until(lambda: (found := anew.store_id()) != old and found, "the new store's id")
        kinds = hear_until(every, type="tick", t=40)
        for follower in (live, resumed):
            wait_until(lambda one=follower: changes([m for _, m in one.heard]), "the word of the change")  # type: ignore[misc]
            wait_until(lambda one=follower: new_t(one) >= 40, "the new ticks")  # type: ignore[misc]
    newest = max(70, live.ts[-1], resumed.ts[-1])
    ticks = wait_until(lambda: len(found := anew.recorded()) > newest and found, "the tape of them")
    for follower in (live, resumed):
        assert_begins_anew([m for _, m in follower.heard], new, ticks)
        assert follower.connections == 1
    told = [m for m in kinds if m.get("reason") == "store_changed"]
    assert [m["kind"] for m in told] == ["frame", "metric", "tick"]
    assert [m["t"] for m in kinds[kinds.index(told[0]) :] if m["type"] == "metric"] == list(range(41))
    frames = [m["t"] for m in kinds[kinds.index(told[0]) :] if m["type"] == "frame"]
    assert frames == list(range(20, frames[-1] + 1, 5))

    for asked, expected in ((f"&store={new}", None), ("", None), (f"&store={old}", (31, new))):
        with socket(anew.web, f"?types=tick&since=30{query}{asked}") as client:
            heard = hear_until(client, type="caught_up")
        assert heard[-1]["store"] == new
        first = next(m["t"] for m in heard if m["type"] == "tick")
        if expected is None:
            assert (first, changes(heard)) == (31, [])
        else:
            assert (first, [(a, s) for a, _, s in changes(heard)]) == (0, [expected])

    page = anew.web.ask(f"/incremental?from_t=30&limit=3{query}&store={old}")
    body = page.json()
    assert (body["store"], body["gap"]["from_t"], body["gap"]["reason"]) == (new, 31, "store_changed")
    assert [tick["t"] for tick in body["data"]] == [0, 1, 2]
    assert page.headers["Market-Camera-Store"] == new
    lines = anew.web.ask(f"/range?t0=5&t1=6{query}&store={old}").body.splitlines()
    assert [b"store_changed" in line for line in lines] == [True, False, False]
    for path in ("/segments?", "/manifest/ticks?", "/range?t1=3"):
        assert anew.web.ask(path + query).headers["Market-Camera-Store"] == new


def test_the_sdk_tells_of_it_in_both_ways(anew: Anew) -> None:
    old = anew.store_id()
    yielding = Stream(anew.web.ws_url, "tick,frame", symbol=SYMBOL)
    raising = Stream(anew.web.ws_url, "tick", symbol=SYMBOL, since=30, on_store_change="raise")
    given, then = iter(yielding), iter(raising)
    before = [next(given) for _ in range(20)]
    assert yielding.store == old, "though it began with the newest"
    assert [next(then).t for _ in range(5)] == list(range(31, 36))  # type: ignore[union-attr]
    anew.wipe()
    at = len(before) + sum(1 for _ in itertools.takewhile(lambda one: not isinstance(one, Gap), given))
    assert at >= len(before)
    after = [next(given) for _ in range(30)]
    new = anew.store_id()
    assert isinstance(after[0], Gap)
    assert (after[0].reason, after[0].store, yielding.store) == ("store_changed", new, new)
    assert [one.t for one in after if isinstance(one, Tick)] == list(range(sum(isinstance(m, Tick) for m in after)))
    with pytest.raises(StoreChanged) as caught:
        for _ in then:
            pass
    assert (caught.value.former, caught.value.store) == (old, new)
    resumed = Stream(anew.web.ws_url, "tick", since=yielding.position, store=yielding.store, symbol=SYMBOL)
    assert next(iter(resumed)).t == (yielding.position or 0) + 1  # type: ignore[union-attr]
    for one in (yielding, raising, resumed):
        one.close()


def test_with_the_database_kept_t_goes_on_and_the_id_is_another(anew: Anew) -> None:
    old = anew.store_id()
    with following(Follower(anew.web, query=f"&symbol={SYMBOL}")) as (live,):
        last = live.wait_for_more(10)
        anew.wipe(database=False)
        wait_until(lambda: anew.store_id() != old, "the new store's id")
        live.wait_for(last + 40)
    messages = [m for _, m in live.heard]
    at = next(index for index, m in enumerate(messages) if m.get("reason") == "store_changed")
    ts = [m["t"] for m in messages if m["type"] == "tick"]
    assert ts == sorted(set(ts)), "no t comes twice"
    told = {m["reason"] for m in messages[at:] if m["type"] == "gap"}
    assert "store_changed" in told
    assert told & {"expired", "lost"}, "what the old store held is gone"


def test_bars_go_on_by_market_time(anew: Anew) -> None:
    old, cache = anew.store_id(), BarCache()
    feed = BarFeed(cache)
    feed.configure(endpoint=f"{anew.web.ws_url}/market_data", symbols=[SYMBOL], resolutions=["1s"])
    feed.start()
    try:
        closes = lambda: [bar.close_time for bar in cache.get_bars(SYMBOL, "1s")]  # noqa: E731
        wait_until(lambda: len(closes()) > 3, "bars of the old store")
        before = closes()[-1]
        anew.wipe()
        wait_until(lambda: anew.store_id() != old, "the new store's id")
        wait_until(lambda: max(closes(), default=0) > before + 3000, "bars of the new one")
        assert all(one < other for one, other in itertools.pairwise(closes()))
    finally:
        feed.stop()
