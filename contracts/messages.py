"""The messages of the sockets and of events, by channel and name."""

from __future__ import annotations

from alerts.models import LEVELS
from api_socket.protocol import CHANNELS
from bars.feed.protocol import MOST_NAMES
from bars.making.resolutions import PERIOD_MS
from contracts.bodies import REASONS, STORE_ID, T
from contracts.parameters import SYMBOL_SCHEMA
from contracts.schemas import (
    BOOLEAN,
    COUNT,
    NUMBER,
    TEXT,
    Schema,
    array,
    described,
    integer,
    nullable,
    one_of,
    record,
    ref,
)
from exports.message_schemas import SCHEMAS
from streaming.past.commands import COMMANDS
from streaming.past.request import MOST_SPEED
from streaming.protocol import KINDS, LARGEST_T

Messages = dict[str, Schema]

_SPEED: Schema = {"type": "number", "minimum": 0, "maximum": MOST_SPEED}
_MS: Schema = {"type": "integer", "description": "Milliseconds since 1970."}
_UNIX: Schema = {"type": "number", "description": "Unix seconds."}
#: A moment as a client says it: milliseconds, or a time by ISO 8601.
_MOMENT: Schema = {"type": ["integer", "string"], "description": "Milliseconds since 1970, or a time by ISO 8601."}
_PLACE: Schema = {"type": ["integer", "string"], "description": "A t, or a time by ISO 8601."}
_REPLAY: Schema = record({"from": _MOMENT}, to=nullable(_MOMENT), speed=_SPEED)


def _typed(name: str, text: str, required: dict[str, Schema] | None = None, **optional: Schema) -> Schema:
    return {"description": text, **record({"type": {"const": name}, **(required or {})}, **optional)}


def error_of(codes: list[str]) -> Schema:
    return _typed(
        "error", "Something is refused; some errors end the connection.", {"error": one_of(codes), "detail": TEXT}
    )


_TICK: Schema = {
    "description": "A tick; with `fields` only these of its lists.",
    **{name: part for name, part in SCHEMAS["tick"].items() if name not in ("$schema", "title")},
    "required": ["type", "t", "ts", "s"],
}

_RECORDED: Messages = {
    "tick": _TICK,
    "metric": described(ref("Metric"), "The figures of a tick."),
    "frame": described(ref("Frame"), "The structure of a window of ticks."),
    "gap": _typed(
        "gap",
        "Messages of a kind with `from_t <= t <= to_t` are missing.",
        {"kind": one_of(KINDS), "from_t": T, "to_t": integer(-1, LARGEST_T), "reason": one_of(REASONS)},
        store=STORE_ID,
    ),
    "caught_up": _typed("caught_up", "What follows is live.", {"t": integer(-1, LARGEST_T)}, store=STORE_ID),
    "replay_end": _typed("replay_end", "The replay has ended.", {"t": integer(-1, LARGEST_T)}),
}

STREAM_SENDS: Messages = {
    **_RECORDED,
    "ticks": described(array(_TICK), "With `batch`: ticks in one array."),
    "metrics": described(array(ref("Metric")), "With `batch`: metrics in one array."),
    "heartbeat": _typed("heartbeat", "Nothing else was sent for 30 s.", {"t": integer(-1, LARGEST_T)}),
    "pong": _typed("pong", "The answer to a ping."),
    "replay": _typed("replay", "The answer to a command.", {"t": T, "speed": _SPEED, "paused": BOOLEAN}),
}

STREAM_TAKES: Messages = {
    "ping": {"oneOf": [{"const": "ping"}, _typed("ping", "The same as an object.")], "description": "Asks for a pong."},
    **{
        name: _typed(name, text, required, **optional)
        for name, text, required, optional in (
            (COMMANDS[0], "Of a replay: send nothing more.", {}, {}),
            (COMMANDS[1], "Of a replay: go on.", {}, {"speed": nullable(_SPEED)}),
            (COMMANDS[2], "Of a replay: go on at another place.", {"t": _PLACE}, {}),
        )
    },
}

EVENTS_SENDS: Messages = {
    **_RECORDED,
    "ticks": STREAM_SENDS["ticks"],
    "metrics": STREAM_SENDS["metrics"],
}

_NAMES: Schema = {
    "type": ["array", "string"],
    "items": TEXT,
    "minItems": 1,
    "maxItems": MOST_NAMES,
    "description": "Names, or the one name as text.",
}

FEED_TAKES: Messages = {
    "CONNECT": _typed(
        "CONNECT",
        "Subscribe to symbols × resolutions, in place of what was subscribed to.",
        {"symbols": _NAMES, "resolutions": _NAMES},
        request_id={"type": ["string", "integer"]},
        history=integer(0, 1000, default=0),
        history_end={"type": ["boolean", "null"], "default": False},
        replay=nullable(_REPLAY),
        csrf_token=described(TEXT, "`IG_FEED_TOKEN`, if that is set."),
        market_type={},
    ),
    "PAUSE": _typed("PAUSE", "Of a replay: send nothing more."),
    "PLAY": _typed("PLAY", "Of a replay: go on.", speed=nullable(_SPEED)),
    "SEEK": _typed("SEEK", "Of a replay: go on at another moment.", {"time": _MOMENT}),
}

_DECIMAL: Schema = {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]+$"}

FEED_SENDS: Messages = {
    "CONNECTED": _typed(
        "CONNECTED",
        "The answer to CONNECT; names are separated by commas.",
        {"symbols": TEXT, "resolutions": TEXT},
        request_id={"type": ["string", "integer"]},
        stores=described(TEXT, "The id of the recording of each of `symbols`; nothing for one that is unknown."),
        history_end=described(BOOLEAN, "`HISTORY_END` follows, since CONNECT asked for it."),
        unknown_symbols=TEXT,
        unknown_resolutions=TEXT,
    ),
    "BAR": _typed(
        "BAR",
        "A bar that has closed.",
        {
            "symbol": TEXT,
            "timeframe": one_of(PERIOD_MS),
            "open_time": _MS,
            "close_time": _MS,
            **dict.fromkeys(("open", "high", "low", "close", "volume"), _DECIMAL),
        },
    ),
    "HISTORY_END": _typed("HISTORY_END", "The past bars that CONNECT asked for are all sent."),
    "ERROR": _typed("ERROR", "CONNECT is refused, and nothing is subscribed to.", {"message": TEXT}),
    "REPLAY": _typed(
        "REPLAY", "The answer to a command.", {"time": _MS, "speed": _SPEED, "paused": BOOLEAN}, refused=TEXT
    ),
    "REPLAY_END": _typed("REPLAY_END", "All bars of the replay were sent.", {"time": _MS}),
    "CAUGHT_UP": _typed("CAUGHT_UP", "What follows is live.", {"time": _MS}),
    "GAP": _typed(
        "GAP",
        "Ticks that no bar has, or the market has another recording.",
        {"symbol": TEXT, "time": _MS, "reason": one_of(("lost", "store_changed"))},
        from_t=T,
        to_t=T,
        store=STORE_ID,
    ),
}

_CHANNEL: Schema = one_of(CHANNELS)
_SYMBOL: Schema = nullable(SYMBOL_SCHEMA)
_OF_PRICES: dict[str, Schema] = {"channel": {"const": "market_data"}}


def _topic(name: str, text: str, required: dict[str, Schema] | None = None, **optional: Schema) -> Schema:
    return _typed(name, text, {"channel": _CHANNEL, **(required or {})}, symbol=_SYMBOL, **optional)


SUBSCRIBE_TAKES: Messages = {
    "subscribe": _topic(
        "subscribe", "Subscribe to a channel, of one symbol or of all.", params=nullable(record({}, replay=_REPLAY))
    ),
    "unsubscribe": _topic("unsubscribe", "End a subscription."),
    "ping": _typed("ping", "Asks for a pong.", timestamp={"type": ["number", "string", "null"]}),
    "pause": _topic("pause", "Of a replay: send nothing more."),
    "play": _topic("play", "Of a replay: go on.", speed=nullable(_SPEED)),
    "seek": _topic("seek", "Of a replay: go on at another moment.", {"time": _MOMENT}),
}


def _of_replay(name: str, text: str, required: dict[str, Schema], **optional: Schema) -> Schema:
    return _typed(
        name, text, {**_OF_PRICES, "symbol": _SYMBOL, "data": record({"timestamp": _UNIX, **required}, **optional)}
    )


SUBSCRIBE_SENDS: Messages = {
    **{
        name: _typed(name, f"The answer to {name[:-1]}.", {"channel": _CHANNEL, "symbol": _SYMBOL, "data": record({})})
        for name in ("subscribed", "unsubscribed")
    },
    "pong": _typed("pong", "The answer to a ping.", {"timestamp": {"type": ["number", "string", "null"]}}),
    "market_data": _typed(
        "market_data",
        "A price, and the figures of its day.",
        {
            "symbol": TEXT,
            "data": record(
                {"timestamp": _UNIX, **dict.fromkeys(("price", "open", "high", "low", "volume"), NUMBER)},
            ),
        },
    ),
    "agent_status": _typed(
        "agent_status",
        "How a component is.",
        {
            "agent_id": TEXT,
            "symbol": _SYMBOL,
            "data": record(
                {
                    "status": one_of(("running", "stopped", "lost", "silent", "not_recording")),
                    "cpu_usage": described(nullable(NUMBER), "Percent of a core."),
                    "memory_usage": described(nullable(NUMBER), "MiB."),
                    "task_queue_size": nullable(COUNT),
                    "last_update": _UNIX,
                }
            ),
        },
    ),
    "backtest_progress": _typed(
        "backtest_progress",
        "How far a backtest is; also sent at its end.",
        {
            "backtest_id": TEXT,
            "data": record(
                {
                    "progress": NUMBER,
                    "current_date": {"type": "string", "format": "date"},
                    "total_days": COUNT,
                    "completed_days": COUNT,
                    "estimated_remaining": described(COUNT, "Seconds."),
                }
            ),
        },
    ),
    "alerts": _typed(
        "alerts",
        "Something is wrong, or well again.",
        {"data": record({"level": one_of(LEVELS), "message": TEXT, "timestamp": _UNIX, "source": TEXT})},
    ),
    "replay": _of_replay("replay", "The answer to a command.", {"speed": _SPEED, "paused": BOOLEAN}),
    "replay_end": _of_replay("replay_end", "The replay has ended.", {}),
    "caught_up": _of_replay("caught_up", "What follows is live.", {}),
    "gap": _of_replay(
        "gap",
        "Ticks that no price covers, or the market has another recording.",
        {"reason": one_of(("lost", "store_changed"))},
        from_t=T,
        to_t=T,
        store=STORE_ID,
    ),
}
