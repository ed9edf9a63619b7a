"""`EventSource` in a real Chromium: not a line of code of a client, and each t once, whatever ends its connection."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest
from playwright.sync_api import Page
from websockets.sync.client import connect

from tests.network import CALM
from tests.processes import Live, Site, free_port, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.long]

OPEN = """(query) => {
    const source = new EventSource("/stream" + query);
    const seen = { ts: [], errors: [], source };
    source.addEventListener("metric", (event) => seen.ts.push(JSON.parse(event.data).t));
    source.addEventListener("error", (event) => event.data && seen.errors.push(event.data));
    (window.streams ??= []).push(seen);
    return window.streams.length - 1;
}"""


class Source:
    """An `EventSource` of a page."""

    def __init__(self, page: Page, query: str) -> None:
        self._page, self._place = page, page.evaluate(OPEN, query)

    def _ask(self, what: str) -> Any:
        return self._page.evaluate(f"window.streams[{self._place}].{what}")

    @property
    def ts(self) -> list[int]:
        return list(self._ask("ts"))

    @property
    def errors(self) -> list[str]:
        return [json.loads(data)["error"] for data in self._ask("errors")]

    @property
    def is_closed(self) -> bool:
        return bool(self._ask("source.readyState") == 2)

    def close(self) -> None:
        self._ask("source.close()")

    def wait_for_more(self, count: int) -> int:
        """Wait until so many more messages were heard; the newest t."""
        due = len(self.ts) + count
        wait_until(lambda: len(self.ts) >= due, f"{count} more events")
        return self.ts[-1]


def test_an_event_source_gets_each_t_once_over_kills_and_restarts(watched_anywhere: Page, site: Site) -> None:
    port = free_port()

    def started() -> Live:
        return site.serve(PORT=port, IG_SPEED=10, IG_CAM_METRIC_DOWNSAMPLE=1, IG_MAX_CONNECTIONS_PER_ADDRESS=2)

    server = started()
    watched_anywhere.goto(f"{server.url}/health")
    source = Source(watched_anywhere, "?types=metric")
    source.wait_for_more(15)
    server.kill()
    server = started()
    source.wait_for_more(30)
    server.stop(signal.SIGTERM)
    server = started()
    source.wait_for_more(30)

    with connect(f"{server.ws_url}/ws/stream", **CALM):
        late = Source(watched_anywhere, "?types=metric")
        wait_until(lambda: late.errors, "a refusal")
        wrong = Source(watched_anywhere, "?every=0")
        wait_until(lambda: wrong.is_closed, "the end of a source that asks for what there is not")
        assert (late.errors[0], late.is_closed, wrong.ts) == ("too_many_connections", False, [])
    late.wait_for_more(5)
    late.close()
    past = Source(watched_anywhere, "?types=metric&replay=5..9&speed=0")
    wait_until(lambda: past.is_closed, "the end of a replay, of which the browser is told when it comes again")
    assert past.ts == [5, 6, 7, 8, 9]

    heard = source.ts
    assert heard == list(range(heard[0], heard[0] + len(heard)))
    assert source.errors == []
