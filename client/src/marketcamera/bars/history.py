"""The history: bars a server has recorded, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from marketcamera.addresses import STORE_HEADER, Address
from marketcamera.asking import ATTEMPTS, answer_of, json_in
from marketcamera.bars.bar import Bar, bar_of
from marketcamera.errors import BadMessage, HistoryUnavailable
from marketcamera.failures import http_client

#: The most a server hands out at a time.
_PAGE_BARS = 1000
_TIMEOUT_SECONDS = 15.0

#: So often bars are asked for anew where their pages are of two recordings.
_LOOKS = 3


@dataclass(frozen=True, slots=True)
class Recorded:
    """Closed bars, oldest first, and the ranges of t whose ticks are missing in them; `store` is the id of their
    recording, None where the server does not tell."""

    bars: list[Bar] = field(default_factory=list)
    lost_ticks: list[dict[str, int]] = field(default_factory=list)
    store: str | None = None


class BarHistory:
    """The recorded bars of the server that has this URL. May be used from any thread. Raises HistoryUnavailable."""

    def __init__(self, url: str, client: httpx.Client | None = None, attempts: int = ATTEMPTS) -> None:
        self._address, self._attempts = Address(url), attempts
        self._client = client or http_client(self._address.http("/"), _TIMEOUT_SECONDS)

    def before(self, symbol: str, resolution: str, end_ms: int | None, count: int) -> Recorded:
        """The last `count` bars that had closed at `end_ms`, or by now, all of one recording.

        Raises HistoryUnavailable, BadMessage.
        """
        for _ in range(_LOOKS):
            recorded = self._of_one_recording(symbol, resolution, end_ms, count)
            if recorded is not None:
                return recorded
        raise HistoryUnavailable(self._address.http("/api/v1/bars"), "its answers are of several recordings")

    def _of_one_recording(self, symbol: str, resolution: str, end_ms: int | None, count: int) -> Recorded | None:
        """None if the market got another recording between two pages."""
        found: dict[int, Bar] = {}
        lost: dict[int, dict[str, int]] = {}
        stores: set[str | None] = set()
        to_ms, missing = end_ms, count
        while missing > 0:
            limit = min(missing + 1, _PAGE_BARS)  # one more, as the last may still be open at `to`
            page, gaps, store = self._page(symbol, resolution, to_ms, limit)
            stores.add(store)
            if len(stores) > 1:
                return None
            fresh = [
                bar for bar in page if bar.close_time not in found and (end_ms is None or bar.close_time <= end_ms)
            ]
            found |= {bar.close_time: bar for bar in fresh}
            lost |= {gap["from_t"]: gap for gap in gaps}
            missing = count - len(found)
            if not fresh or len(page) < limit:
                break
            to_ms = min(bar.open_time for bar in page)
        bars = sorted(found.values(), key=lambda bar: bar.close_time)[-count:]
        return Recorded(bars, [lost[t] for t in sorted(lost)], *stores)

    def _page(
        self, symbol: str, resolution: str, to_ms: int | None, limit: int
    ) -> tuple[list[Bar], Sequence[dict[str, int]], str | None]:
        asked = {"symbol": symbol, "resolution": resolution, "limit": str(limit)}
        if to_ms is not None:
            asked["to"] = str(to_ms)
        url = self._address.http("/api/v1/bars", asked)
        response = answer_of(self._client, url, attempts=self._attempts)
        answer = json_in(url, response)
        try:
            rows = [bar for bar in answer["bars"] if bar.get("closed", True)]
            gaps = [{"from_t": int(gap["from_t"]), "to_t": int(gap["to_t"])} for gap in answer.get("gaps", ())]
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise BadMessage(f"{url}: not an answer with bars ({error!r})", str(answer)) from None
        return [bar_of(symbol, resolution, row) for row in rows], gaps, response.headers.get(STORE_HEADER)
