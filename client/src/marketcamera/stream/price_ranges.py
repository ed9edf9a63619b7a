"""Price ranges: what turns the `price_norm` of a message into its price, as the server tells it."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from typing import Any

from marketcamera.decoding import loads
from marketcamera.errors import HistoryUnavailable
from marketcamera.failures import history_error, http_client

#: The header of a server that knows all runs of a market: first t, low and high of each. Where these are too long for
#: a header it has their number: `/health` tells them.
PRICES_HEADER = "Market-Camera-Prices"

_MANY = re.compile(r"many [0-9]{1,16}", re.ASCII)

_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?"
_RUN = re.compile(rf"([0-9]{{1,16}}):({_NUMBER}):({_NUMBER})", re.ASCII)

_TIMEOUT_SECONDS = 5.0
_DECIMALS = 6


class PriceRanges:
    """The price ranges of a market's runs: each holds from its first t on, the first also before.

    `url` is that of the market's `/health`, which is asked where no header told the ranges.
    """

    def __init__(self, url: str = "") -> None:
        self._url = url
        self._runs: list[tuple[int, float, float]] = []
        self._many = ""

    @classmethod
    def of(cls, runs: list[tuple[int, float, float]]) -> PriceRanges:
        """Those of runs whose first t, low and high are known, in the order in which a store's files tell them: of two
        with the same first t the later one made the ticks."""
        found = cls()
        found._runs = sorted({run[0]: run for run in runs if _rises(run)}.values())
        return found

    def anew(self) -> PriceRanges:
        """Those of the market's next recording, of which nothing is known yet."""
        return PriceRanges(self._url)

    def take(self, header: str | None) -> None:
        """Learn what an answer's header tells; a header that cannot be is ignored. A server that has heard nothing of
        its market yet sends none, and what another told before may be over."""
        if header is None and self._url:
            self._many, self._runs = "", []
            return
        if header is not None and _MANY.fullmatch(header):
            if header != self._many:  # there are others than those that `/health` told
                self._many, self._runs = header, []
            return
        found = [_RUN.fullmatch(run) for run in (header or "").split(", ")]
        runs = [(int(run[1]), float(run[2]), float(run[3])) for run in found if run]
        if len(runs) == len(found) and all(map(_rises, runs)) and runs == sorted(runs):
            self._many, self._runs = "", runs

    def at(self, t: int) -> tuple[float, float]:
        """The prices at `price_norm` 0 and 1 in the run of a t. Raises HistoryUnavailable if the server tells none."""
        if not self._runs:
            self._runs = self._of_health()
        _, low, high = self._runs[max(0, bisect_right(self._runs, t, key=lambda run: run[0]) - 1)]
        return low, high

    def price_at(self, t: int, price_norm: float) -> float:
        """The price, with six decimals, and more where the range is smaller than 1. Raises HistoryUnavailable."""
        low, high = self.at(t)
        decimals = _DECIMALS + max(0, -math.floor(math.log10(high - low)))
        return round(low + (high - low) * price_norm, decimals)

    def _of_health(self) -> list[tuple[int, float, float]]:
        if not self._url:
            raise HistoryUnavailable("this message", "it is of no server, so that its price range is unknown")
        with http_client(self._url, _TIMEOUT_SECONDS) as client:
            try:
                runs = _ranges_in(loads(client.get(self._url).content))
            except Exception as error:
                raise history_error(self._url, error) from error
        for _, low, high in runs:
            if not _rises((0, low, high)):
                raise HistoryUnavailable(self._url, f"a price range rises, it told of {low} to {high}")
        return runs


def _ranges_in(health: Any) -> list[tuple[int, float, float]]:
    """Those of all runs; of a server of an older version that of the newest. Raises ValueError."""
    try:
        meta = health["meta"]
        runs = meta.get("price_ranges") or [(0, *meta["price_range"])]
        return sorted((int(first_t), float(low), float(high)) for first_t, low, high in runs)
    except (KeyError, TypeError, ValueError):
        raise ValueError("it does not tell the prices of its market (meta.price_range)") from None


def _rises(run: tuple[int, float, float]) -> bool:
    return run[1] < run[2] and math.isfinite(run[2] - run[1])
