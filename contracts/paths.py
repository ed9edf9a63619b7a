"""Every HTTP path outside the admin."""

from __future__ import annotations

from contracts import parameters as p
from contracts.answers import RECORDING, answer, json_answer, unchanged
from contracts.operations import HTML, PAGES, STATE, Operation, of_page, operation
from contracts.operations import RECORDING as RECORDED
from contracts.schemas import TEXT, ref
from streaming.protocol import FIRST_T_HEADER, STORE_HEADER

Paths = dict[str, dict[str, Operation]]

_MARKET = ("bad_parameter", "unknown_symbol")
_TAGGED = ("ETag", *RECORDING)
_LISTED = ("ETag", FIRST_T_HEADER, *RECORDING)
_FILE = ("ETag", "Last-Modified", "Accept-Ranges", "Content-Disposition")
_OF_PAGE = ("Content-Language",)
_NDJSON = "application/x-ndjson"
_BYTES = "application/octet-stream"

_LINES = {"type": "string", "description": "One message a line, in the order of t; gap lines for what is missing."}


def _page(name: str, summary: str) -> Operation:
    told = {200: answer("The page.", HTML, TEXT, _OF_PAGE)}
    return operation(
        name, PAGES, summary, told, parameters=(p.SYMBOL, p.LANGUAGE), errors_of_its_own=_MARKET, text=_PAGE_ERRORS
    )


_PAGE_ERRORS = "To a browser (`Accept` names `text/html`) an error is a page of the same status."

_PAGES: Paths = {
    "/": {
        "get": operation(
            "getIndex",
            PAGES,
            "The live page for a browser, otherwise a description of the server.",
            {
                200: json_answer("The description; the page if `Accept` names `text/html`.", "Description"),
            },
            parameters=(p.SYMBOL, p.LANGUAGE),
            errors_of_its_own=_MARKET,
            text=_PAGE_ERRORS,
        )
    },
    "/live/": {"get": _page("getLive", "The page, open at the present.")},
    "/replay/": {"get": _page("getReplay", "The page, open in the past.")},
    "/docs/": {
        "get": operation(
            "getDocs",
            PAGES,
            "This reference as a page.",
            {200: answer("The page.", HTML, TEXT, _OF_PAGE)},
            parameters=(p.LANGUAGE,),
        )
    },
    "/openapi.json": {
        "get": operation(
            "getOpenApi",
            PAGES,
            "The HTTP paths as OpenAPI 3.1.",
            {200: answer("The document.", "application/json", {"type": "object"}, ("ETag",)), 304: unchanged()},
            parameters=(p.IF_NONE_MATCH,),
        )
    },
    "/asyncapi.json": {
        "get": operation(
            "getAsyncApi",
            PAGES,
            "The sockets and events as AsyncAPI 3.",
            {200: answer("The document.", "application/json", {"type": "object"}, ("ETag",)), 304: unchanged()},
            parameters=(p.IF_NONE_MATCH,),
        )
    },
    "/favicon.ico": {
        "get": operation("getIcon", PAGES, "The icon.", {301: answer("Where it is.", HTML, TEXT, ("Location",))})
    },
}
for _path in ("/", "/live/", "/replay/"):
    of_page(_PAGES[_path]["get"])

_STATE: Paths = {
    "/health": {
        "get": operation(
            "getHealth",
            STATE,
            "How a market is.",
            {
                200: json_answer("It streams, or is not meant to run.", "Health"),
                503: answer(
                    "A running pipeline is silent, dead, or sends nothing to this process; or an error.",
                    "application/json",
                    {"oneOf": [ref("Health"), ref("Error")]},
                ),
            },
            parameters=(p.SYMBOL,),
            errors_of_its_own=_MARKET,
            text="Always answered, however many requests are under way.",
        )
    },
    "/healthz/live": {
        "get": operation("getAlive", STATE, "Whether the process answers.", {200: json_answer("It does.", "Probe")})
    },
    "/healthz/ready": {
        "get": operation(
            "getReady",
            STATE,
            "Whether clients do well at this process.",
            {
                200: json_answer("They do.", "Probe"),
                503: answer(
                    "The stream of a market failed in this process; or an error.",
                    "application/json",
                    {"oneOf": [ref("Probe"), ref("Error")]},
                ),
            },
        )
    },
    "/metrics": {
        "get": operation(
            "getMetrics",
            STATE,
            "Counters and gauges for Prometheus.",
            {200: answer("The text format of Prometheus.", "text/plain; version=1.0.0; charset=utf-8", TEXT)},
        )
    },
    "/disk": {
        "get": operation(
            "getDisk",
            STATE,
            "Disk use, totals per kind, and whether a clean-up is due.",
            {200: json_answer("Of all markets, or of the one that is named.", "Disk")},
            parameters=(p.SYMBOL,),
            errors_of_its_own=_MARKET,
        )
    },
}

_MESSAGES: Paths = {
    "/incremental": {
        "get": operation(
            "getTicks",
            RECORDED,
            "A page of ticks after a t.",
            {200: json_answer("The ticks. To go on, set `from_t` to the last t.", "TickPage", RECORDING)},
            parameters=(p.SYMBOL, p.FROM_T, p.TICKS_LIMIT, p.STORE),
            errors_of_its_own=_MARKET,
            text="A page ends before a second gap, so it can have fewer ticks than `limit`.",
        )
    },
    "/range": {
        "get": operation(
            "getRange",
            RECORDED,
            "The messages of a range of t, byte for byte.",
            {200: answer("Each line is a `Tick`, `Metric`, `Frame` or `GapLine`.", _NDJSON, _LINES, RECORDING)},
            parameters=(p.SYMBOL, p.KIND, p.T0, p.T1, p.STORE),
            errors_of_its_own=_MARKET,
        )
    },
    "/gaps": {
        "get": operation(
            "getGaps",
            RECORDED,
            "The ranges of t that no segment of ticks holds; the last 1,000.",
            {200: json_answer("In order of t.", "Gaps")},
            parameters=(p.SYMBOL,),
            errors_of_its_own=_MARKET,
        )
    },
    "/overview": {
        "get": operation(
            "getOverview",
            RECORDED,
            "Any range of the recording in a few hundred buckets, with its gaps, runs and events.",
            {200: json_answer("The sums.", "Overview", _TAGGED), 304: unchanged(_TAGGED)},
            parameters=(p.SYMBOL, p.T0, p.T1, p.POINTS_WANTED, p.IF_NONE_MATCH),
            errors_of_its_own=_MARKET,
        )
    },
    "/structure": {
        "get": operation(
            "getStructure",
            RECORDED,
            "The measures of frames of a range.",
            {200: json_answer("Each frame, or buckets of many.", "Structure", _TAGGED), 304: unchanged(_TAGGED)},
            parameters=(p.SYMBOL, p.T0, p.T1, p.POINTS_WANTED, p.MEASURES_WANTED, p.IF_NONE_MATCH),
            errors_of_its_own=_MARKET,
        )
    },
    "/agents": {
        "get": operation(
            "getAgents",
            RECORDED,
            "The named agents of a market, by id.",
            {
                200: json_answer("The agents; `more` says that further ones match.", "Agents", ("ETag", STORE_HEADER)),
                304: unchanged(("ETag", STORE_HEADER)),
            },
            parameters=(p.SYMBOL, p.AGENTS_PART, p.AGENTS_IDS, p.AGENTS_LIMIT, p.IF_NONE_MATCH),
            errors_of_its_own=_MARKET,
        )
    },
}

_OF_SEGMENT = (p.FORM, p.OF, p.SYMBOL, p.RANGE, p.IF_RANGE, p.IF_MATCH, p.IF_NONE_MATCH)
_SEGMENT_ERRORS = (
    *_MARKET,
    *("unknown_segment", "segment_removed", "not_found", "other_content"),
    *("precondition_failed", "range_not_satisfiable"),
)


def _segment(name: str, summary: str, where: tuple[p.Parameter, ...], codes: tuple[str, ...] = ()) -> Operation:
    told = {
        200: {
            **answer("The file; with `format` its lines or its seek points.", _BYTES, None, _FILE),
        },
        206: answer("A part of the file.", _BYTES, None, (*_FILE, "Content-Range")),
        304: unchanged(("ETag", "Last-Modified", "Accept-Ranges")),
    }
    told[200]["content"] |= {_NDJSON: {"schema": _LINES}, "application/json": {"schema": ref("SeekPoints")}}
    return operation(
        name, RECORDED, summary, told, parameters=(*where, *_OF_SEGMENT), errors_of_its_own=(*_SEGMENT_ERRORS, *codes)
    )


_SEGMENTS: Paths = {
    "/segments": {
        "get": operation(
            "getSegments",
            RECORDED,
            "The finished segments of a kind, or of all, oldest first.",
            {200: json_answer("One entry a line.", "Segments", _LISTED), 304: unchanged(_LISTED)},
            parameters=(p.SYMBOL, p.KIND_OR_ALL, p.AFTER_T, p.BEFORE_T, p.ENTRIES_LIMIT, p.IF_NONE_MATCH),
            errors_of_its_own=_MARKET,
        )
    },
    "/manifest/{kind}": {
        "get": operation(
            "getManifest",
            RECORDED,
            "What can be fetched of a kind, the pending segment last.",
            {200: json_answer("One entry a line.", "Segments", _LISTED), 304: unchanged(_LISTED)},
            parameters=(p.KIND_IN_PATH, p.SYMBOL, p.AFTER_T, p.BEFORE_T, p.ENTRIES_LIMIT, p.IF_NONE_MATCH),
            errors_of_its_own=(*_MARKET, "unknown_kind", "not_found"),
        )
    },
    "/segment/{kind}/{name}": {
        "get": _segment("getSegment", "A segment's file.", (p.KIND_IN_PATH, p.NAME_IN_PATH), ("unknown_kind",))
    },
    "/segment/{name}": {
        "get": _segment("getSegmentByName", "A segment's file, by its name alone.", (p.NAME_IN_PATH, p.KIND_OF_NAME))
    },
}

#: By path and method, without those of HEAD.
PATHS: Paths = {**_STATE, **_MESSAGES, **_SEGMENTS, **_PAGES}
