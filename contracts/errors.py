"""Every code of an error: over HTTP with its statuses, on a socket with its close code. Nothing else is sent."""

from __future__ import annotations

from typing import NamedTuple

from api_socket.errors import CLOSE_FORBIDDEN, CLOSE_TRY_LATER, CLOSE_UNAUTHORIZED
from contracts.schemas import TEXT, Schema, one_of, record
from streaming.limits import CLOSE_TOO_LARGE
from streaming.protocol import (
    CLOSE_BAD_PARAMETER,
    CLOSE_LIMIT,
    CLOSE_NOT_FOUND,
    CLOSE_STALLED,
    CLOSE_UNAVAILABLE,
)


class Code(NamedTuple):
    """When an error has this code, and with which statuses it comes over HTTP; none if only sockets have it."""

    when: str
    statuses: tuple[int, ...] = ()


CODES: dict[str, Code] = {
    "bad_parameter": Code("A parameter or field is missing, repeated or wrong; the message says which value.", (400,)),
    "bad_request": Code("The request cannot be read as one of HTTP/1.1, or names what no path can be.", (400,)),
    "unknown_host": Code("The Host is not a name of this server.", (400,)),
    "authentication_failed": Code("There is no token, or it is not, or no longer, valid.", (401,)),
    "insufficient_scope": Code("The token has not the scope that is needed; the message names it.", (403,)),
    "unknown_symbol": Code("There is no such market.", (404, 400)),
    "not_found": Code("There is nothing at this path.", (404,)),
    "unknown_kind": Code("There is no such kind of message.", (404,)),
    "unknown_segment": Code("There is no such segment, or this is no name of one.", (404,)),
    "segment_removed": Code("A clean-up removed the segment; the message says when.", (404,)),
    "unknown_backtest": Code("There is no such backtest.", (404,)),
    "method_not_allowed": Code("The path does not take this method; `Allow` names those that it takes.", (405,)),
    "request_timeout": Code("The request did not arrive in time. The connection ends.", (408,)),
    "store_changed": Code("The market has another recording than `store` names.", (409,)),
    "other_content": Code("The segment is not of the content that `of` names any more.", (409,)),
    "precondition_failed": Code("`If-Match` or `If-Unmodified-Since` does not hold.", (412,)),
    "body_too_large": Code("The body is longer than the path takes.", (413,)),
    "request_line_too_long": Code("The request line is over 16 KiB. The connection ends.", (414,)),
    "range_not_satisfiable": Code("The byte range lies outside the file.", (416,)),
    "unreadable": Code("What was recorded cannot be read as rows of a table.", (422,)),
    "too_many_connections": Code("The process, or the address, has as many connections as it may.", (429,)),
    "too_many_requests": Code("The address has as many requests under way as it may.", (429,)),
    "too_many_options": Code("As many sets of options are in use as the process, or the address, may have.", (429,)),
    "too_many_replays": Code("As many replays are under way as may be.", (429,)),
    "too_many_backtests": Code("As many backtests are unfinished as may be.", (429,)),
    "too_many_logins": Code("Too many logins to the admin failed.", (429,)),
    "headers_too_large": Code("The headers are over 16 KiB, or more than 500. The connection ends.", (431,)),
    "internal_server_error": Code("The server failed before it had an answer: a fault in it.", (500,)),
    "not_installed": Code("This server has not what makes tables (pyarrow).", (501,)),
    "busy": Code("As many requests are under way, or wait for the same work, as may be.", (503,)),
    "internal": Code("The server could not answer; mostly its database is unavailable.", (503,)),
    "unavailable": Code("The database, or a part of the recording, cannot be read now.", (503,)),
    "no_database": Code("The admin needs the database, which does not answer.", (503,)),
    # Of sockets alone.
    "bad_command": Code("The message is neither a ping nor a command of a replay."),
    "rate_limited": Code("More messages came than are read."),
    "message_too_large": Code("The client's message is longer than is read here."),
    "invalid_message_format": Code("The message is no JSON object, or a field is of the wrong type."),
    "unsupported_message_type": Code("There is no such type of message."),
    "unknown_channel": Code("There is no such channel."),
    "too_many_subscriptions": Code("The connection has as many subscriptions as it may."),
    "no_replay": Code("The command is for a subscription that is not of the past."),
    "too_slow": Code("More waits for the client than is kept for it."),
}

#: What a close code of a socket says.
CLOSE_CODES: dict[int, str] = {
    1000: "The replay has ended.",
    1001: "The server is stopping. Connect again.",
    1002: "What came is no WebSocket frame of RFC 6455.",
    1007: "A text is not UTF-8.",
    1008: "More WebSocket frames came in a second than are read; there is no error message before it.",
    CLOSE_TOO_LARGE: "A message of the client was too long.",
    1011: "The server failed: a fault in it.",
    CLOSE_TRY_LATER: "No token can be checked, since the database is unavailable. Connect again later.",
    CLOSE_BAD_PARAMETER: "The address has a wrong parameter. Connecting again does not help.",
    CLOSE_UNAUTHORIZED: "The token is not valid, or no longer.",
    CLOSE_FORBIDDEN: "The token has not the scope that is needed.",
    CLOSE_NOT_FOUND: "There is no such market, or no such path.",
    CLOSE_STALLED: "The client read nothing for too long, let too much wait, or was idle.",
    CLOSE_LIMIT: "A limit was reached. Connect again later.",
    CLOSE_UNAVAILABLE: "The server cannot serve this now. Connect again, with `since=` for what was missed.",
}

ERROR: Schema = {
    "description": "The one shape of every error over HTTP: a code for programs, a sentence for people.",
    **record(
        {"error": record({"code": one_of(sorted(code for code in CODES if CODES[code].statuses)), "message": TEXT})}
    ),
}


def error_with(codes: list[str]) -> Schema:
    """The schema of an error that has one of these codes."""
    return record({"error": record({"code": one_of(codes), "message": TEXT})})
