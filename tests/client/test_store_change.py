"""A client whose market has another recording: it says which one it knows, and is never given one for the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import httpx
import pytest
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from marketcamera import Gap, Received, Replay, StoreChanged, Stream, Tick
from marketcamera.backoff import Backoff
from marketcamera.stream.messages import message_of
from marketcamera.stream.playhead import Playhead
from marketcamera.stream.price_ranges import PriceRanges
from marketcamera.stream.recording import line_of
from tests.client.made import Script, behind, gap, market, message, say, serving

OLD, NEW = "a" * 32, "b" * 32
MARKET = market(40)


def changed(kind: str, from_t: int, store: str = NEW) -> dict[str, Any]:
    return gap(kind, from_t, from_t, "store_changed") | {"store": store}


def new_market(connection: ServerConnection, query: dict[str, str]) -> None:
    """The server of a market begun anew: who knows another recording is told, and gets all of this one."""
    kinds = query["types"].split(",")
    if query.get("store", NEW) != NEW:
        say(connection, [changed(kind, int(query["since"]) + 1) for kind in kinds])
        query = query | {"since": "-1"}
    say(connection, [*behind(market(6), query), {"type": "caught_up", "t": 5, "store": NEW}])
    connection.recv()


def old_market(connection: ServerConnection, query: dict[str, str]) -> None:
    say(connection, [*behind(MARKET, query), {"type": "caught_up", "t": 39, "store": OLD}])
    connection.socket.close()


def stream(url: str, since: int | None = -1, **options: Any) -> Stream:
    return Stream(url, "tick", since, backoff=Backoff(0.01, 0.05), **options)


def short(messages: Iterator[Received], count: int) -> list[Any]:
    """So many of them: 5 for tick 5."""
    return [one if isinstance(one, Gap) else one.t for one in islice(messages, count)]


GAP = Gap("tick", 40, 40, "store_changed", NEW)


def test_a_stream_remembers_its_recording_and_is_told_of_another() -> None:
    script = Script(old_market, new_market)
    with serving(script) as url:
        one = stream(url)
        messages = iter(one)
        assert short(messages, 40) == list(range(40))
        assert short(messages, 7) == [GAP, *range(6)]
        assert (one.position, one.store) == (5, NEW)
        one.close()
    assert script.queries == [{"types": "tick", "since": "-1"}, {"types": "tick", "since": "39", "store": OLD}]


def test_in_asyncio_likewise() -> None:
    async def run() -> None:
        with serving(Script(old_market, new_market)) as url:
            one, found = stream(url), []
            async for each in one:
                found.append(each if isinstance(each, Gap) else each.t)
                if len(found) == 47:
                    break
        assert found == [*range(40), GAP, *range(6)]

    asyncio.run(run())


def test_it_raises_where_that_is_chosen() -> None:
    with serving(Script(old_market, new_market)) as url:
        one = stream(url, on_store_change="raise")
        messages = iter(one)
        short(messages, 40)
        for _ in range(2):
            with pytest.raises(StoreChanged) as caught:
                next(messages)
            error = caught.value
            assert (error.former, error.position, error.store) == (OLD, 39, NEW)
            assert str(error) == (f"{url}: t=39 of {OLD} is no position in its recording any more, which is {NEW} now")
            messages = iter(one)
        assert (one.position, one.store) == (39, OLD), "it is where it was"


def test_a_program_goes_on_where_another_left_off() -> None:
    script = Script(new_market)
    with serving(script) as url:
        for store, expected in ((NEW, [4, 5]), (OLD, [Gap("tick", 4, 4, "store_changed", NEW), 0])):
            assert short(iter(stream(url, 3, store=store)), 2) == expected
        named = Stream(f"{url}?since=3&store={NEW}", "tick")
        assert short(iter(named), 2) == [4, 5]
    assert [query["store"] for query in script.queries] == [NEW, OLD, NEW]


def test_every_kind_is_told_also_when_the_connection_breaks_behind_the_first_word() -> None:
    def breaking(connection: ServerConnection, query: dict[str, str]) -> None:
        say(connection, [changed("frame", 4)])
        connection.socket.close()

    script = Script(breaking, new_market)
    with serving(script) as url:
        one = Stream(url, since=3, store=OLD, backoff=Backoff(0.01, 0.05))
        found = list(islice(iter(one), 3))
        rest = [(each.kind, each.t) for each in islice(iter(one), 4) if not isinstance(each, Gap)]
        one.close()
    assert found == [Gap(kind, 4, 4, "store_changed", NEW) for kind in ("frame", "metric", "tick")]
    assert rest == [("metric", 0), ("tick", 0), ("tick", 1), ("metric", 2)]
    assert script.queries[1] == {"types": "frame,metric,tick", "since": "-1", "store": NEW}


def test_one_that_began_with_the_newest_learns_its_recording_from_the_handshake() -> None:
    queries: list[str] = []

    def name_store(connection: ServerConnection, request: Request, response: Response) -> None:
        queries.append(request.path)
        response.headers["Market-Camera-Store"] = OLD

    def handle(connection: ServerConnection) -> None:
        if "since" in (connection.request.path if connection.request else ""):
            say(connection, [changed("tick", 8), message("tick", 0)])
            connection.recv()
        say(connection, [message("tick", 7)])

    with serve(handle, "127.0.0.1", 0, process_response=name_store, compression=None) as server:
        import threading

        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            one = stream(f"ws://127.0.0.1:{server.socket.getsockname()[1]}/ws/stream", None)
            assert short(iter(one), 3) == [7, Gap("tick", 8, 8, "store_changed", NEW), 0]
            one.close()
        finally:
            server.shutdown()
            thread.join()
    assert queries[1].endswith(f"?types=tick&since=7&store={OLD}")


def test_a_server_that_knows_no_ids_is_asked_without() -> None:
    """As one of the version before, behind the same address, while servers are updated one by one."""

    def refuses(connection: ServerConnection, query: dict[str, str]) -> None:
        assert "store" in query
        detail = "unknown parameter 'store'; known are symbol, types"
        say(connection, [{"type": "error", "error": "bad_parameter", "detail": detail}])
        connection.close(4400)

    def serves(connection: ServerConnection, query: dict[str, str]) -> None:
        say(connection, behind(market(8), query)[:2])
        connection.socket.close()

    script = Script(refuses, serves, refuses, new_market)
    with serving(script) as url:
        one = stream(url, 3, store=NEW)
        assert short(iter(one), 2) == [4, 5]
        assert one.store == NEW
        one.close()
    assert [query.get("store") for query in script.queries] == [NEW, None]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Stream("ws://h", since=1, store="x"),
        lambda: Stream("ws://h?since=1&store=x"),
        lambda: Stream("ws://h", since=1, on_store_change="ignore"),
        lambda: Replay("http://h", store=OLD[:-1]),
        lambda: Replay("http://h", on_store_change=""),
    ],
)
def test_arguments_that_cannot_be_are_told_at_once(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="store"):
        make()


def test_a_gap_is_a_line_with_the_id_where_it_has_one() -> None:
    plain = b'{"type":"gap","kind":"tick","from_t":1,"to_t":2,"reason":"lost"}'
    assert line_of(Gap("tick", 1, 2, "lost")) == plain
    assert line_of(GAP).endswith(b'"reason":"store_changed","store":"%s"}' % NEW.encode())


def test_behind_the_change_everything_is_new_and_holes_are_told() -> None:
    head = Playhead(["tick"], since=200)
    head.store = OLD
    assert list(head.take(changed("tick", 201))) == [Gap("tick", 201, 201, "store_changed", NEW)]
    assert list(head.take(changed("tick", 201))) == [], "a kind is told once"
    assert list(head.take(gap("tick", 0, 4, "expired"))) == [Gap("tick", 0, 4, "expired")]
    assert [one.t for one in head.take(message("tick", 5)) if not isinstance(one, Gap)] == [5]
    assert (head.position, head.since, head.store, head.caught_up_t) == (5, 5, NEW, None)


def answers(monkeypatch: pytest.MonkeyPatch, *bodies: tuple[str, bytes]) -> list[str]:
    """Answers `/range` with these, each named by the id of its recording; the queries that came."""
    asked, left = [], list(bodies)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.query.decode())
        store, body = left.pop(0)
        return httpx.Response(200, content=body, headers={"Market-Camera-Store": store})

    made = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **options: made(transport=httpx.MockTransport(answer), **options))
    return asked


TICKS = b'{"type":"tick","t":0,"ts":1.0}\n{"type":"tick","t":1,"ts":1.1}\n'
METRICS = b'{"type":"gap","kind":"metrics","from_t":0,"to_t":0,"reason":"store_changed","store":"%s"}\n' % NEW.encode()


def test_a_replay_is_of_one_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers(monkeypatch, (NEW, METRICS + b'{"type":"metric","t":0,"ts":1.0}\n'), (OLD, TICKS))
    found = list(Replay("http://h", 0, 1, types="metric,tick", store=OLD))
    assert found[0] == Gap("metric", 0, 1, "store_changed", NEW)
    assert [one.t for one in found[1:] if not isinstance(one, Gap)] == [0, 1]
    assert all(f"store={OLD}" in query for query in asked)


def test_a_replay_holds_to_the_recording_that_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers(monkeypatch, (OLD, b'{"type":"metric","t":0,"ts":1.0}\n'), (NEW, TICKS))
    list(Replay("http://h", 0, 1, types="metric,tick"))
    assert ["store" in query for query in asked] == [False, True]


def test_a_replay_raises_where_that_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, (NEW, METRICS))
    with pytest.raises(StoreChanged) as caught:
        list(Replay("http://h", 0, 1, types="metric", store=OLD, on_store_change="raise"))
    assert (caught.value.former, caught.value.position, caught.value.store) == (OLD, -1, NEW)


class Broken(Replay):
    """What it reads ends by an error."""

    def _messages(self, client: httpx.Client) -> Iterator[Received]:
        for t in range(300):
            yield message_of({"type": "tick", "t": t, "ts": float(t)})
        raise StoreChanged("http://h", OLD, 299, NEW)


def test_what_was_read_before_an_error_comes_first() -> None:
    def in_a_loop(take: Callable[[Received], None]) -> None:
        for one in Broken("http://h"):
            take(one)

    def in_asyncio(take: Callable[[Received], None]) -> None:
        async def go() -> None:
            async for one in Broken("http://h"):
                take(one)

        asyncio.run(go())

    for way in (in_a_loop, in_asyncio):
        found: list[Received] = []
        with pytest.raises(StoreChanged):
            way(found.append)
        assert [one.t for one in found if not isinstance(one, Gap)] == list(range(300))


def test_messages_of_another_recording_have_its_prices_and_those_before_keep_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(PriceRanges, "_of_health", lambda ranges: [(0, 80.0, 120.0)])
    head = Playhead(["tick"], since=-1, prices=PriceRanges("http://h/health"))
    head.prices.take("0:40000:60000")
    (before,) = head.take(message("tick", 0) | {"s": {"price_norm": 0.5}})
    list(head.take(changed("tick", 1)))
    (after,) = head.take(message("tick", 0) | {"s": {"price_norm": 0.5}})
    assert isinstance(before, Tick)
    assert isinstance(after, Tick)
    assert (before.price, after.price) == (50_000.0, 100.0)


def test_prices_of_a_connection_before_do_not_count_where_the_next_tells_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PriceRanges, "_of_health", lambda ranges: [(0, 80.0, 120.0)])
    prices = PriceRanges("http://h/health")
    prices.take("0:40000:60000")
    assert prices.at(5) == (40_000, 60_000)
    prices.take(None)
    assert prices.at(5) == (80.0, 120.0)
