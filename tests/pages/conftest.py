"""A real server and a real Chromium for the tests of the pages."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from tests.pages.reading import STRIDE, WINDOW, Watched, get_json, wait_until

PROJECT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# The graph needs WebGL; without a GPU Chromium draws it in software, which it must be allowed to.
FLAGS = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_server(directory: Path) -> Iterator[str]:
    """A market at 20 times its pace that records into `directory`: its address, when frames are on disk."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IG_")}
    environment |= {
        "IG_CAM_STORE_DIR": str(directory / "store"),
        "DATABASE_URL": f"sqlite:///{directory / 'db.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "igsite.settings",
        "PORT": str(port),
        "IG_SPEED": "20",
        "IG_CAM_W": str(WINDOW),
        "IG_CAM_STRIDE": str(STRIDE),
        "IG_CAM_SEGMENT_SECONDS": "3",
        "IG_ADJUST_INTERVAL": "100",
    }
    environment.pop("REDIS_URL", None)
    manage = [sys.executable, str(PROJECT / "manage.py")]
    subprocess.run([*manage, "migrate", "--verbosity", "0"], env=environment, check=True)
    log = directory / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen([*manage, "live"], env=environment, stdout=output, stderr=output)
    address = f"http://127.0.0.1:{port}"

    def recorded() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return len(get_json(f"{address}/manifest/frames")) > 1
        except OSError:
            return False

    try:
        wait_until(recorded, 60, "a finished segment of frames")
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from run_server(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def watched(chromium: Browser, server: str) -> Iterator[Watched]:
    page = chromium.new_page(base_url=server, viewport={"width": 1280, "height": 800})
    page.set_default_timeout(15_000)
    seen = Watched(page, [], set())
    page.on("console", lambda message: message.type == "error" and seen.errors.append(message.text))
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("request", lambda request: seen.hosts.add(_host(request)))
    page.on("websocket", lambda socket: seen.hosts.add(urlsplit(socket.url).netloc))
    yield seen
    page.close()


def _host(request: Request) -> str:
    return urlsplit(request.url).netloc


@pytest.fixture
def page(watched: Watched, server: str) -> Iterator[Page]:
    """A page whose console stays clean and which talks to its own server alone."""
    yield watched.page
    assert watched.errors == []
    assert watched.hosts <= {urlsplit(server).netloc}
