"""Where the page is: links hold it, the browser's Back returns to it, and what an address says wrongly is told."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.pages.reading import STRIDE, number, open_at, wait_for_frame, wait_for_remark, wait_for_t_beyond
from tests.processes import Live

pytestmark = pytest.mark.browser


def first_frame(server: Live) -> int:
    t: int = server.json("/manifest/frames")[0]["start_t"]
    return t


@pytest.mark.long
def test_back_and_forward_walk_through_the_moments_looked_at(page: Page, server: Live) -> None:
    start = first_frame(server)
    page.goto("/live/")
    wait_for_t_beyond(page, "#frame-t", 0)
    page.keyboard.press("Home")
    expect(page.locator("#t")).to_have_text("0")
    expect(page).to_have_url(re.compile("/replay/.*[?&]t=0"))
    page.go_back()
    expect(page.locator("#follow")).to_have_attribute("aria-pressed", "true")
    wait_for_t_beyond(page, "#t", start)
    page.go_forward()
    expect(page.locator("#t")).to_have_text("0")
    expect(page.locator("#follow")).to_have_attribute("aria-pressed", "false")


@pytest.mark.long
def test_steps_leave_no_moments_behind_but_what_was_left_is_exact(page: Page, server: Live) -> None:
    start = first_frame(server)
    open_at(page, start)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    wait_for_frame(page, start + 3 * STRIDE)
    page.keyboard.press("Home")
    expect(page.locator("#t")).to_have_text("0")
    page.go_back()
    wait_for_frame(page, start + 3 * STRIDE)
    page.go_back()
    expect(page).to_have_url("about:blank")


@pytest.mark.long
def test_a_link_holds_the_look_and_opens_with_it(page: Page, server: Live) -> None:
    start = first_frame(server)
    open_at(page, start)
    page.select_option("#colour", "experience")
    page.locator("#show-proximity").uncheck()
    page.locator("#strength").fill("30")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("colour=experience&close=0&weight=30"))
    page.goto(page.url)
    wait_for_frame(page, start)
    expect(page.locator("#colour")).to_have_value("experience")
    expect(page.locator("#show-proximity")).not_to_be_checked()
    expect(page.locator("[data-legend=experience]")).to_be_visible()
    expect(page.locator("#least-strength")).to_have_text("30 %")


WRONG = {
    "t=abc": "The address says t=abc, which cannot be. It was left out.",
    "agent=x7": "The address says agent=x7, which cannot be. It was left out.",
    "colour=red": "The address says colour=red, which cannot be. It was left out.",
    "time=12": "The address says time, which means nothing here.",
    "t=999999999": "t = 999,999,999 is not recorded.",
}


@pytest.mark.long
def test_what_an_address_says_wrongly_is_told(page: Page) -> None:
    for query, said in WRONG.items():
        page.goto(f"/replay/?{query}")
        wait_for_remark(page, said)
        wait_for_t_beyond(page, "#frame-t", 0)


@pytest.mark.long
def test_only_the_present_is_called_live(page: Page) -> None:
    page.goto("/replay/")
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    expect(page.locator("#connection-text")).to_have_text("Connected")
    expect(page.locator("#doors [aria-current]")).to_have_text("Replay")
    assert page.get_by_text("Live", exact=True).count() == 1
    page.locator("#follow").click()
    expect(page.locator("#doors [aria-current]")).to_have_text("Live")
    assert number(page, "#t") > 0


@pytest.mark.long
def test_what_is_asked_for_before_the_page_is_at_its_place_is_done_then(page: Page) -> None:
    held: list[Route] = []
    clicked = False
    page.route("**/manifest/**", lambda route: route.continue_() if clicked else held.append(route))
    page.goto("/replay/")
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    page.locator("#follow").click()
    clicked = True
    for route in held:
        route.continue_()
    expect(page.locator("#doors [aria-current]")).to_have_text("Live")


@pytest.mark.long
def test_an_error_for_a_person_is_a_page_that_leads_on(watched_anywhere: Page, server: Live) -> None:
    page = watched_anywhere
    answer = page.goto(f"{server.url}/live/?symbol=NOBODY")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such market.")
    page.get_by_role("link", name="Live").click()
    wait_for_t_beyond(page, "#t", 0)
