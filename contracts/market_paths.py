"""The HTTP paths of the stream, of prices, and of what needs a token."""

from __future__ import annotations

from backtests.engine.engine import DEFAULT_CASH, DEFAULT_FEE
from backtests.request import DEFAULT_RESOLUTION, MOST_CASH
from bars.making.resolutions import PERIOD_MS
from contracts import parameters as p
from contracts.answers import RECORDING, answer, json_answer
from contracts.operations import ACCOUNT, MARKET, operation
from contracts.operations import RECORDING as RECORDED
from contracts.paths import Paths
from contracts.schemas import TEXT, Schema, one_of, record

_MARKET = ("bad_parameter", "unknown_symbol")
_MOMENT: Schema = {"oneOf": [{"type": "integer", "minimum": 0}, {"type": "string", "format": "date-time"}]}

_ASKED: Schema = record(
    {"strategy": TEXT, "from": _MOMENT, "to": _MOMENT},
    symbol=p.SYMBOL_SCHEMA,
    resolution=one_of(PERIOD_MS, default=DEFAULT_RESOLUTION),
    cash={"type": "number", "exclusiveMinimum": 0, "maximum": MOST_CASH, "default": DEFAULT_CASH},
    fee={"type": "number", "minimum": 0, "exclusiveMaximum": 1, "default": DEFAULT_FEE},
    params={"type": "object", "description": "Parameters of the strategy."},
)

_TABLES = {
    "application/vnd.apache.parquet": {},
    "application/vnd.apache.arrow.stream": {},
    "text/csv; charset=utf-8": {"schema": TEXT},
}

_PUBLIC: Paths = {
    "/stream": {
        "get": operation(
            "getStream",
            RECORDED,
            "The live stream, or a replay, as server-sent events.",
            {
                200: answer(
                    "Events; their messages are in the AsyncAPI document.",
                    "text/event-stream; charset=utf-8",
                    TEXT,
                    RECORDING,
                ),
                204: answer("The replay that `Last-Event-ID` is of has ended; a browser stops."),
            },
            parameters=(*p.STREAM, p.LAST_EVENT_ID),
            errors_of_its_own=(*_MARKET, "too_many_options", "too_many_replays"),
            text="Here an unknown or repeated parameter is an error. If `Accept` names `text/event-stream`, an error "
            "that passes (429, 503) is a stream with an `error` event, since a browser gives up at any other status.",
        )
    },
    "/export": {
        "get": operation(
            "getTable",
            RECORDED,
            "A range of the recording as a table.",
            {200: {**answer("The table.", headers=("Content-Disposition", "Gap", *RECORDING)), "content": _TABLES}},
            parameters=(p.SYMBOL, p.TABLE, p.TABLE_FORMAT, p.TABLE_RESOLUTION, p.T0, p.T1, p.STORE),
            errors_of_its_own=(*_MARKET, "store_changed", "unreadable", "not_installed"),
        )
    },
    "/api/v1/bars": {
        "get": operation(
            "getBars",
            MARKET,
            "Closed bars of a market, oldest first.",
            {200: json_answer("The bars, and ticks of their time that none of them includes.", "Bars", RECORDING)},
            parameters=(p.SYMBOL, p.RESOLUTION, p.FROM, p.TO, p.BARS_LIMIT),
            errors_of_its_own=_MARKET,
        )
    },
    "/realism": {
        "get": operation(
            "getRealism",
            MARKET,
            "The stylised facts of a market's returns, beside those of real markets.",
            {200: json_answer("Eight facts for each horizon.", "Realism")},
            parameters=(p.SYMBOL, p.T0, p.T1),
            errors_of_its_own=_MARKET,
        )
    },
}

_WITH_TOKEN: Paths = {
    "/api/v1/alerts": {
        "get": operation(
            "getAlerts",
            ACCOUNT,
            "The newest alerts, newest first.",
            {200: json_answer("The alerts.", "Alerts")},
            parameters=(p.ACTIVE, p.ALERTS_LIMIT),
            errors_of_its_own=("bad_parameter",),
        )
    },
    "/api/v1/backtests": {
        "get": operation(
            "getBacktests",
            ACCOUNT,
            "The newest backtests, newest first.",
            {200: json_answer("The backtests.", "Backtests")},
            parameters=(p.BACKTESTS_LIMIT, p.STATUS),
            errors_of_its_own=("bad_parameter",),
        ),
        "post": operation(
            "startBacktest",
            ACCOUNT,
            "Play recorded bars through a strategy.",
            {202: json_answer("It is queued.", "BacktestQueued")},
            body=_ASKED,
            errors_of_its_own=("bad_parameter", "unknown_symbol", "too_many_backtests"),
            at={"unknown_symbol": 400},
            text="A null counts as absent, and unknown fields are ignored.",
        ),
    },
    "/api/v1/backtests/{backtest_id}": {
        "get": operation(
            "getBacktest",
            ACCOUNT,
            "A backtest, and its result once it is done.",
            {200: json_answer("The backtest.", "Backtest")},
            parameters=(p.BACKTEST_IN_PATH,),
            errors_of_its_own=("unknown_backtest", "not_found"),
        ),
        "delete": operation(
            "cancelBacktest",
            ACCOUNT,
            "Cancel a queued or running backtest.",
            {200: json_answer("Its present state; a finished one stays as it is.", "Backtest")},
            parameters=(p.BACKTEST_IN_PATH,),
            errors_of_its_own=("unknown_backtest", "not_found"),
        ),
    },
}

PATHS: Paths = {**_PUBLIC, **_WITH_TOKEN}
