"""The application that `serving.Serving` runs in a process of its own, behind the real server.

It tells what happens on stdout, a JSON object a line: `{"event": "listening", "addresses": [[host, port]]}` …
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import resource
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

FLOOD_BYTES = 500_000_000


def tell(event: str, **facts: Any) -> None:
    print(json.dumps({"event": event, **facts}), flush=True)


async def socket_application(scope: Any, receive: Any, send: Any) -> None:
    options = dict(parse_qsl(scope["query_string"].decode()))
    name = options.pop("name", "")
    await receive()
    if scope["path"] in _LONE:
        await _LONE[scope["path"]](receive, send)
        return
    await send({"type": "websocket.accept"})
    listening = asyncio.create_task(_listen(scope["path"] == "/echo", name, receive, send))
    sending = asyncio.create_task(_SENDERS[scope["path"]](name, send, **options))
    await listening
    sending.cancel()
    await asyncio.wait({sending})


async def _listen(echo: bool, name: str, receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            tell("disconnect", name=name, code=message["code"])
            return
        if echo:
            await send({**message, "type": "websocket.send"})


async def _nothing(name: str, send: Any) -> None:
    tell("begun", name=name)


async def _flood(name: str, send: Any, size: str = "65536", form: str = "text") -> None:
    """Sends FLOOD_BYTES, or as much as it can until it is cancelled."""
    from streaming.protocol import websocket_frame

    payload = b"x" * int(size)
    content = {"market_camera.frames": websocket_frame(payload)} if form == "frames" else {"text": payload.decode()}
    sent_bytes = 0
    try:
        while sent_bytes < FLOOD_BYTES:
            await send({"type": "websocket.send", **content})
            sent_bytes += len(payload)
    finally:
        tell("flood_ended", name=name, sent_bytes=sent_bytes)


async def _four(name: str, send: Any) -> None:
    await asyncio.gather(*[_flood(name, send, size="1000000") for _ in range(4)])


async def _ticks(name: str, send: Any) -> None:
    """A live stream: a number every few milliseconds."""
    for t in range(1_000_000):
        await send({"type": "websocket.send", "text": str(t)})
        await asyncio.sleep(0.005)


MIXED_SIZES = (0, 1, 125, 126, 65_535, 65_536, 3_000_000)


async def _mixed(name: str, send: Any) -> None:
    """Frames of all three lengths, two in a message, between ordinary sends."""
    from streaming.protocol import websocket_frame

    for size in MIXED_SIZES:
        await send({"type": "websocket.send", "text": f"before {size}"})
        frames = websocket_frame(b"a" * size) + websocket_frame(b"b" * size, binary=True)
        await send({"type": "websocket.send", "market_camera.frames": frames})
        await send({"type": "websocket.send", "bytes": b"after %d" % size})


async def _close(name: str, send: Any) -> None:
    await send({"type": "websocket.close", "code": 4400, "reason": "limit must be at least 1, got 0"})


async def _turns(name: str, send: Any) -> None:
    """Tells whether the loop did anything else while a client was sent a hundred frames it had room for."""
    from streaming.protocol import websocket_frame

    turned = asyncio.Event()
    asyncio.get_running_loop().call_soon(turned.set)
    for _ in range(100):
        await send({"type": "websocket.send", "market_camera.frames": websocket_frame(b"x" * 1000)})
    tell("turns", turned=turned.is_set())


_SENDERS: dict[str, Any] = {
    "/echo": _nothing,
    "/flood": _flood,
    "/four": _four,
    "/ticks": _ticks,
    "/mixed": _mixed,
    "/close": _close,
    "/turns": _turns,
}


async def _refuse(receive: Any, send: Any) -> None:
    await send({"type": "websocket.close"})


async def _fail(receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept"})
    raise RuntimeError("made to fail")


async def _return(receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept"})


async def _deaf(receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept"})
    await asyncio.Event().wait()


async def _stubborn(receive: Any, send: Any) -> None:
    """Sends on and on, and asks whether the client is there only at the end."""
    await send({"type": "websocket.accept"})
    for _ in range(100):
        await send({"type": "websocket.send", "bytes": b"x" * 1_000_000})
    tell("all_sent")
    tell("stubborn_heard", **await receive())


async def _late(receive: Any, send: Any) -> None:
    """Accepts a client that has left, and tells whether sending to it would keep everybody else waiting."""
    tell("late_waits")
    await receive()
    await send({"type": "websocket.accept"})
    turned = asyncio.Event()
    asyncio.get_running_loop().call_soon(turned.set)
    await send({"type": "websocket.send", "text": "too late"})
    tell("late_done", turned=turned.is_set())


_LONE: dict[str, Any] = {
    "/refuse": _refuse,
    "/fail": _fail,
    "/return": _return,
    "/deaf": _deaf,
    "/stubborn": _stubborn,
    "/late": _late,
    "/metrics": _return,
}


class Pieces:
    """A streamed body. Django closes it at the end; a generator it would leave to the garbage collector."""

    def __init__(self, name: str, count: int, size: int) -> None:
        self.name, self.size, self.left = name, size, count

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> bytes:
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        return b"x" * self.size

    def close(self) -> None:
        tell("stream_ended", name=self.name, left=self.left)


def django_application() -> Any:
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.http import HttpResponse, StreamingHttpResponse
    from django.urls import path

    settings.configure(ROOT_URLCONF=sys.modules[__name__], ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None)

    async def stream(request: Any, count: int, size: int) -> StreamingHttpResponse:
        return StreamingHttpResponse(Pieces(request.GET.get("name", ""), count, size))

    async def sized(request: Any, count: int, size: int) -> StreamingHttpResponse:
        response = await stream(request, count, size)
        response["Content-Length"] = count * size
        return response

    async def whole(request: Any, size: int) -> HttpResponse:
        return HttpResponse(b"x" * size)

    async def echo(request: Any) -> HttpResponse:
        return HttpResponse(request.body)

    async def hog(request: Any) -> HttpResponse:
        """Opens every descriptor there is."""
        with contextlib.suppress(OSError):
            while True:
                hogged.append(os.dup(0))
        return HttpResponse(str(len(hogged)))

    async def free(request: Any) -> HttpResponse:
        while hogged:
            os.close(hogged.pop())
        return HttpResponse()

    async def probe(request: Any) -> HttpResponse:
        """Answers when `release` was asked for."""
        probed.append(request)
        tell("probed")
        await released.wait()
        return HttpResponse()

    async def release(request: Any) -> HttpResponse:
        tell("released", probed=len(probed))
        released.set()
        return HttpResponse()

    async def tasks(request: Any) -> HttpResponse:
        return HttpResponse(str(len(asyncio.all_tasks())))

    async def objects(request: Any) -> HttpResponse:
        """How many the garbage collector looks at."""
        return HttpResponse(str(len(gc.get_objects())))

    async def broken(request: Any) -> StreamingHttpResponse:
        async def body() -> Any:
            yield b"a beginning"
            raise RuntimeError("made to fail")

        return StreamingHttpResponse(body())

    probed, released = list[Any](), asyncio.Event()
    global urlpatterns
    urlpatterns = [
        path("health", probe),
        path("release", release),
        path("stream/<int:count>/<int:size>", stream),
        path("sized/<int:count>/<int:size>", sized),
        path("whole/<int:size>", whole),
        path("tasks", tasks),
        path("objects", objects),
        path("echo", echo),
        path("hog", hog),
        path("free", free),
        path("broken", broken),
    ]
    return get_asgi_application()


urlpatterns: list[Any] = []
hogged: list[int] = []


def main(options: dict[str, Any]) -> None:
    logging.basicConfig(level=logging.INFO)
    if descriptors := options.pop("descriptors", 0):
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors // 2, descriptors))
    from server.server import Server, endpoints

    http = django_application()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await http(scope, receive, send)
        else:
            await socket_application(scope, receive, send)

    async def started() -> None:
        tell("listening", addresses=server.listening_addresses)

    async def dying() -> None:
        raise LookupError("the market is gone")

    async def occupied() -> None:
        """Occupies a thread, for which Python waits before it ends."""
        asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)

    async def failing() -> None:
        tell("side_task_began")
        raise LookupError("a side task is gone")

    async def stopped() -> None:
        tell("stopped")

    async def fails_to_stop() -> None:
        raise LookupError("a side task does not stop")

    async def slow() -> None:
        tell("slow_began")
        await asyncio.Event().wait()

    async def hanging() -> None:
        threading.Event().wait()  # not even the loop gets on

    given_first = {"occupied": occupied, "dies": dying}
    on_start = [started, *(start for name, start in given_first.items() if options.pop(name, False))]
    beside = {"side task": failing} if options.pop("fails_beside", False) else {}
    given = {"fails_to_stop": fails_to_stop, "slow_to_stop": slow, "the rest": stopped, "hangs": hanging}
    on_stop = {name: stop for name, stop in given.items() if options.pop(name, stop is stopped)}
    where = options.pop("endpoints", None) or endpoints("127.0.0.1", options.pop("port", 0))
    server = Server(application, where, on_start=on_start, beside=beside, on_stop=on_stop, **options)
    server.run()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
