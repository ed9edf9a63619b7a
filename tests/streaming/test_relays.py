"""The relays of a process: one that fails is replaced, its clients are sent away, and nobody waits for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import RequestFactory

from runtime import supervision
from runtime.supervision import supervisor
from streaming.fanout.outbox import Bundle
from streaming.http import healthz
from streaming.options import Options
from streaming.protocol import StreamError
from streaming.relay.relay import Relay
from streaming.relay.relays import Relays
from tests.processes import PATIENCE_SECONDS
from tests.streaming.tape import moment
from tests.streaming.test_relay import Taker, group_message, join

pytestmark = pytest.mark.django_db(transaction=True)  # the checkup of a market that is not heard asks it

SYMBOL = "IG-USD"


@pytest.fixture(autouse=True)
def _own_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_tasks", {})
    monkeypatch.setattr(supervision, "FIRST_PAUSE_SECONDS", 0.0)


@pytest.fixture
def with_relays(settings: LazySettings, tmp_path: Path) -> Callable[[Callable[[Relays], Awaitable[None]]], None]:
    settings.CONFIG = replace(settings.CONFIG, store_dir=tmp_path, symbol=SYMBOL)
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "streaming.group.in_process.InProcessLayer"}}

    def run(test: Callable[[Relays], Awaitable[None]]) -> None:
        async def with_them() -> None:
            relays = Relays()
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await test(relays)
            finally:
                await relays.stop()

        asyncio.run(with_them())

    return run


async def until(holds: Callable[[], Any]) -> None:
    while not holds():
        await asyncio.sleep(0.001)


def failing() -> list[str]:
    return [one.name for one in supervisor.troubles()]


@pytest.mark.parametrize("error", [RuntimeError("a bug"), ValueError("no number"), KeyError("t")])
def test_another_relay_takes_the_place_of_one_that_failed(with_relays: Any, error: Exception) -> None:
    async def test(relays: Relays) -> None:
        opened: list[Relay] = []
        relays.on_open.append(opened.append)
        relays.open(SYMBOL, at_rest=True)
        relay = await relays.get()
        await relay.filling.filled.wait()
        client = join(relay)
        ends: list[str] = []
        relay.on_end.append(lambda: ends.append("end"))

        def broken(message: dict[str, Any]) -> None:
            raise error

        relay.pass_on = broken  # type: ignore[assignment,method-assign]
        await send(group_message(0, running=True))
        await until(lambda: relay.ended)
        assert client.ended
        assert ends == ["end"]
        other = await relays.get()
        assert other is not relay
        assert opened == [relay, other]
        await other.joined.wait()
        await send(group_message(0, running=True))
        await until(lambda: other.ring.last_t == 0)
        assert failing() == [f"relay {SYMBOL}"]

    with_relays(test)


async def send(message: dict[str, Any]) -> None:
    from channels.layers import get_channel_layer

    await get_channel_layer().group_send(f"market.{SYMBOL}", message)


def test_nobody_waits_for_a_relay_that_failed_while_it_started(with_relays: Any, monkeypatch: Any) -> None:
    async def broken(self: Relay) -> None:
        raise RuntimeError("a bug")

    async def test(relays: Relays) -> None:
        monkeypatch.setattr(Relay, "_fill_when_joined", broken)
        relays.open(SYMBOL, at_rest=True)
        relay = await relays.get()
        await relay.filling.filled.wait()
        assert relay.ended
        await relay.ready()
        monkeypatch.undo()
        other = await relays.get()
        await other.filling.filled.wait()
        await until(lambda: not other.ended)

    with_relays(test)


def test_a_relay_that_fails_again_and_again_is_tried_seldom_and_its_clients_are_told(
    with_relays: Any, monkeypatch: Any
) -> None:
    async def test(relays: Relays) -> None:
        runs: list[Relay] = []

        async def broken(self: Relay) -> None:
            runs.append(self)
            raise RuntimeError("a bug")

        monkeypatch.setattr(Relay, "run", broken)
        monkeypatch.setattr(supervision, "FIRST_PAUSE_SECONDS", 1000.0)
        monkeypatch.setattr(supervision, "LONGEST_PAUSE_SECONDS", 1000.0)
        relays.open(SYMBOL)
        first = await relays.get()
        await until(lambda: first.ended)
        for _ in range(100):
            await asyncio.sleep(0)
        assert runs == [first]
        with pytest.raises(StreamError, match=f"the stream of {SYMBOL} is starting anew") as refused:
            relays.feed(await relays.get(), Options())
        assert (refused.value.code, refused.value.close) == ("unavailable", 4503)
        monkeypatch.setattr(healthz, "relays", relays)
        answer = await healthz.ready(RequestFactory().get("/healthz/ready"))
        assert answer.status_code == 503
        assert json.loads(answer.content) == {"ok": False, "detail": f"the stream of {SYMBOL} is starting anew"}

    with_relays(test)


def test_a_set_of_options_that_fails_takes_no_other_with_it(with_relays: Any) -> None:
    class Poison(Taker):
        def offer(self, bundle: Bundle) -> bool:
            raise ValueError("cannot take this")

    async def test(relays: Relays) -> None:
        relays.open(SYMBOL, at_rest=True)
        relay = await relays.get()
        await relay.filling.filled.wait()
        ticks, poison = Options(types=frozenset(["tick"])), Poison()
        bad = relay.feeds.of(ticks)
        bad.users.add(poison)
        relay.subscribe(poison, bad)
        good = join(relay)
        relay.pass_on(moment(0))
        relay.pass_on(moment(1))
        assert poison.ended
        assert good.ticks == [0, 1]
        assert not good.ended
        assert list(relay.feeds) == [Options()]
        assert failing() == [f"feed of {SYMBOL}"]
        relay.leave(poison, bad)

    with_relays(test)


def test_a_listener_that_fails_keeps_neither_clients_nor_other_listeners_from_hearing(with_relays: Any) -> None:
    async def test(relays: Relays) -> None:
        relays.open(SYMBOL, at_rest=True)
        relay = await relays.get()
        await relay.filling.filled.wait()
        client, heard = join(relay), []

        def broken(message: dict[str, Any]) -> None:
            raise ValueError("no number")

        relay.listeners += [broken, lambda message: heard.append(message["t"])]
        for t in range(3):
            relay.take(group_message(t, running=True))
        assert client.ticks == heard == [0, 1, 2]
        assert failing() == [f"listener of {SYMBOL}"]

    with_relays(test)


def test_a_heartbeat_that_fails_at_one_market_reaches_the_others(with_relays: Any) -> None:
    async def test(relays: Relays) -> None:
        for symbol in (SYMBOL, "OTHER"):
            relays.open(symbol)
        first, second = relays.all()

        def broken() -> None:
            raise OSError(24, "Too many open files")

        beats: list[int] = []
        first.beat = broken  # type: ignore[method-assign]
        second.beat = lambda: beats.append(1)  # type: ignore[method-assign]
        await relays._beat()
        assert beats == [1]
        assert failing() == [f"heartbeat of {SYMBOL}"]

    with_relays(test)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), ValueError("a tape like no other")])
def test_a_tape_that_cannot_be_read_keeps_nobody_from_the_present(
    with_relays: Any, monkeypatch: Any, error: Exception
) -> None:
    async def test(relays: Relays) -> None:
        from recorder.tape.history import History

        def broken(self: History, kind: str = "ticks") -> int | None:
            raise error

        monkeypatch.setattr(History, "last_t", broken)
        relays.open(SYMBOL, at_rest=True)
        relay = await relays.get()
        await relay.filling.filled.wait()
        assert not relay.ended
        client = join(relay)
        relay.pass_on(moment(5))
        await until(lambda: client.ticks == [5])
        assert failing() == [f"tape of {SYMBOL}"]

    with_relays(test)
