"""The admin in a browser: each list whole in the width of a small laptop, after years too, and the front page on a
telephone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.pages.conftest import PATIENCE_MS
from tests.pages.long_rows import SYMBOL
from tests.processes import Live, Site

pytestmark = pytest.mark.long

LISTS = (
    "recorder/market/",
    "recorder/run/",
    *(f"recorder/segment/?market={SYMBOL}&kind={kind}" for kind in ("ticks", "frames")),
    f"recorder/agent/?market={SYMBOL}",
    f"bars/bar/?market={SYMBOL}&resolution=1s",
    f"bars/gap/?market={SYMBOL}",
    "subscribe/alert/",
    "access/token/",
    "access/auditentry/",
    "backtests/backtest/",
    "auth/user/",
    "auth/group/",
    "admin/logentry/",
)


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Live]:
    """A server without a market of its own, whose database has rows of years."""
    site = Site(tmp_path_factory.mktemp("aged"), migrated_database)
    code = "from tests.pages.long_rows import fill; fill()"
    made = site.run("shell", "-v", "0", "-c", code)
    assert made.returncode == 0, made.stderr
    user = ("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.org")
    made = site.run(*user, DJANGO_SUPERUSER_PASSWORD="a-word-to-pass")
    assert made.returncode == 0, made.stderr
    try:
        yield site.serve("serve")
    finally:
        site.end()


@pytest.fixture(scope="module")
def admin(chromium: Browser, aged: Live) -> Iterator[Page]:
    page = chromium.new_page(base_url=aged.url, viewport={"width": 1280, "height": 800}, locale="en-US")
    page.set_default_timeout(PATIENCE_MS)
    page.goto("/admin/")
    page.fill("#id_username", "root")
    page.fill("#id_password", "a-word-to-pass")
    page.click("input[type=submit]")
    page.wait_for_selector("#user-tools")
    yield page
    page.close()


def cut_off(page: Page) -> int:
    """How many pixels of the page or of its list are not seen."""
    return page.evaluate(
        """() => Math.max(document.scrollingElement.scrollWidth - innerWidth,
            ...[...document.querySelectorAll(".results, .scroll")].map((one) => one.scrollWidth - one.clientWidth))"""
    )


def test_no_list_is_cut_off(admin: Page) -> None:
    wide = {}
    for address in LISTS:
        admin.goto(f"/admin/{address}")
        assert admin.locator("#result_list tbody tr").count() > 0, address
        wide[address] = cut_off(admin)
    assert {address: pixels for address, pixels in wide.items() if pixels > 0} == {}


def test_the_front_page_is_whole_on_a_laptop_and_on_a_telephone(admin: Page) -> None:
    for width in (1280, 390):
        admin.set_viewport_size({"width": width, "height": 800})
        admin.goto("/admin/")
        assert admin.evaluate("document.scrollingElement.scrollWidth") <= width
        assert admin.locator("#front .block").count() == 9
        broad = admin.evaluate("[...document.querySelectorAll('#front .block')].map((one) => one.offsetWidth)")
        assert min(broad) > 250, "a telephone has them below each other"
    admin.set_viewport_size({"width": 1280, "height": 800})


def test_a_telephone_breaks_no_word_of_a_list(admin: Page) -> None:
    admin.set_viewport_size({"width": 390, "height": 800})
    admin.goto("/admin/admin/logentry/")
    lines = """[...document.querySelectorAll("#result_list .field-kind")].map((one) => {
        const text = document.createRange();
        text.selectNodeContents(one);
        return text.getClientRects().length;
    })"""
    assert admin.evaluate(lines) == [1, 1]
    assert admin.evaluate("document.scrollingElement.scrollWidth") <= 390
    admin.goto(f"/admin/recorder/segment/?market={SYMBOL}")
    admin.goto(str(admin.locator("#result_list tbody th a").first.get_attribute("href")))
    assert admin.evaluate("document.scrollingElement.scrollWidth") <= 390, "the page of a segment"
    admin.set_viewport_size({"width": 1280, "height": 800})


def test_doing_an_action_and_leaving_it_are_of_one_size_and_one_stands_out(admin: Page) -> None:
    admin.goto(f"/admin/recorder/segment/?market={SYMBOL}")
    admin.locator("#result_list input.action-select").first.check()
    admin.select_option("select[name=action]", "unpin")
    admin.click(".actions button[type=submit]")
    do, leave = admin.locator("form.asked input[type=submit]"), admin.locator("form.asked a.button")
    (one, other), paint = (do.bounding_box(), leave.bounding_box()), "(one) => getComputedStyle(one).backgroundColor"
    assert one is not None
    assert other is not None
    assert (one["y"], one["height"]) == pytest.approx((other["y"], other["height"]), abs=1)
    assert do.evaluate(paint) != leave.evaluate(paint)


def test_the_front_page_stays_current(admin: Page, aged: Live) -> None:
    admin.goto("/admin/")
    assert admin.locator("#block-backtests .headline").inner_text().startswith("None runs or waits")
    failed = "from backtests.models import Backtest; Backtest.objects.update(status='failed')"
    assert aged.site.run("shell", "-v", "0", "-c", failed).returncode == 0
    expect(admin.locator("#block-backtests .headline")).to_contain_text("2 failed")


def test_it_has_the_colours_of_the_page_light_and_dark(admin: Page) -> None:
    seen = []
    for scheme in ("light", "dark"):
        admin.emulate_media(color_scheme=scheme)
        admin.goto("/admin/")
        seen.append(admin.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert seen == ["rgb(255, 255, 255)", "rgb(11, 15, 21)"]
