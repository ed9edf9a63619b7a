"""The sockets and the stream of events: where they are, what goes over them, and how they end."""

from __future__ import annotations

from dataclasses import dataclass

from api_socket.errors import CLOSE_FORBIDDEN, CLOSE_TRY_LATER, CLOSE_UNAUTHORIZED
from contracts import messages
from contracts.messages import Messages
from contracts.parameters import STREAM, Parameter, query
from contracts.schemas import TEXT, Schema, one_of
from streaming.limits import CLOSE_TOO_LARGE
from streaming.protocol import CLOSE_BAD_PARAMETER, CLOSE_LIMIT, CLOSE_NOT_FOUND, CLOSE_STALLED, CLOSE_UNAVAILABLE

#: What every socket may be closed with, without an error before it.
_OF_ANY_SOCKET = (1001, 1002, 1007, 1008, 1011, CLOSE_STALLED)


@dataclass(frozen=True)
class Channel:
    """A socket, or the stream of events.

    `errors` are (code, close code) of its error messages, None for one that leaves the connection open. `closes` are
    the close codes that come without such a message.
    """

    name: str
    address: str
    title: str
    text: str
    parameters: tuple[Parameter, ...]
    sends: Messages
    takes: Messages
    errors: tuple[tuple[str, int | None], ...]
    closes: tuple[int, ...]
    limits: tuple[str, ...]
    protocol: str = "ws"
    has_token: bool = False

    @property
    def codes(self) -> list[str]:
        """The codes of its errors."""
        return sorted({code for code, _ in self.errors})

    def schemas(self) -> Messages:
        """What it sends, its errors too."""
        return {**self.sends, "error": messages.error_of(self.codes)} if self.errors else self.sends


_REFUSALS = (
    ("bad_parameter", CLOSE_BAD_PARAMETER),
    ("unknown_symbol", CLOSE_NOT_FOUND),
    ("too_many_connections", CLOSE_LIMIT),
    ("too_many_options", CLOSE_LIMIT),
    ("too_many_replays", CLOSE_LIMIT),
    ("unavailable", CLOSE_UNAVAILABLE),
)

STREAM_SOCKET = Channel(
    "stream",
    "/ws/stream",
    "The live stream, or a replay",
    "Public, and any Origin may connect. A client that only connects and listens gets the newest of each kind, then "
    "everything new. With `encoding=zstd` each message is one zstd frame.",
    STREAM,
    messages.STREAM_SENDS,
    messages.STREAM_TAKES,
    (
        *_REFUSALS,
        ("not_found", CLOSE_NOT_FOUND),
        ("rate_limited", CLOSE_LIMIT),
        ("message_too_large", CLOSE_TOO_LARGE),
        ("bad_command", None),
    ),
    (1000, *_OF_ANY_SOCKET),
    (
        "20 messages a second over time are read, 100 at once, of 4 KiB each.",
        "`IG_MAX_CONNECTIONS` sockets of a process, `IG_MAX_CONNECTIONS_PER_ADDRESS` of an address.",
        "A client that reads nothing for `IG_STALL_SECONDS` is cut off; one that reads slowly is told gaps.",
    ),
)

_JSON_ALONE = query("encoding", one_of(("json",), default="json"), "Events are JSON.")

EVENTS = Channel(
    "events",
    "/stream",
    "The same as server-sent events",
    "`event` is the type of the message, `data` the message. `id` is a position: a browser sends the last one as "
    "`Last-Event-ID` and misses nothing. A silent stream has a comment every 15 s.",
    tuple(_JSON_ALONE if one["name"] == "encoding" else one for one in STREAM),
    messages.EVENTS_SENDS,
    {},
    tuple((code, None) for code, close in _REFUSALS if close in (CLOSE_LIMIT, CLOSE_UNAVAILABLE)),
    (),
    ("Those of `/ws/stream`, with the same counts.", "An error that is not to be repeated is an answer in JSON."),
    "http",
)

_PART = (
    query("replay", TEXT, "`T0..T1` or `T0..`, in milliseconds or by ISO 8601: the past of what CONNECT asks for."),
    query("speed", TEXT, "Market seconds a second; 0 is as fast as the client reads."),
)

BAR_FEED = Channel(
    "marketData",
    "/market_data",
    "Bars as they close",
    "Public. The client sends CONNECT; messages are flat objects.",
    _PART,
    messages.FEED_SENDS,
    messages.FEED_TAKES,
    (),
    (*_OF_ANY_SOCKET, CLOSE_TOO_LARGE, CLOSE_LIMIT, CLOSE_UNAVAILABLE),
    (
        "20 messages a second over time are read, 100 at once, of 64 KiB each.",
        "It shares the limits of connections with the stream. A replay has at most 64 pairs.",
    ),
)

SUBSCRIBE_SOCKET = Channel(
    "subscribe",
    "/api/v1/websocket",
    "Prices, states, progress and alerts",
    "With a token, in the header, as a subprotocol (`bearer`, then the token) or as `?token=`.",
    (query("token", TEXT, "The token, where nothing else can be set; proxies may log it."),),
    messages.SUBSCRIBE_SENDS,
    messages.SUBSCRIBE_TAKES,
    (
        ("invalid_message_format", None),
        ("unsupported_message_type", None),
        ("unknown_channel", None),
        ("unknown_symbol", None),
        ("too_many_subscriptions", None),
        ("too_many_replays", None),
        ("no_replay", None),
        ("rate_limited", None),
        ("rate_limited", CLOSE_LIMIT),
        ("too_many_connections", CLOSE_LIMIT),
        ("authentication_failed", CLOSE_UNAUTHORIZED),
        ("insufficient_scope", CLOSE_FORBIDDEN),
        ("too_slow", CLOSE_STALLED),
        ("unavailable", None),
        ("unavailable", CLOSE_TRY_LATER),
        ("message_too_large", CLOSE_TOO_LARGE),
    ),
    _OF_ANY_SOCKET,
    (
        "`IG_API_MESSAGES_A_SECOND` messages are read in any one second, of 64 KiB each.",
        "`IG_API_CONNECTIONS` connections, `IG_API_SUBSCRIPTIONS` subscriptions of each, 4 replays of each under way.",
        "A client without subscription and message for `IG_API_IDLE_SECONDS` is closed.",
    ),
    has_token=True,
)

CHANNELS = (STREAM_SOCKET, EVENTS, BAR_FEED, SUBSCRIBE_SOCKET)


def query_schema(channel: Channel) -> Schema:
    """The query of a channel's address as one object."""
    told = {one["name"]: {**one["schema"], "description": one["description"]} for one in channel.parameters}
    return {"type": "object", "properties": told}
