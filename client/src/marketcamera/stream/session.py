"""The session: everything about a stream that is the same for threads and for asyncio, without any socket."""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from websockets.exceptions import InvalidStatus

from marketcamera.addresses import STORE_HEADER, Address
from marketcamera.backoff import Backoff
from marketcamera.decoding import decode
from marketcamera.errors import BadMessage, ConnectionGivenUp, MarketCameraError, StoreChanged, StreamRefused
from marketcamera.failures import connection_error, is_of_the_network, reason_of
from marketcamera.stream.messages import KINDS, STORE_ID, Kind, Received
from marketcamera.stream.past import Past
from marketcamera.stream.playhead import Playhead
from marketcamera.stream.price_ranges import PRICES_HEADER, PriceRanges
from marketcamera.whole import whole

log = logging.getLogger("marketcamera")

#: What may stand in a stream's URL.
_IN_URL = ("since", "store", "symbol", "types", "replay", "speed")

FIELDS = ("agents", "actions", "matches")

#: Errors that pass by themselves; any other code of the server's is final.
_PASSING = frozenset({"too_many_connections", "too_many_options", "too_many_replays", "rate_limited", "unavailable"})
_PASSING_STATUS = frozenset({408, 425, 429})

#: So often in a row a message may be not understood, each time over a new connection, before that is raised; the last
#: of these connections passes over what it brings, where that was asked for.
_BAD_MESSAGES = 3


class Session:
    """What to ask the server for, what to give of its answers, and how long to wait before asking again."""

    def __init__(
        self,
        url: str,
        types: str | Iterable[str] | None,
        since: int | Mapping[Kind, int] | None,
        *,
        store: str | None,
        on_store_change: str,
        on_bad_message: str,
        symbol: str | None,
        every: int,
        fields: str | Iterable[str] | None,
        encoding: str,
        attempts: int | None,
        backoff: Backoff,
    ) -> None:
        self.url, self._address = url, Address(url)
        named = self._address.query
        if unknown := sorted(set(named) - set(_IN_URL)):
            raise ValueError(
                f"a stream's URL may name {', '.join(_IN_URL)}, the rest are arguments; got {unknown[0]!r}"
            )
        since = _given(since)
        self._past = Past.of(named, since)
        since = _since(named) if since is None else since
        symbol = named.get("symbol") if symbol is None else symbol
        self._parameters = {"types": ",".join(kinds := kinds_of(types or named.get("types") or KINDS))}
        self._parameters |= _options(every, fields, encoding)
        if symbol is not None:
            self._parameters["symbol"] = symbol
        if on_store_change not in ("yield", "raise"):
            raise ValueError(f"on_store_change must be yield or raise, got {on_store_change!r}")
        if on_bad_message not in ("raise", "skip"):
            raise ValueError(f"on_bad_message must be raise or skip, got {on_bad_message!r}")
        self._raises, self._skips = on_store_change == "raise", on_bad_message == "skip"
        health = self._address.http("/health", {} if symbol is None else {"symbol": symbol})
        self.playhead = Playhead(kinds, since, every, PriceRanges(health))
        self.playhead.store = store_id(named.get("store") if store is None else store)
        self._asks_without_store = False
        self._attempts, self._backoff = attempts, backoff
        #: Whether a replay came to its end, so that nothing more is to be asked for.
        self.ended = since is not None and self._past is not None and self._past.is_over
        self._reason = ""
        self._bad: tuple[int | None, int] = (None, 0)
        self._passes_over, self._passed_over = False, 0

    def connecting_url(self) -> str:
        """The URL for the next connection."""
        resume = self._resume()
        if resume and self.playhead.store is not None and not self._asks_without_store:
            resume["store"] = self.playhead.store
        self._asks_without_store = False
        return self._address.stream(self._parameters | resume)

    def _resume(self) -> dict[str, str]:
        """Where to begin; a replay that has come to the present goes on as any stream."""
        since = self.playhead.since
        if self._past is not None and self.playhead.caught_up_t is None:
            return self._past.parameters(self.playhead.next_t)
        return {} if since is None else {"since": str(since)}

    def connected(self, headers: Mapping[str, str]) -> None:
        """The server's answer to the handshake: it may tell of the recording that is to come."""
        self.playhead.prices.take(headers.get(PRICES_HEADER))
        named = headers.get(STORE_HEADER, "")
        if self.playhead.store is None and STORE_ID.fullmatch(named):
            self.playhead.store = named

    def receive(self, text: str | bytes) -> Iterator[Received]:
        """What to give for one WebSocket message. Raises Slow, BadMessage, StreamRefused, StoreChanged."""
        try:
            yield from self._understood(text)
        except BadMessage as error:
            if not self._passes_over:
                raise
            self._passed_over += 1
            if self._passed_over.bit_count() == 1:  # more and more seldom: there may be many
                log.warning("%s: passed over, message %d of such: %s", self.url, self._passed_over, error)

    def _understood(self, text: str | bytes) -> Iterator[Received]:
        for data in decode(text):
            if data["type"] == "error":
                self._heed(data)
                continue
            if self._raises and data.get("reason") == "store_changed":
                raise StoreChanged(self.url, self.playhead.store, self.playhead.position, data.get("store"))
            self._backoff.succeeded()  # not before: a server that only ever refuses is a failure each time
            yield from self.playhead.take(data)
            if data["type"] == "caught_up":
                self._compare(data.get("t"))
            if self._past is not None and self._past.is_ended_by(data):
                self.ended = True
                return

    def failed(self, error: Exception | None) -> float:
        """The connection is gone, or never was: how long to wait. Raises what no waiting helps against.

        A message that is not understood may come right over another connection; where it does not, it is raised, or
        passed over from the next connection on.
        """
        times = self._times_bad() if isinstance(error, BadMessage) else 0
        self._passes_over = self._skips and times >= _BAD_MESSAGES - 1
        if isinstance(error, BadMessage) and (self._skips or times < _BAD_MESSAGES):
            reason, self._reason = str(error), ""
        else:
            _raise_if_final(self.url, error)
            reason, self._reason = self._reason or reason_of(error), ""
        seconds = self._backoff.next_seconds()
        if self._attempts is not None and self._backoff.attempts >= self._attempts:
            raise ConnectionGivenUp(self.url, self._backoff.attempts, reason) from error
        log.warning("%s: %s; next attempt in %.1f s", self.url, reason, seconds)
        return seconds

    def _times_bad(self) -> int:
        """How often in a row a message was not understood at this place."""
        position = self.playhead.position
        self._bad = (position, self._bad[1] + 1 if self._bad[0] == position else 1)
        return self._bad[1]

    def _compare(self, newest_t: Any) -> None:
        """Say so where the server has not come as far as we have been, as one with a new store has not."""
        position = self.playhead.position
        if isinstance(newest_t, int) and position is not None and newest_t < position:
            log.warning("%s: it is at t=%d there, nothing comes until t=%d is over", self.url, newest_t, position)

    def _heed(self, data: dict[str, Any]) -> None:
        if self._skips and not isinstance(data.get("error"), str):
            raise BadMessage("an error has a code", str(data))
        code, detail = str(data.get("error")), str(data.get("detail"))
        # A server of a version before, as one behind the same address may be during an update.
        self._asks_without_store = code == "bad_parameter" and detail.startswith("unknown parameter 'store'")
        if code not in _PASSING and not self._asks_without_store:
            raise StreamRefused(code, detail)
        self._reason = f"{detail} ({code})"


def store_id(text: str | None) -> str | None:
    """The id of a recording, if it can be one. Raises ValueError."""
    if text is not None and not STORE_ID.fullmatch(text):
        raise ValueError(f"store must be 32 lower-case hexadecimal digits, got {text!r}")
    return text


def _given(since: int | Mapping[Kind, int] | None) -> int | Mapping[Kind, int] | None:
    if isinstance(since, Mapping):  # of a stream that had given nothing it is empty
        return {kind: whole("since", t, -1) for kind, t in since.items()} or None
    return None if since is None else whole("since", since, -1)


def _since(named: Mapping[str, str]) -> int | None:
    text = named.get("since")
    if text is None:
        return None
    if not re.fullmatch(r"-1|[0-9]{1,16}", text, re.ASCII):
        raise ValueError(f"since must be an integer of at least -1, got {text!r}")
    return int(text)


def kinds_of(types: str | Iterable[str]) -> list[Kind]:
    """The kinds that are named, in the order in which those of one t come. Raises ValueError."""
    chosen = set(types.split(",") if isinstance(types, str) else types)
    if not chosen or chosen - set(KINDS):
        raise ValueError(f"types must be some of {', '.join(KINDS)}, got {types!r}")
    return [kind for kind in KINDS if kind in chosen]


def _options(every: int, fields: str | Iterable[str] | None, encoding: str) -> dict[str, str]:
    options = {}
    if (step := whole("every", every, 1)) > 1:
        options["every"] = str(step)
    if fields is not None:
        chosen = [name for name in fields.split(",") if name] if isinstance(fields, str) else list(fields)
        if set(chosen) - set(FIELDS):
            raise ValueError(f"fields must be some of {', '.join(FIELDS)}, got {chosen!r}")
        options["fields"] = ",".join(chosen)
    if encoding not in ("json", "zstd"):
        raise ValueError(f"encoding must be json or zstd, got {encoding!r}")
    if encoding != "json":
        options["encoding"] = encoding
    return options


def _raise_if_final(url: str, error: Exception | None) -> None:
    if isinstance(error, ssl.SSLCertVerificationError):
        raise StreamRefused("certificate", error.verify_message) from error
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        if 400 <= status < 500 and status not in _PASSING_STATUS:
            raise StreamRefused(f"http_{status}", f"there is no stream, the answer was {status}") from error
    if isinstance(error, MarketCameraError):
        raise error
    if not is_of_the_network(error):
        raise connection_error(url, error) from error
