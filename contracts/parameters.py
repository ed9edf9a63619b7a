"""The parameters of HTTP paths. Bounds are those of the parsers; `tests/contracts` asks a server for both ends."""

from __future__ import annotations

from typing import Any

from alerts.views import MOST_ALERTS
from backtests.models import STATUSES
from backtests.views import MOST_LISTED
from bars.making.resolutions import PERIOD_MS
from bars.views import MOST_BARS
from contracts.bodies import STORE_ID
from contracts.schemas import TEXT, Schema, integer, one_of
from exports.views import FORMATS
from market.tick_message import MOST_NAME_CHARACTERS
from marketcamera.tables.columns import TABLES
from recorder.segment.layout import KINDS, SYMBOL_PATTERN
from streaming.http.agents import MOST_AGENTS
from streaming.http.manifests import MOST_ENTRIES
from streaming.http.overview import MOST_POINTS, POINTS
from streaming.http.segments import FORMS
from streaming.http.views import MOST_TICKS
from streaming.options import ENCODINGS, FIELDS, LARGEST_BATCH
from streaming.past.request import LEAST_SPEED, MOST_SPEED
from streaming.protocol import KINDS as MESSAGES
from streaming.protocol import LARGEST_T
from structure.measures import MEASURES

Parameter = dict[str, Any]

#: As many digits of a number as are read.
MOST_DIGITS = 18
_LARGEST = 10**MOST_DIGITS - 1


def query(name: str, schema: Schema, text: str, **more: Any) -> Parameter:
    return {"name": name, "in": "query", "description": text, "schema": schema, **more}


def in_path(name: str, schema: Schema, text: str) -> Parameter:
    return {"name": name, "in": "path", "required": True, "description": text, "schema": schema}


def header(name: str, text: str) -> Parameter:
    return {"name": name, "in": "header", "description": text, "schema": TEXT}


def limit(default: int, most: int, text: str) -> Parameter:
    """A limit of which more than the most counts as the most."""
    return query("limit", integer(1, _LARGEST, default=default), f"{text} More than {most:,} counts as {most:,}.")


def some_of(name: str, known: Any, text: str) -> Parameter:
    """A list of some of these names, separated by commas."""
    schema = {"type": "array", "items": one_of(known), "minItems": 1}
    return query(name, schema, text, style="form", explode=False)


SYMBOL_SCHEMA: Schema = {"type": "string", "pattern": f"^{SYMBOL_PATTERN.pattern}$"}
_LATEST_MS = 10**16 - 1
_MOMENT: Schema = {
    "oneOf": [integer(-_LATEST_MS, _LATEST_MS), {"type": "string", "format": "date-time"}],
    "description": "Milliseconds since 1970, or a time by ISO 8601 (UTC by default).",
}
_T = integer(0, LARGEST_T)

SYMBOL = query("symbol", SYMBOL_SCHEMA, "The market; the server's own (`IG_SYMBOL`) by default.")
STORE = query("store", STORE_ID, "The recording in which t is a position.")
T0 = query("t0", _T, "The first t; that of the recording by default.")
T1 = query("t1", _T, "The last t; the newest by default. Not below `t0`.")
FROM_T = query(
    "from_t",
    integer(-1, LARGEST_T, default=0),
    "Ticks with t > from_t: 0, the default, is behind the first tick; -1 begins with it.",
)
AFTER_T = query(
    "after_t", integer(-1, LARGEST_T), "Segments that reach beyond it, and pending ones. Not with before_t."
)
BEFORE_T = query("before_t", integer(-1, LARGEST_T), "The last segments that begin before it. Not with after_t.")
KIND = query("kind", one_of(KINDS, default="ticks"), "The kind of messages.")
KIND_OR_ALL = query("kind", one_of((*KINDS, "all"), default="ticks"), "The kind of messages, or all of them.")
KIND_OF_NAME = query("kind", one_of(KINDS), "The kind; by default the first that has or had such a segment.")
POINTS_WANTED = query("points", integer(1, MOST_POINTS, default=POINTS), "At most so many buckets.")
MEASURES_WANTED = some_of("measures", MEASURES, "Only these measures; all by default.")
TICKS_LIMIT = limit(1000, MOST_TICKS, "At most so many ticks.")
ENTRIES_LIMIT = limit(MOST_ENTRIES, MOST_ENTRIES, "At most so many segments.")
AGENTS_LIMIT = limit(100, MOST_AGENTS, "At most so many agents; 1,000 by default with `ids`.")
AGENTS_PART = query("q", {"type": "string", "maxLength": MOST_NAME_CHARACTERS}, "Names that contain this, in any case.")
AGENTS_IDS = query(
    "ids",
    {"type": "array", "items": integer(0, 10**16 - 1), "minItems": 1, "maxItems": MOST_AGENTS},
    "Ids, separated by commas.",
    style="form",
    explode=False,
)
FORM = query("format", one_of(FORMS, default="zst"), "The file, its verified lines, or where reading may begin.")
OF = query("of", TEXT, "The SHA-256 of the content that is meant; another one is a 409.")
TABLE = query("kind", one_of(TABLES, default="ticks"), "The table.")
TABLE_FORMAT = query("format", one_of(FORMATS, default="parquet"), "The format.")
TABLE_RESOLUTION = query("resolution", one_of(PERIOD_MS), "Of `kind=bars` alone, `1m` by default.")
RESOLUTION = query("resolution", one_of(PERIOD_MS, default="1m"), "The length of a bar.")
FROM = query("from", _MOMENT, "Bars that begin then or later.")
TO = query("to", _MOMENT, "Bars that end by then. Not before `from`.")
BARS_LIMIT = query("limit", integer(1, MOST_BARS, default=1000), "With `from` the first, otherwise the last so many.")
ACTIVE = query("active", one_of(("0", "1"), default="0"), "1: only alerts that have not cleared.")
ALERTS_LIMIT = query("limit", integer(1, MOST_ALERTS, default=100), "The newest so many.")
BACKTESTS_LIMIT = query("limit", integer(1, MOST_LISTED, default=20), "The newest so many.")
STATUS = query("status", one_of(STATUSES), "Only those with this status.")

KIND_IN_PATH = in_path("kind", one_of(KINDS), "The kind of messages.")
NAME_IN_PATH = in_path("name", TEXT, "`segment_<YYYYMMDD_HHMMSS>_<t>[_pending].jsonl.zst`, as the lists name it.")
BACKTEST_IN_PATH = in_path("backtest_id", TEXT, "As POST gave it.")

LANGUAGE = query("lang", TEXT, "`en` or `zh-hans`, which a cookie keeps; by default as the browser prefers.")
IF_NONE_MATCH = header("If-None-Match", "The ETag of the answer that the client has.")
RANGE = header("Range", "One range of bytes; anything else is answered with the whole file.")
IF_RANGE = header("If-Range", "The ETag of which the range is; of another one the whole file is sent.")
IF_MATCH = header("If-Match", "The ETag that is meant; of another one the answer is 412.")
LAST_EVENT_ID = header("Last-Event-ID", "The id of the last event; it counts before `since` and `store`.")

#: Those of a stream, on a socket and over HTTP.
STREAM = (
    some_of("types", MESSAGES, "Only these types; by default those in `IG_STREAM_TYPES`, which are all by default."),
    query("every", integer(1, 1_000_000_000, default=1), "Ticks and metrics with `t % every == 0`."),
    query(
        "batch", integer(1, LARGEST_BATCH), "Ticks, and metrics, as JSON arrays that end where `t // batch` changes."
    ),
    some_of("fields", FIELDS, "Of a tick only these lists; empty for none of them.") | {"allowEmptyValue": True},
    query("since", integer(-1, LARGEST_T), "Resume: everything with t > since, then `caught_up`, then live."),
    query("store", STORE_ID, "With `since` or `replay`: the recording in which they are positions."),
    query("replay", TEXT, "`T0..T1` or `T0..`, each a t or a time by ISO 8601: the past. Not together with since."),
    query("speed", {"type": "number", "minimum": 0, "maximum": MOST_SPEED}, f"Of a replay: 0, or from {LEAST_SPEED}."),
    query("encoding", one_of(ENCODINGS, default="json"), "`zstd`: binary messages, on sockets alone."),
    SYMBOL,
)

#: Those that more than one path has; the document names each once.
SHARED = {
    "symbol": SYMBOL,
    "store": STORE,
    "t0": T0,
    "t1": T1,
    "afterT": AFTER_T,
    "beforeT": BEFORE_T,
    "entriesLimit": ENTRIES_LIMIT,
    "points": POINTS_WANTED,
    "language": LANGUAGE,
    "format": FORM,
    "of": OF,
    "segmentName": NAME_IN_PATH,
    "kindInPath": KIND_IN_PATH,
    "ifNoneMatch": IF_NONE_MATCH,
    "ifRange": IF_RANGE,
    "ifMatch": IF_MATCH,
    "range": RANGE,
    "backtestId": BACKTEST_IN_PATH,
}
