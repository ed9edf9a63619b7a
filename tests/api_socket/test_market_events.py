"""Bursts and shocks reach the subscribers of alerts, whether the market's messages did or were lost on the way."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from api_socket.protocol import Topic
from api_socket.service import Service
from recorder.tape.history import Message
from streaming.relay.relay import Relay
from tests.api_socket.listening import Listener, settled
from tests.processes import PATIENCE_SECONDS
from tests.streaming.running import status
from tests.streaming.tape import Tape

BEGIN = 1_795_860_000.5
SHOCKED = (1, 3, 6, 7)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("relay._SETTLE_SECONDS", "filling._HOLE_SECONDS", "filling._HOLE_PAUSE_SECONDS"):
        monkeypatch.setattr(f"streaming.relay.{name}", 0.0)
    monkeypatch.setattr("streaming.relay.unheard._UNHEARD_SECONDS", 0.0)


def events_at(t: int) -> dict[str, Any]:
    shocks = [{"t": t, "kind": "price", "size": -0.5, "score": 5.5}] if t in SHOCKED else []
    return {"bursts": [], "shocks": shocks}


def recorded(*ts: int) -> list[Message]:
    """A frame and a tick of each t."""
    found = []
    for t in ts:
        frame = json.dumps({"type": "frame", "t": t, "events": events_at(t)}, separators=(",", ":"))
        found.append(Message("frames", t, t, frame.encode()))
        found.append(Message("ticks", t, t, b'{"type":"tick","t":%d,"ts":%.1f}' % (t, BEGIN + t)))
    return found


def hear(relay: Relay, t: int) -> None:
    frame, tick = (message.text for message in recorded(t))
    seen = {"events": {"ts": BEGIN + t, **events_at(t)} if t in SHOCKED else None}
    relay.take({"t": t, "tick": tick, "metric": None, "frame": frame, "seen": seen, "status": status()})


def test_events_of_lost_messages_are_told_once_and_those_of_the_past_are_not() -> None:
    async def test() -> None:
        tape = Tape(*recorded(0, 1))
        relay, service, client = Relay(tape, 1000, 1 << 20, 0.0), Service(), Listener()  # type: ignore[arg-type]
        service._follow(relay)
        service.hub.subscribe(client, Topic("alerts"))
        await asyncio.create_task(relay.filling.fill(at_rest=True))

        async def until(t: int) -> list[tuple[float, str]]:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while relay.ring.last_t != t or not relay.filling.at_rest:
                    relay.beat()
                    await asyncio.sleep(0.001)
            await settled()
            told = [message["data"] for message in client.messages]
            return [(one["timestamp"] - BEGIN, one["message"].split()[2].split("，")[0]) for one in told]

        tape.kept += recorded(2, 3, 4, 5)
        hear(relay, 2)
        hear(relay, 5)
        assert await until(5) == [(3.0, "t=3")], "from the recording; the shock at t=1 is of the past"
        tape.kept += recorded(6, 7)
        hear(relay, 6)
        assert await until(7) == [(3.0, "t=3"), (6.0, "t=6"), (7.0, "t=7")], "the last one is not heard"
        for t in (3, 6, 7):
            hear(relay, t)
        assert len(await until(7)) == 3

    asyncio.run(test())
