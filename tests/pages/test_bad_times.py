"""The page over a recording whose ts is in another unit, as older versions took it in."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.spoiling import spoil
from tests.pages.reading import STRIDE, WINDOW, number, wait_for_frame, wait_for_t_beyond
from tests.processes import Site

pytestmark = [pytest.mark.browser, pytest.mark.long]

MARKET = {"IG_CAM_W": WINDOW, "IG_CAM_STRIDE": STRIDE, "IG_SEED": 3}


def test_times_that_cannot_be_are_a_dash_and_hold_nothing_up(site: Site, watched_anywhere: Page) -> None:
    page, errors = watched_anywhere, []
    page.on("pageerror", lambda error: errors.append(str(error)))
    made = site.run("runmarket", "--ticks", "400", "--speed", "0", **MARKET)
    assert made.returncode == 0, made.stderr
    spoil(site, 1000, **MARKET)
    live = site.serve("serve", "-b", "127.0.0.1", **MARKET)
    page.goto(f"{live.url}/replay/?t=200")
    wait_for_frame(page, 200)
    expect(page.locator("#ts")).to_have_text("–")
    page.get_by_role("button", name="Play").click()
    wait_for_t_beyond(page, "#t", 201)
    assert number(page, "#t") > 201
    assert errors == []
