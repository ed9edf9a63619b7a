"""A real server and a real Chromium for the tests of the pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, ViewportSize, expect, sync_playwright

from tests.pages.reading import KEEP_REMARKS, STRIDE, WINDOW, Watched, finished_frames
from tests.processes import PATIENCE_SECONDS, Live, Site, wait_until

# The graph needs WebGL; without a GPU Chromium draws it in software, which it must be allowed to.
FLAGS = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]
PATIENCE_MS = PATIENCE_SECONDS * 1000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Live]:
    """A market at three times its pace; when it is handed out, a segment of frames is finished and another one open,
    and as many frames are recorded as a test steps over.

    It runs as long as the pages' tests do, and drawn by software each frame of it costs them all.
    """
    site = Site(tmp_path_factory.mktemp("pages"), migrated_database)
    site.apart = True  # charts are waited for that show what digests tell
    live = site.serve(
        IG_SPEED=3, IG_CAM_W=WINDOW, IG_CAM_STRIDE=STRIDE, IG_CAM_SEGMENT_SECONDS=5, IG_ADJUST_INTERVAL=500
    )
    try:
        wait_until(lambda: len(live.json("/manifest/frames")) > 1, "a finished segment of frames")
        first = finished_frames(live)["start_t"]
        wait_until(lambda: live.json("/manifest/frames")[-1]["end_t"] >= first + 14 * STRIDE, "some frames behind it")
        yield live
    finally:
        site.end()


@pytest.fixture(scope="package")
def chromium(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def new_context(chromium: Browser, server: Live) -> Iterator[BrowserContext]:
    """Where pages of a server are opened one after the other: as for a visitor who comes back, the modules of the page
    are known, which is a third of what a page costs. They move nothing between two frames: without a GPU that costs
    most. Who tests motion asks for it."""
    size: ViewportSize = {"width": 1000, "height": 700}
    with chromium.new_context(base_url=server.url, viewport=size, locale="en-US", reduced_motion="reduce") as context:
        yield context


@pytest.fixture(scope="package")
def context(chromium: Browser, server: Live) -> Iterator[BrowserContext]:
    with new_context(chromium, server) as context:
        yield context


def _watch(page: Page) -> Watched:
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(KEEP_REMARKS)
    seen = Watched(page, [], set())
    page.on("console", lambda message: message.type == "error" and seen.errors.append(message.text))
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("request", lambda request: seen.hosts.add(_host(request)))
    page.on("websocket", lambda socket: seen.hosts.add(urlsplit(socket.url).netloc))
    return seen


def _host(request: Request) -> str:
    return urlsplit(request.url).netloc


@pytest.fixture
def watched(context: BrowserContext) -> Iterator[Watched]:
    """A page of its own, of a visitor without cookies."""
    page = context.new_page()
    yield _watch(page)
    page.close()
    context.clear_cookies()


@pytest.fixture
def page(watched: Watched, server: Live) -> Iterator[Page]:
    """A page whose console stays clean and which talks to its own server alone."""
    yield watched.page
    assert watched.errors == []
    assert watched.hosts <= {urlsplit(server.url).netloc, ""}


@pytest.fixture
def watched_anywhere(chromium: Browser) -> Iterator[Page]:
    """A page for a server of the test's own, which may go away: then the console may say so."""
    page = chromium.new_page(viewport={"width": 1000, "height": 700}, locale="en-US")
    page.set_default_timeout(PATIENCE_MS)
    yield page
    page.close()
