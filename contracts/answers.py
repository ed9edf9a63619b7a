"""How an answer is described: its headers, its body, and the errors that can come in its place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from contracts.errors import CODES, error_with
from contracts.schemas import TEXT, Schema, integer
from streaming.protocol import FIRST_T_HEADER, PRICES_HEADER, STORE_HEADER

Answer = dict[str, Any]

#: Errors that concern the connection and can come on any path.
EVERYWHERE = (
    *("bad_request", "unknown_host", "method_not_allowed", "request_timeout", "body_too_large"),
    *("request_line_too_long", "too_many_connections", "too_many_requests", "headers_too_large"),
    *("busy", "internal", "unavailable"),
)

#: Every header that an answer has for a client; pages of other origins may read them all.
HEADERS: dict[str, tuple[str, Schema]] = {
    "ETag": ("Changes with the content; send it back as `If-None-Match`.", TEXT),
    STORE_HEADER: ("The id of the recording, as far as it is known.", TEXT),
    PRICES_HEADER: (
        "The price range of each run, `first t:low:high`, where it is another than before; `many` and their number"
        " where they are too long for a header: then `meta.price_ranges` of `/health` has them.",
        TEXT,
    ),
    FIRST_T_HEADER: ("The t at which the first remaining segment begins.", TEXT),
    "Gap": ("What is missing: `none`, or `7000-7999 expired`; a trailer where the body is chunked.", TEXT),
    "Last-Modified": ("When the file was changed last.", TEXT),
    "Accept-Ranges": ("`bytes`.", TEXT),
    "Content-Range": ("Which bytes these are, of how many.", TEXT),
    "Content-Disposition": ("A name for the file.", TEXT),
    "Content-Language": ("The language of the page.", TEXT),
    "Retry-After": ("When to come again, in seconds.", integer(1)),
    "Allow": ("The methods that the path takes.", TEXT),
    "WWW-Authenticate": ("`Bearer`.", TEXT),
    "Location": ("Where it is.", TEXT),
}
RECORDING = (STORE_HEADER, PRICES_HEADER)

#: The header that an error always has.
_OF_ERRORS = {
    401: "WWW-Authenticate",
    403: "WWW-Authenticate",
    405: "Allow",
    416: "Content-Range",
    429: "Retry-After",
    503: "Retry-After",
}


def answer(text: str, media: str | None = None, schema: Schema | None = None, headers: Iterable[str] = ()) -> Answer:
    """An answer: with a body of this media type if there is one, whose bytes are free without a schema."""
    told: Answer = {"description": text}
    if names := list(headers):
        told["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    if media is not None:
        told["content"] = {media: {"schema": schema} if schema is not None else {}}
    return told


def json_answer(text: str, body: str, headers: Iterable[str] = ()) -> Answer:
    """An answer in JSON with the body of this name."""
    return answer(text, "application/json", {"$ref": f"#/components/schemas/{body}"}, headers)


def unchanged(headers: Iterable[str] = ("ETag",)) -> Answer:
    return answer("The client has it as it is now.", headers=headers)


def errors(codes: Iterable[str], at: dict[str, int]) -> dict[str, Answer]:
    """The errors with these codes, by status; `at` says which of its statuses a code has here, if not its first."""
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(at.get(code, CODES[code].statuses[0]), []).append(code)
    return {str(status): _error(status, found) for status, found in sorted(by_status.items())}


def _error(status: int, codes: list[str]) -> Answer:
    text = " ".join(f"`{code}`: {CODES[code].when}" for code in codes)
    told = answer(text, "application/json", error_with(codes))
    told["x-codes"] = codes
    if (name := _OF_ERRORS.get(status)) is not None:
        told["headers"] = {name: {"$ref": f"#/components/headers/{name}"}}
    return told
