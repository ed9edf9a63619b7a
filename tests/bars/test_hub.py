"""The hub of the feed: each closed bar once and in order, whatever of the group's messages is missed."""

import asyncio
import json

import pytest
from asgiref.sync import sync_to_async

from bars import stored
from bars.feed import feed_client
from bars.feed import hub as hub_module
from bars.feed.hub import BarHub, Line, Wire
from bars.making.builder import Builder
from runtime.addresses import LOCAL
from tests.bars.conftest import walk
from tests.processes import PATIENCE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)


class Relay:
    """What a hub needs of one."""

    symbol = "IG-USD"
    store_id = None

    def __init__(self):
        self.listeners = []
        self.on_end = []


class Market:
    """A market that gives messages as its observer would, and writes its rows when it is told to."""

    def __init__(self, row, ticks):
        self.row, self.waiting, self.messages, self.closed = row, [], [], []
        builder = Builder()
        for one in ticks:
            bars = builder.take(one)
            self.closed += bars
            seen = {"closed": [bar.row() for bar in bars], "day": builder.day(), "kept_t": builder.closed_t}
            self.messages.append({"t": one.t, "seen": {"bars": seen}})
            self.waiting.append(stored.closing_of(builder, bars))

    async def write(self, ticks):
        """Write what the next so many ticks brought about."""
        closings = [closing for closing in self.waiting[:ticks] if closing is not None]
        del self.waiting[:ticks]
        await sync_to_async(stored.save)(self.row, closings)

    def opened(self, resolution):
        return [bar.open_ms for bar in self.closed if bar.resolution == resolution]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(hub_module, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(hub_module, "_RETRY_SECONDS", 0.01)


def kept(hub, resolution="1s"):
    line = hub.lines[resolution]
    return [wire.open_ms for wire in line.after(line.floor_ms)]


async def reached(hub, newest_ms):
    """Wait until the hub has a bar, and all that closed with it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while hub.lines["1s"].newest_ms < newest_ms:
            await asyncio.sleep(0.005)
        await hub._filler


async def settled(hub):
    async with asyncio.timeout(PATIENCE_SECONDS):
        await hub._filler


@pytest.mark.parametrize("missed", [range(1), range(100, 101), range(100, 103), range(90, 300), range(399)])
def test_what_was_missed_is_read_before_anything_newer(market, missed):
    made = Market(market, walk(410, whole=True))

    async def run():
        hub = BarHub(Relay())
        await settled(hub)
        for place, message in enumerate(made.messages):
            if place not in missed:
                hub.take(message)
            if place % 7 == 0:
                await asyncio.sleep(0)
        # Nothing behind the hole has come out yet, since its rows are not written.
        if len(missed) > 2:
            assert hub.lines["1s"].newest_ms < made.opened("1s")[-1]
        await made.write(410)
        await reached(hub, made.opened("1s")[-1])
        for resolution in hub.lines:
            assert kept(hub, resolution) == made.opened(resolution)

    asyncio.run(run())


def test_a_message_that_comes_twice_is_dropped(market):
    made = Market(market, walk(200, whole=True))

    async def run():
        await made.write(1)
        hub = BarHub(Relay())
        await settled(hub)
        for message in [*made.messages[:150], *made.messages[90:]]:
            hub.take(message)
        await made.write(199)
        await settled(hub)
        assert kept(hub) == made.opened("1s")

    asyncio.run(run())


def test_a_hub_that_begins_late_knows_what_was_closed_before(market):
    made = Market(market, walk(400, whole=True))

    async def run():
        await made.write(300)
        hub = BarHub(Relay())
        await hub.begun.wait()
        assert kept(hub) == []  # nothing of the past
        newest = hub.lines["1s"].newest_ms
        assert 0 < sum(ms > newest for ms in made.opened("1s")) <= 51
        for message in made.messages[320:]:
            hub.take(message)
        await made.write(100)
        await reached(hub, made.opened("1s")[-1])
        assert kept(hub) == [ms for ms in made.opened("1s") if ms > newest]
        past = await hub.history("5s", 1000, hub.lines["5s"].newest_ms)
        assert [wire.open_ms for wire in past] == made.opened("5s")
        page, up_to_ms = await hub.behind("1s", made.opened("1s")[9])
        assert [wire.open_ms for wire in page] == [ms for ms in made.opened("1s")[10:] if ms <= newest]
        assert up_to_ms == newest

    asyncio.run(run())


def test_memory_is_bounded_and_the_database_knows_the_rest(market, monkeypatch):
    monkeypatch.setattr(hub_module, "_MOST_KEPT", 20)
    monkeypatch.setattr(hub_module, "_PAGE_BARS", 8)
    made = Market(market, walk(400, whole=True))

    async def run():
        hub = BarHub(Relay())
        await settled(hub)
        hub.take(made.messages[0])
        for message in made.messages[1:]:
            hub.take(message)
        await settled(hub)
        opened = made.opened("1s")
        assert kept(hub) == opened[-20:]
        # The rows are late: a client that is behind waits for them.
        await made.write(200)
        heard, at = [], opened[0] - 1
        while (found := await hub.behind("1s", at))[0]:
            wires, at = found
            heard += [wire.open_ms for wire in wires]
        assert heard == opened[: len(heard)]
        assert at < hub.lines["1s"].floor_ms
        await made.write(200)
        while at < hub.lines["1s"].floor_ms:
            wires, at = await hub.behind("1s", at)
            heard += [wire.open_ms for wire in wires]
        assert heard + kept(hub) == opened

    asyncio.run(run())


def test_a_client_that_asks_again_and_again_for_a_history_has_it_read_once(market, monkeypatch):
    made = Market(market, walk(400, whole=True))
    reads, sent = [], []

    async def run():
        await made.write(400)
        hub = BarHub(Relay())
        await hub.begun.wait()
        read = hub.history

        async def history(resolution, *asked):
            reads.append(resolution)
            return await read(resolution, *asked)

        async def found(symbol):
            return hub

        async def send(message):
            sent.append(json.loads(message["text"]))

        monkeypatch.setattr(hub, "history", history)
        monkeypatch.setattr(feed_client, "_hub", found)
        client = feed_client.FeedClient(send, {}, LOCAL, raw=False)
        asked = {"type": "CONNECT", "symbols": ["IG-USD"], "resolutions": ["1s", "5s"], "history": 1000}
        pump = asyncio.create_task(client.pump())
        for _ in range(5):
            await client.ask(json.dumps(asked | {"history_end": True}))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while sum(message["type"] == "HISTORY_END" for message in sent) < 5:
                await asyncio.sleep(0.005)
        pump.cancel()
        client.leave()

    asyncio.run(run())
    assert reads == ["1s", "5s"]
    for resolution in reads:
        bars = [one["open_time"] for one in sent if one.get("timeframe") == resolution]
        assert bars == made.opened(resolution), "each once"


def test_a_hub_that_failed_is_given_up(market, monkeypatch):
    def broken(*args, **kwargs):
        raise KeyError("a bug")

    monkeypatch.setattr(hub_module, "last_bars", broken)

    async def run():
        relay = Relay()
        hub = hub_module.hub_of(relay)
        await asyncio.wait([hub._filler])
        await asyncio.sleep(0)
        assert hub.over
        assert (relay.listeners, relay.on_end) == ([], [])
        assert hub_module.hub_of(relay) is not hub
        await asyncio.wait([hub_module.hub_of(relay)._filler])

    asyncio.run(run())


def test_a_hub_of_a_store_that_is_over_is_given_up(market):
    made = Market(market, walk(200, whole=True))

    async def run():
        relay = Relay()
        hub = hub_module.hub_of(relay)
        await settled(hub)
        relay.store_id = "a" * 32
        for message in made.messages[:100]:
            hub.take(message)
        assert not hub.over
        woken = asyncio.Event()
        hub.lines["1s"].watchers.add(woken)
        relay.store_id = "b" * 32
        hub.take(made.messages[0])
        assert hub.over
        assert woken.is_set(), "its clients are told to come again"
        assert relay.listeners == []
        other = hub_module.hub_of(relay)
        assert other is not hub
        for message in made.messages:
            other.take(message)
        await other.begun.wait()  # what is written before is none of its own
        await made.write(200)
        await reached(other, made.opened("1s")[-1])
        assert kept(other) == made.opened("1s")

    asyncio.run(run())


def test_a_line_gives_what_begins_later():
    line = Line()
    for open_ms in (10, 20, 20, 15, 30):
        line.append(Wire(open_ms, b""))
    assert [[wire.open_ms for wire in line.after(ms)] for ms in (5, 10, 25, 30, 31)] == [
        [10, 20, 30],
        [20, 30],
        [30],
        [],
        [],
    ]
