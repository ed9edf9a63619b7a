"""The messages of `/ws/stream`: moments, control messages, their framing, and pings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

#: The kinds of message a moment holds, in the order in which they are sent.
KINDS = ("frame", "metric", "tick")

#: No t is greater: JavaScript has no larger integer that it counts exactly.
LARGEST_T = 2**53 - 1

#: The header that names the recording of an answer, including a socket's handshake.
STORE_HEADER = "Market-Camera-Store"
#: The header that tells the price ranges of a recording's runs.
PRICES_HEADER = "Market-Camera-Prices"
#: The header of a list of segments with the t at which the first remaining one begins.
FIRST_T_HEADER = "Market-Camera-First-T"

CLOSE_BAD_PARAMETER = 4400
CLOSE_NOT_FOUND = 4404
CLOSE_STALLED = 4408
CLOSE_LIMIT = 4429
CLOSE_UNAVAILABLE = 4503

RunPrices = list[tuple[int, float, float]]

#: The longest list of price ranges in a header. Clients and proxies refuse an answer whose head has more than 4 or 8
#: KiB, nginx and Python's `websockets` among them, and a market may come to any number of runs.
_MOST_PRICES_CHARACTERS = 2000
#: No run takes fewer: hundreds are known to be too many without a look at each, which every request would pay for.
_FEWEST_CHARACTERS = len("0:0:1, ")


def behind(t: int) -> int:
    """The first t that a client which has everything up to t lacks; behind the largest there is none."""
    return min(t + 1, LARGEST_T)


def prices_told(status: dict[str, Any], known: RunPrices) -> RunPrices:
    """The price ranges by the status of a message, which has all of them or the newest one; where none were `known`
    that one would not be all."""
    newest = status.get("newest_prices")
    if newest is None or not known or tuple(known[-1]) == tuple(newest):
        return status.get("price_ranges") or known
    return [*(one for one in known if one[0] < newest[0]), tuple(newest)]


def recording_headers(store_id: str | None, prices: RunPrices) -> dict[str, str]:
    """The headers that tell of the recording of an answer: its id and its price ranges, each as far as it is known.

    `prices` are first t, low and high of each run whose price range is another than that of the run before. Of those
    that are too long for a header it tells how many there are: `/health` has them.
    """
    named = {} if store_id is None else {STORE_HEADER: store_id}
    told, many = "", len(prices) * _FEWEST_CHARACTERS > _MOST_PRICES_CHARACTERS + len(", ")
    if not many:
        told = ", ".join(f"{first_t}:{low}:{high}" for first_t, low, high in prices)
    if many or len(told) > _MOST_PRICES_CHARACTERS:
        told = f"many {len(prices)}"
    return named | ({PRICES_HEADER: told} if told else {})


#: The ASGI extension of websocket scopes, and the key of the message it allows: `{"type": "websocket.send",
#: "market_camera.frames": b"…"}` with ready-made, unmasked frames (RFC 6455), one after the other, which are sent to
#: the socket unchanged. The value of the extension has two entries. `deflate` says, once the socket is accepted,
#: whether frames may be compressed for permessage-deflate. `write(frames)` sends them at once, or returns False.
FRAMES = "market_camera.frames"


#: The path of server-sent events.
EVENTS_PATH = "/stream"


class StreamError(Exception):
    """A client that cannot be served: a code for programs, a sentence for people, and the close code."""

    def __init__(self, code: str, detail: str, close: int) -> None:
        super().__init__(detail)
        self.code, self.detail, self.close = code, detail, close


@dataclass(frozen=True, slots=True)
class Moment:
    """All messages of one t, encoded: made once in the pipeline, never parsed again on the way to a socket.

    `made_at` is when its tick was made, in Unix seconds; None where that is not known, as of one from the recording.
    """

    t: int
    tick: bytes | None = None
    metric: bytes | None = None
    frame: bytes | None = None
    made_at: float | None = field(default=None, compare=False)

    @property
    def size(self) -> int:
        return len(self.tick or b"") + len(self.metric or b"") + len(self.frame or b"")


@dataclass(frozen=True, slots=True)
class Loss:
    """Messages of a kind with from_t <= t <= to_t that are missing."""

    kind: str
    from_t: int
    to_t: int
    reason: str


def control(type: str, **fields: Any) -> bytes:
    """A control message as JSON."""
    return orjson.dumps({"type": type, **fields})


def gap(kind: str, from_t: int, to_t: int, reason: str, **more: Any) -> bytes:
    """The announcement of a loss: messages of `kind` with from_t <= t <= to_t."""
    return control("gap", kind=kind, from_t=from_t, to_t=to_t, reason=reason, **more)


def error(code: str, detail: str) -> bytes:
    return control("error", error=code, detail=detail)


def websocket_frame(payload: bytes, *, binary: bool = False, deflated: bool = False) -> bytes:
    """A whole server-to-client message as one WebSocket frame (RFC 6455, section 5.2: FIN set, not masked).

    It is made once and written unchanged to a thousand sockets. `deflated`: the payload is compressed for
    permessage-deflate.
    """
    first = (0x82 if binary else 0x81) | (0x40 if deflated else 0)
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 1 << 16:
        return bytes((first, 126)) + size.to_bytes(2) + payload
    return bytes((first, 127)) + size.to_bytes(8) + payload


#: What a client of events is sent where a client of a socket gets a heartbeat.
HEARTBEAT_COMMENT = b": heartbeat\n\n"


def event(type: str, text: bytes, position: str | None = None) -> bytes:
    """A message, JSON on one line, as a server-sent event. With it, the client has everything up to `position`."""
    named = "" if position is None else f"id: {position}\n"
    return b"event: %b\n%bdata: %b\n\n" % (type.encode(), named.encode(), text)


def position_event(position: str) -> bytes:
    """What tells a client of events its position and is no message."""
    return f"id: {position}\n\n".encode()


def json_frame(message: dict[str, Any]) -> bytes:
    """A message as one WebSocket frame, made once for all clients that get it."""
    return websocket_frame(orjson.dumps(message))


def messages_in(wire: bytes) -> list[tuple[bytes, bool]]:
    """The (payload, binary) of frames made by `websocket_frame`, for a server that makes its own."""
    found = []
    at = 0
    while at < len(wire):
        binary, size, at = wire[at] == 0x82, wire[at + 1], at + 2
        if size > 125:
            width = 2 if size == 126 else 8
            size, at = int.from_bytes(wire[at : at + width]), at + width
        found.append((wire[at : at + size], binary))
        at += size
    return found


def is_ping(text: str | None) -> bool:
    """Whether a client's text message asks for a pong: `ping`, or `{"type":"ping"}`. Others are ignored."""
    if text is None or len(text) > 200:
        return False
    if text.strip() == "ping":
        return True
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return isinstance(message, dict) and message.get("type") == "ping"
