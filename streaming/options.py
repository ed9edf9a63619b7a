"""The options of a stream client, and how its query is parsed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from recorder.segment.layout import SYMBOL_PATTERN
from recorder.store.store_id import is_store_id
from runtime.shown import shown
from streaming.past.request import PastRequest, parse_past
from streaming.protocol import CLOSE_BAD_PARAMETER, KINDS, LARGEST_T, StreamError

#: The fields of a tick that may be left out.
FIELDS = ("agents", "actions", "matches")
ENCODINGS = ("json", "zstd")
#: JSON on a socket with permessage-deflate; a client cannot request it by name.
DEFLATE = "deflate"
#: Server-sent events over HTTP (`/stream`); likewise.
EVENTS = "events"
LARGEST_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Options:
    """How a client wants its messages. Clients with equal options share everything that is prepared for them.

    It gets ticks and metrics with t % every == 0, with `batch` as arrays that end where t // batch changes. Of a tick
    it gets only `fields` beside type, t, ts and s, or all with None. `encoding` is one of ENCODINGS, DEFLATE or EVENTS.
    """

    types: frozenset[str] = frozenset(KINDS)
    every: int = 1
    batch: int = 0
    fields: frozenset[str] | None = None
    encoding: str = "json"

    def takes(self, kind: str, t: int) -> bool:
        """Whether a client with these options wants the message of a kind at t."""
        return kind in self.types and (kind == "frame" or t % self.every == 0)


#: What the page requests (streaming/static/streaming/data/stream.js): of ticks it needs only the state.
PAGE = Options(fields=frozenset())


def always_served(types: Iterable[str]) -> frozenset[Options]:
    """The sets that no limit refuses, in every encoding: everything, the default `types`, and the page's."""
    chosen = (Options(), Options(types=frozenset(types)), PAGE)
    return frozenset(replace(one, encoding=encoding) for one in chosen for encoding in (*ENCODINGS, DEFLATE, EVENTS))


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """The query of a stream client, validated. `symbol` is None for the default market, `since` for no resume.

    `store` is the id of the recording in which `since` is a position, or `past` a part, None if the client did not send
    it. `has` says of each kind up to which t the client has it, if that differs among them. `past` is None for a client
    of the present.
    """

    symbol: str | None
    since: int | None
    options: Options
    store: str | None = None
    has: Mapping[str, int] | None = None
    past: PastRequest | None = None


_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_PARAMETERS = ("symbol", "types", "every", "batch", "fields", "since", "store", "encoding", "replay", "speed")


def parse_request(query: Mapping[str, list[str]], types: Iterable[str] = KINDS) -> StreamRequest:
    """The request in a decoded query string (`parse_qs` with blank values kept); `types` if it names none.

    Raises StreamError.
    """
    given = {}
    for name, values in query.items():
        if name not in _PARAMETERS:
            raise _bad(f"unknown parameter {shown(name)}; known are {', '.join(_PARAMETERS)}")
        if len(values) > 1:
            raise _bad(f"{name} is given {len(values)} times")
        given[name] = values[0]
    options = Options(
        types=_some(given, "types", KINDS) or frozenset(types),
        every=_integer(given, "every", 1, 1, 1_000_000_000),
        batch=_integer(given, "batch", 0, 1, LARGEST_BATCH),
        fields=_fields(given),
        encoding=_encoding(given),
    )
    since = _integer(given, "since", -1, -1, LARGEST_T) if "since" in given else None
    past, store = _past(given), _store(given)
    return StreamRequest(_symbol(given), since, options, None if since is None and past is None else store, past=past)


def _bad(detail: str) -> StreamError:
    return StreamError("bad_parameter", detail, CLOSE_BAD_PARAMETER)


def _past(given: Mapping[str, str]) -> PastRequest | None:
    if "replay" not in given:
        if "speed" in given:
            raise _bad("speed is that of a replay, which is not asked for")
        return None
    if "since" in given:
        raise _bad("since and replay ask for different parts of the recording; give one of them")
    return parse_past(given["replay"], given.get("speed"))


def _symbol(given: Mapping[str, str]) -> str | None:
    symbol = given.get("symbol")
    if symbol is not None and not SYMBOL_PATTERN.fullmatch(symbol):
        raise _bad(f"symbol must be 1 to 32 of A-Z a-z 0-9 . _ -, got {shown(symbol)}")
    return symbol


def _store(given: Mapping[str, str]) -> str | None:
    store = given.get("store")
    if store is not None and not is_store_id(store):
        raise _bad(f"store must be 32 lower-case hexadecimal digits, got {shown(store)}")
    return store


def _some(given: Mapping[str, str], name: str, known: tuple[str, ...]) -> frozenset[str] | None:
    if name not in given:
        return None
    chosen = given[name].split(",")
    wrong = [text for text in chosen if text not in known]
    if wrong:
        raise _bad(f"{name} must be some of {', '.join(known)}, got {shown(wrong[0])}")
    return frozenset(chosen)


def _fields(given: Mapping[str, str]) -> frozenset[str] | None:
    if given.get("fields") == "":
        return frozenset()  # nothing beside type, t, ts and s
    fields = _some(given, "fields", FIELDS)
    return None if fields == frozenset(FIELDS) else fields


def _encoding(given: Mapping[str, str]) -> str:
    encoding = given.get("encoding", "json")
    if encoding not in ENCODINGS:
        raise _bad(f"encoding must be one of {', '.join(ENCODINGS)}, got {shown(encoding)}")
    return encoding


def _integer(given: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    if name not in given:
        return default
    text = given[name]
    if not _INTEGER.fullmatch(text):
        raise _bad(f"{name} must be an integer, got {shown(text)}")
    if not low <= int(text) <= high:
        raise _bad(f"{name} must be from {low} to {high}, got {text}")
    return int(text)
