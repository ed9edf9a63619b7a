"""The replay page, and what both pages share, in a real Chromium, against a real server."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pages.reading import (
    STRIDE,
    WINDOW,
    Watched,
    number,
    price_of,
    recorded_frames,
    shown_graph,
    size_of,
    tick_at,
    wait_for_t_beyond,
)
from tests.processes import Live, wait_until

pytestmark = pytest.mark.browser


def finished_frames(server: Live) -> dict[str, Any]:
    """The oldest segment of frames."""
    return next(segment for segment in server.json("/manifest/frames") if not segment["pending"])


def open_finished(page: Page, server: Live, more: str = "") -> dict[str, Any]:
    segment = finished_frames(server)
    page.goto(f"/replay/?segment={name_of(segment)}{more}")
    expect(page.locator("#state")).to_have_attribute("data-state", "ready")
    wait_for_t_beyond(page, "#frame-t", 0)
    return segment


#: Time enough for a page that still played to show it.
SOME_DRAWINGS = """async () => {
    for (let i = 0; i < 10; i++) await new Promise((drawn) => requestAnimationFrame(drawn));
}"""


def name_of(segment: dict[str, Any]) -> str:
    return str(segment["path"]).split("/")[-1]


def scrub_to(page: Page, t: int) -> None:
    page.locator("#scrub").fill(str(t))
    page.wait_for_function("(t) => document.getElementById('frame-t').textContent === String(t)", arg=t)


def test_replay_plays_and_pauses(page: Page, server: Live) -> None:
    segment = open_finished(page, server)
    assert number(page, "#frame-t") == segment["start_t"]
    page.get_by_role("button", name="Play").click()
    wait_for_t_beyond(page, "#frame-t", segment["start_t"])
    page.get_by_role("button", name="Pause").click()
    stopped = page.input_value("#scrub")
    page.evaluate(SOME_DRAWINGS)
    assert page.input_value("#scrub") == stopped


def test_replay_plays_to_the_end_and_stops(page: Page, server: Live) -> None:
    segment = open_finished(page, server)
    page.select_option("#speed", "64")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("(t) => Number(document.getElementById('frame-t').textContent) === t", arg=segment["end_t"])
    expect(page.locator("#play")).to_have_attribute("data-playing", "false")


def test_every_frame_scrubbed_to_is_the_recorded_one(page: Page, server: Live) -> None:
    segment = open_finished(page, server)
    frames = recorded_frames(server)
    for t in range(segment["end_t"], segment["start_t"] - 1, -8 * STRIDE):
        scrub_to(page, t)
        assert shown_graph(page) == size_of(frames[t])


def test_replay_shows_the_metrics_of_the_same_moment(page: Page, server: Live) -> None:
    segment = open_finished(page, server)
    scrub_to(page, segment["end_t"])
    tick = tick_at(server, segment["end_t"])
    expect(page.locator("[data-chart=price] output")).to_have_text(price_of(tick))
    expect(page.locator("[data-chart=matches] output")).to_have_text(str(len(tick["matches"])))
    expect(page.locator("[data-chart=agents] output").first).to_have_text(str(len(tick["agents"])))


def test_a_link_opens_the_same_moment(page: Page, server: Live) -> None:
    segment = open_finished(page, server)
    t = segment["start_t"] + 5 * STRIDE
    scrub_to(page, t)
    page.locator("#scrub").dispatch_event("change")
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    expect(page.locator("#frame-t")).to_have_text(str(t))


def test_a_moment_alone_finds_its_segment(page: Page, server: Live) -> None:
    segment = finished_frames(server)
    page.goto(f"/replay/?t={segment['end_t']}")
    expect(page.locator("#frame-t")).to_have_text(str(segment["end_t"]))
    expect(page.locator("#segments a[aria-current]")).to_have_attribute("data-segment", name_of(segment))


def test_the_newest_segment_opens_while_it_is_being_recorded(page: Page) -> None:
    page.goto("/replay/")
    expect(page.locator("#state")).to_have_attribute("data-state", "ready")
    pending = page.locator("#segments a").filter(has_text="recording")

    def listed() -> bool:
        """Between the end of one segment and the first frame of the next there is none."""
        with page.expect_response("**/manifest/frames*"):
            page.get_by_role("button", name="Refresh").click()
        return pending.count() == 1

    wait_until(listed, "a pending segment in the list")
    with page.expect_request("**/segment/frames/*_pending*"):
        pending.click()
    expect(page.locator("#state")).to_have_attribute("data-state", "ready")


def test_another_segment_is_chosen_from_the_list(page: Page, server: Live) -> None:
    page.goto("/replay/")
    expect(page.locator("#state")).to_have_attribute("data-state", "ready")
    page.locator("#segments a").last.click()
    expect(page.locator("#frame-t")).to_have_text(str(finished_frames(server)["start_t"]))


def test_without_a_recording_it_says_when_the_first_frame_comes(page: Page) -> None:
    page.route("**/manifest/frames*", lambda route: route.fulfill(json=[]))
    page.goto("/replay/")
    expect(page.locator("#state")).to_have_attribute("data-state", "empty")
    expect(page.locator("#state")).to_have_text(f"No recording yet. The first structure frame comes at t = {WINDOW}.")


def test_an_error_is_shown_in_the_servers_words(watched: Watched) -> None:
    body = {"error": {"code": "segment_removed", "message": "removed on 2026-01-24"}}
    watched.page.route("**/segment/frames/**", lambda route: route.fulfill(status=404, json=body))
    watched.page.goto("/replay/")
    expect(watched.page.locator("#state")).to_have_attribute("data-state", "error")
    expect(watched.page.locator("#state")).to_have_text("removed on 2026-01-24")


@pytest.mark.parametrize("path", ["/live/", "/replay/"])
def test_a_phone_needs_no_sideways_scroll(page: Page, path: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(path)
    wait_for_t_beyond(page, "#frame-t", 0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize(("path", "other"), [("/live/", "Replay"), ("/replay/", "Live")])
def test_each_page_leads_to_the_other(page: Page, path: str, other: str) -> None:
    page.goto(path)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name=other).click()
    page.wait_for_url(f"**/{other.lower()}/*")
    wait_for_t_beyond(page, "#frame-t", 0)
