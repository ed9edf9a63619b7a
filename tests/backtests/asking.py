"""A client of `/api/v1/backtests`, written from the contract."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.processes import PATIENCE_SECONDS, Live, Site, wait_until

STRATEGIES = "backtests.strategies,tests.backtests.strategies_for_tests"

#: A market that begins on 2026-01-05 and makes a second's ticks in a fraction of one.
MARKET = {"IG_START_TS": 1_767_571_200, "IG_CAM_W": 20, "IG_SEED": 5, "IG_STRATEGIES": STRATEGIES}
EVER = {"from": 0, "to": "2027-01-01"}


def copy_of(site: Site, directory: Path) -> Site:
    """Another site, with what this one has recorded, whose backtests do not wait for the other tests."""
    copied = Site(directory, site.database)
    copied.apart = True
    shutil.copytree(site.store, copied.store)
    return copied


class Backtests:
    """Asks a server for backtests."""

    def __init__(self, live: Live, token: str) -> None:
        self._url, self._token = f"{live.url}/api/v1/backtests", token

    def ask(self, method: str, path: str = "", body: Any = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._url + path, data, {"Authorization": f"Bearer {self._token}"}, method=method)
        try:
            with urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                return answer.status, json.loads(answer.read())
        except HTTPError as refused:
            return refused.code, json.loads(refused.read())

    def start(self, strategy: str, **more: Any) -> str:
        """The id of a new one, over all bars of a second."""
        status, answer = self.ask("POST", body={"strategy": strategy, "resolution": "1s", **EVER, **more})
        assert (status, answer.get("status")) == (202, "queued"), answer
        return str(answer["backtest_id"])

    def get(self, backtest_id: str) -> dict[str, Any]:
        status, answer = self.ask("GET", f"/{backtest_id}")
        assert status == 200, answer
        return dict(answer)

    def cancel(self, backtest_id: str) -> dict[str, Any]:
        status, answer = self.ask("DELETE", f"/{backtest_id}")
        assert status == 200, answer
        return dict(answer)

    def wait_for(self, backtest_id: str, *statuses: str) -> dict[str, Any]:
        """What it is once it has one of these statuses."""

        def reached() -> dict[str, Any] | None:
            now = self.get(backtest_id)
            return now if now["status"] in statuses else None

        found: dict[str, Any] = wait_until(reached, f"{backtest_id} {' or '.join(statuses)}")
        return found
