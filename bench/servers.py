"""The servers that the benches compare, each run as `python bench/servers.py NAME PORT MESSAGES`.

They send on command, a line on stdin: `send N` sends the next N moments at once, `pace N SECONDS` one every so many
seconds. After each command a line of JSON on stdout tells the CPU time of the process, its memory, and when the moments
were made. MESSAGES is a file with one moment a line, a JSON object of kind and message; they are sent round and round.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import orjson
import psutil

Moment = dict[str, str]
Send = Callable[[int, Moment], Awaitable[None]]


class Commands:
    """Carries out what stdin says; `send` hands one moment to the server under test."""

    def __init__(self, moments: list[Moment], send: Send) -> None:
        self._moments, self._send, self._t = moments, send, 0

    async def obey(self) -> None:
        print("{}", flush=True)
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            count, seconds = int(line.split()[1]), float([*line.split(), "0"][2])
            begun = loop.time()
            made = [await self._next(begun + seconds * n - loop.time()) for n in range(count)]
            memory = psutil.Process().memory_info().rss
            print(json.dumps({"cpu": time.process_time(), "memory": memory, "made": made}), flush=True)

    async def _next(self, wait_seconds: float) -> float:
        if wait_seconds > 0:
            await asyncio.sleep(wait_seconds)
        made = time.monotonic()
        await self._send(self._t, self._moments[self._t % len(self._moments)])
        self._t += 1
        return made


def ours(port: int, moments: list[Moment]) -> None:
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "igsite.settings")
    from server.server import Server, endpoints  # first, for it installs the reactor

    from igsite import asgi  # isort: skip

    from channels.layers import get_channel_layer
    from django.conf import settings

    from streaming.group.publisher import Publisher
    from streaming.relay.relays import relays

    status = {"running": True, "start_ts": 0.0, "ticks": 0, "seed": 0, "silence_seconds": 1e9, "segment": None}

    async def begin() -> None:
        relays.open(settings.CONFIG.symbol, at_rest=True)
        relay = await relays.get()
        await relay.filling.filled.wait()
        publisher = Publisher(relay.symbol, get_channel_layer(), asyncio.get_running_loop())

        async def send(t: int, moment: Moment) -> None:
            parts = {kind: text.encode() for kind, text in moment.items()}
            message = {
                "type": "moment",
                "t": t,
                "tick": b"{}",
                "metric": None,
                "frame": None,
                "seen": {},
                "made_at": time.time(),
            }
            publisher.publish({**message, **parts, "status": status})
            await asyncio.sleep(0)

        await Commands(moments, send).obey()

    deflate = settings.CONFIG.permessage_deflate
    Server(asgi.application, endpoints("127.0.0.1", port), on_start=[begin], permessage_deflate=deflate).run()


def group(port: int, moments: list[Moment]) -> None:
    """Channels as its manual has it: every client joins the group."""
    from django.conf import settings

    memory = {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    settings.configure(CHANNEL_LAYERS={"default": memory}, LOGGING_CONFIG=None, INSTALLED_APPS=[])
    import django

    django.setup()
    from channels.generic.websocket import AsyncWebsocketConsumer
    from channels.layers import get_channel_layer
    from channels.routing import ProtocolTypeRouter
    from daphne.endpoints import build_endpoint_description_strings
    from daphne.server import Server

    class Client(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            await self.channel_layer.group_add("market", self.channel_name)
            await self.accept()

        async def moment(self, event: dict[str, str]) -> None:
            await self.send(text_data=event["text"])

    async def send(t: int, moment: Moment) -> None:
        for text in moment.values():
            await get_channel_layer().group_send("market", {"type": "moment", "text": text})
            await asyncio.sleep(0)

    def ready() -> None:
        asyncio.get_event_loop().create_task(Commands(moments, send).obey())

    application = ProtocolTypeRouter({"websocket": Client.as_asgi()})
    where = build_endpoint_description_strings(host="127.0.0.1", port=port)
    Server(application, where, ready_callable=ready, signal_handlers=False).run()


def fastapi(port: int, moments: list[Moment]) -> None:
    """One loop over the clients, `send_json` for each."""
    import uvicorn
    from fastapi import FastAPI, WebSocket, WebSocketDisconnect

    application, clients = FastAPI(), set()
    parsed = [{kind: orjson.loads(text) for kind, text in moment.items()} for moment in moments]

    async def client(websocket: WebSocket) -> None:
        await websocket.accept()
        clients.add(websocket)
        try:
            while True:
                await websocket.receive_text()
        except WebSocketDisconnect:
            clients.discard(websocket)

    client.__annotations__["websocket"] = WebSocket
    application.websocket("/ws/stream")(client)

    async def send(t: int, moment: Moment) -> None:
        for message in parsed[t % len(parsed)].values():
            for websocket in list(clients):
                await websocket.send_json(message)

    async def run() -> None:
        config = uvicorn.Config(application, port=port, log_level="warning", ws_per_message_deflate=False)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 (uvicorn has nothing to wait for)
            await asyncio.sleep(0.01)
        await Commands(moments, send).obey()
        serving.cancel()

    asyncio.run(run())


def broadcast(port: int, moments: list[Moment]) -> None:
    """The fastest that the websockets library has."""
    from websockets.asyncio.server import broadcast as to_all
    from websockets.asyncio.server import serve

    async def run() -> None:
        async def client(connection: Any) -> None:
            await connection.wait_closed()

        async with serve(client, "127.0.0.1", port, compression=None, ping_interval=None, backlog=1024) as server:

            async def send(t: int, moment: Moment) -> None:
                for text in moment.values():
                    to_all(server.connections, text)
                await asyncio.sleep(0)

            await Commands(moments, send).obey()

    asyncio.run(run())


SERVERS = {"ours": ours, "group": group, "fastapi": fastapi, "broadcast": broadcast}


if __name__ == "__main__":
    lines = Path(sys.argv[3]).read_text().splitlines()
    threading.current_thread().name = sys.argv[1]
    SERVERS[sys.argv[1]](int(sys.argv[2]), [json.loads(line) for line in lines])
