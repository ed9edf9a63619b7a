"""The admin's lists in a browser: whole in the width of a small laptop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.pages.conftest import PATIENCE_MS
from tests.processes import Live

pytestmark = pytest.mark.long

LISTS = (
    "recorder/market/",
    "recorder/run/",
    "recorder/segment/?kind=frames",
    "recorder/agent/",
    "bars/bar/?resolution=1s",
    "bars/gap/",
    "subscribe/alert/",
    "access/token/",
    "access/auditentry/",
    "backtests/backtest/",
    "auth/user/",
)

#: What a market of some years writes into its list of segments.
AFTER_YEARS = {
    "file_name a": "segment_20261129_181341_1230747000",
    "start_t": "1,230,747,000",
    "end_t": "1,230,749,999",
    "lines": "3,000",
    "bytes": "123.4 MB",
    "gaps": "1,000",
    "state": "finished",
    "pinned": "pinned",
}


@pytest.fixture(scope="module")
def password(server: Live) -> str:
    made = server.site.run(
        *("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.org"),
        DJANGO_SUPERUSER_PASSWORD="a-word-to-pass",
    )
    assert made.returncode == 0, made.stderr
    server.site.run("createtoken", "a robot")
    return "a-word-to-pass"


@pytest.fixture(params=[1280, 1440])
def admin(chromium: Browser, server: Live, password: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    page = chromium.new_page(base_url=server.url, viewport={"width": request.param, "height": 800}, locale="en-US")
    page.set_default_timeout(PATIENCE_MS)
    page.goto("/admin/")
    page.fill("#id_username", "root")
    page.fill("#id_password", password)
    page.click("input[type=submit]")
    page.wait_for_selector("#user-tools")
    yield page
    page.close()


def cut_off(page: Page) -> int:
    """How many pixels of the list are not seen."""
    return page.evaluate(
        """() => Math.max(document.documentElement.scrollWidth - innerWidth,
            ...[...document.querySelectorAll(".results")].map((list) => list.scrollWidth - list.clientWidth))"""
    )


def test_no_list_is_cut_off(admin: Page) -> None:
    for address in LISTS:
        admin.goto(f"/admin/{address}")
        assert cut_off(admin) <= 0, address


def test_nor_is_that_of_the_segments_after_years(admin: Page) -> None:
    admin.goto("/admin/recorder/segment/?kind=frames")
    for field, text in AFTER_YEARS.items():
        admin.evaluate(
            "([field, text]) => { document.querySelector(`tbody .field-${field}`).textContent = text; }", [field, text]
        )
    assert cut_off(admin) <= 0
    heads = [head.split("\n")[0].upper() for head in admin.locator("#result_list thead th .text").all_inner_texts()]
    assert heads[-6:] == ["SIZE", "GAPS", "PRICE", "STATE", "PINNED", "LINKS"]


def test_it_has_the_colours_of_the_page_light_and_dark(admin: Page) -> None:
    seen = []
    for scheme in ("light", "dark"):
        admin.emulate_media(color_scheme=scheme)
        admin.goto("/admin/")
        seen.append(admin.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert seen == ["rgb(255, 255, 255)", "rgb(11, 15, 21)"]
