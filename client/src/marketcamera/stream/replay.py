"""The replay: the recorded past of a market as the objects that the stream gave, at any pace."""

from __future__ import annotations

import asyncio
import heapq
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import httpx

from marketcamera.addresses import STORE_HEADER, Address
from marketcamera.backoff import Backoff
from marketcamera.decoding import decode
from marketcamera.errors import BadMessage, ConnectionGivenUp, HistoryUnavailable, MarketCameraError, StoreChanged
from marketcamera.failures import PASSING_STATUS, history_error, http_client, is_of_the_network, reason_of
from marketcamera.stream.messages import KINDS, Gap, Kind, Received, gap_of, message_of, place_of
from marketcamera.stream.price_ranges import PRICES_HEADER, PriceRanges
from marketcamera.stream.session import store_id
from marketcamera.whole import span

log = logging.getLogger("marketcamera")

_TIMEOUT_SECONDS = 30.0
#: So often in a row a line may be not understood, each time over a new connection, before that is raised.
_BAD_LINES = 3

#: Messages an asyncio program gets for one visit to the thread that reads.
_BATCH = 256


#: A market that was down, an old tape behind newer ticks, a time in another unit: none holds a replay up for longer.
MOST_PAUSE_SECONDS = 5.0

#: Messages may come a little out of the order of their time.
_MOST_LATE_SECONDS = 60.0


class Replay:
    """Iterate the past: `for message in Replay(url, t0, t1)`, or with `async for`.

    Gives the messages with t0 <= t <= t1 (to the end without t1) that `Stream` gives, in the same order, and a `Gap`
    for what is not there any more. `speed` is market seconds a real second, 1 as it happened, but with no pause of more
    than 5 s; 0 is as fast as it comes.
    A request that breaks off is taken up again where it was. Each iteration begins at t0.

    A replay is of one recording: of `store`, or of the one that it finds first. Where the market has another, or gets
    one meanwhile, each kind ends with a `Gap` of the reason `store_changed`, or StoreChanged is raised with
    `on_store_change="raise"`.

    Raises HistoryUnavailable, ConnectionGivenUp after `attempts` failures in a row (None: never), BadMessage;
    ValueError at once for arguments that cannot be.
    """

    def __init__(
        self,
        url: str,
        t0: int = 0,
        t1: int | None = None,
        speed: float = 0.0,
        *,
        types: str | Iterable[str] = KINDS,
        symbol: str | None = None,
        attempts: int | None = 8,
        store: str | None = None,
        on_store_change: str = "yield",
    ) -> None:
        chosen = set(types.split(",") if isinstance(types, str) else types)
        if not chosen or chosen - set(KINDS):
            raise ValueError(f"types must be some of {', '.join(KINDS)}, got {types!r}")
        if not 0 <= speed < float("inf"):
            raise ValueError(f"speed must be a number of at least 0, got {speed}")
        if on_store_change not in ("yield", "raise"):
            raise ValueError(f"on_store_change must be yield or raise, got {on_store_change!r}")
        self._store, self._raises = store_id(store), on_store_change == "raise"
        self._address, self._kinds = Address(url), [kind for kind in KINDS if kind in chosen]
        self._span, self._speed, self._attempts = span(t0, t1), speed, attempts
        symbol = symbol or self._address.query.get("symbol")
        self._symbol = {"symbol": symbol} if symbol else {}

    def __iter__(self) -> Iterator[Received]:
        due = _Due(self._speed)
        with http_client(self._address.http("/"), _TIMEOUT_SECONDS) as client:
            for message in self._messages(client):
                if (seconds := due.wait_seconds(message, time.monotonic())) > 0:
                    time.sleep(seconds)
                yield message

    async def __aiter__(self) -> AsyncIterator[Received]:
        due = _Due(self._speed)
        with http_client(self._address.http("/"), _TIMEOUT_SECONDS) as client:
            messages = self._messages(client)
            while True:
                batch, error = await asyncio.to_thread(_batch_of, messages)
                for message in batch:
                    if (seconds := due.wait_seconds(message, time.monotonic())) > 0:
                        await asyncio.sleep(seconds)
                    yield message
                if error is not None:
                    raise error
                if not batch:
                    return

    def _messages(self, client: httpx.Client) -> Iterator[Received]:
        prices = PriceRanges(self._address.http("/health", self._symbol))
        recording = _Recording(self._store, self._raises, prices)
        tapes = [self._tape(client, kind, recording).messages() for kind in self._kinds]
        return heapq.merge(*tapes, key=place_of)

    def _tape(self, client: httpx.Client, kind: Kind, recording: _Recording) -> _Tape:
        asked = {"kind": f"{kind}s"} | self._symbol
        url_of = lambda span: self._address.http("/range", asked | recording.asked | span)  # noqa: E731
        return _Tape(client, kind, url_of, self._span, self._attempts, recording)


@dataclass(slots=True)
class _Recording:
    """The one that all tapes are read from, once its id is known."""

    store: str | None
    raises: bool
    prices: PriceRanges

    @property
    def asked(self) -> dict[str, str]:
        return {} if self.store is None else {"store": self.store}


class _OtherStore(Exception):
    """What would follow is of another recording."""


class _Tape:
    """The messages of one kind, whatever connections they take."""

    def __init__(
        self,
        client: httpx.Client,
        kind: Kind,
        url_of: Callable[[dict[str, str]], str],
        span: tuple[int, int | None],
        attempts: int | None,
        recording: _Recording,
    ) -> None:
        self._client, self._kind, self._url_of, self._attempts = client, kind, url_of, attempts
        self._next_t, self._t1 = span
        self._recording = recording
        self._backoff = Backoff()
        self._bad = (-1, 0)

    def messages(self) -> Iterator[Received]:
        while self._t1 is None or self._next_t <= self._t1:
            to_t = {} if self._t1 is None else {"t1": str(self._t1)}
            url = self._url_of({"t0": str(self._next_t)} | to_t)
            try:
                yield from self._read(url)
                return
            except _OtherStore:
                return
            except BadMessage as error:
                if self._is_repeated():
                    raise
                reason = str(error)
            except MarketCameraError:
                raise
            except Exception as error:
                if not is_of_the_network(error):
                    raise history_error(url, error) from error
                reason = reason_of(error)
            seconds = self._backoff.next_seconds()
            if self._attempts is not None and self._backoff.attempts >= self._attempts:
                raise ConnectionGivenUp(url, self._backoff.attempts, reason)
            log.warning("%s: %s; next attempt in %.1f s", url, reason, seconds)
            time.sleep(seconds)

    def _read(self, url: str) -> Iterator[Received]:
        with self._client.stream("GET", url) as answer:
            if answer.status_code in PASSING_STATUS:
                raise httpx.NetworkError(f"the answer was {answer.status_code}")
            if answer.status_code != 200:
                told = answer.read().decode(errors="replace")[:200]
                raise HistoryUnavailable(url, f"the answer was {answer.status_code}: {told}")
            self._recording.store = self._recording.store or answer.headers.get(STORE_HEADER)
            self._recording.prices.take(answer.headers.get(PRICES_HEADER))
            for line in answer.iter_lines():
                if line.strip():
                    self._backoff.succeeded()
                    yield from self._take(line)

    def _is_repeated(self) -> bool:
        """Whether a line was not understood so often at the same place that no broken connection can have cut it."""
        self._bad = (self._next_t, self._bad[1] + 1 if self._bad[0] == self._next_t else 1)
        return self._bad[1] >= _BAD_LINES

    def _take(self, line: str) -> Iterator[Received]:
        data, *more = decode(line) or [{"type": ""}]
        if more or data["type"] not in (self._kind, "gap"):
            raise BadMessage(f"a line of this tape is a {self._kind} or a gap", line)
        message = (
            gap_of({**data, "kind": self._kind}) if data["type"] == "gap" else message_of(data, self._recording.prices)
        )
        if isinstance(message, Gap) and message.reason == "store_changed":
            yield self._changed(message)
            raise _OtherStore
        if isinstance(message, Gap):
            last = message.to_t if self._t1 is None else min(message.to_t, self._t1)
            first = max(message.from_t, self._next_t)
            if first <= last:
                self._next_t = last + 1
                yield Gap(self._kind, first, last, message.reason)
        else:
            if self._kind == "tick" and message.t > self._next_t:
                yield Gap("tick", self._next_t, message.t - 1, "expired")
            self._next_t = message.t + 1
            yield message

    def _changed(self, gap: Gap) -> Gap:
        """The rest of the tape, which is gone with its recording. Raises StoreChanged."""
        if self._recording.raises:
            url, former = self._url_of({}), self._recording.store
            raise StoreChanged(url, former, self._next_t - 1, gap.store)
        last = self._next_t if self._t1 is None else self._t1
        return Gap(self._kind, self._next_t, last, gap.reason, gap.store)


def _batch_of(messages: Iterator[Received]) -> tuple[list[Received], Exception | None]:
    """The next messages, and what ended them: it comes behind what was read before it."""
    batch: list[Received] = []
    try:
        for message in islice(messages, _BATCH):
            batch.append(message)
    except Exception as error:  # noqa: BLE001 - raised where the batch has been given
        return batch, error
    return batch, None


class _Due:
    """When each message is due: at the market's pace, `speed` times as fast, counted from the first.

    Whatever `ts` does between two messages, the second is due at most MOST_PAUSE_SECONDS after the first.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._due = self._ts = -math.inf

    def wait_seconds(self, message: Received, now: float) -> float:
        """How long from now (monotonic seconds) a message is not due yet."""
        if not self._speed or isinstance(message, Gap):
            return 0.0
        if self._due == -math.inf:
            self._due, self._ts = now, message.ts
        step = message.ts - self._ts
        if step > 0:
            self._due += min(step / self._speed, MOST_PAUSE_SECONDS)
        if step > 0 or step < -_MOST_LATE_SECONDS:  # an old tape goes on from where it is
            self._ts = message.ts
        return self._due - now
