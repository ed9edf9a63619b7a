"""Timeline, charts and events in a real Chromium, against a real server."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pages.reading import (
    SOME_DRAWINGS,
    Watched,
    finished_frames,
    open_at,
    price_of,
    tick_at,
    wait_for_frame,
)
from tests.processes import Live, wait_until

pytestmark = pytest.mark.browser

PRICE = "[data-chart=price] .readout"


def told(page: Page, server: Live, more: dict[str, Any]) -> None:
    """Lets the overview tell something else."""
    answer = server.json("/overview") | more
    page.route("**/overview?*", lambda route: route.fulfill(json=answer))


def test_hovering_a_chart_says_which_t_it_reads_and_leaving_it_returns(page: Page, server: Live) -> None:
    t = finished_frames(server)["end_t"]
    open_at(page, t)
    expect(page.locator("#read-t")).to_have_text(f"{t:,}")
    expect(page.locator(PRICE)).to_have_text(price_of(tick_at(server, t)))
    page.locator("[data-chart=matches] .u-over").hover(position={"x": 5, "y": 10})
    expect(page.locator("#read")).to_have_class(re.compile("hovered"))
    wait_until(lambda: read_elsewhere(page, server, t), "the price of the tick under the pointer")
    page.mouse.move(5, 5)
    expect(page.locator("#read-t")).to_have_text(f"{t:,}")
    expect(page.locator(PRICE)).to_have_text(price_of(tick_at(server, t)))


def read_elsewhere(page: Page, server: Live, t: int) -> bool:
    """Whether another tick is read than that of t, and its price; more of the chart may come while it is asked."""
    told, price = page.evaluate(f"['#read-t', '{PRICE}'].map((one) => document.querySelector(one).textContent)")
    read = told.replace(",", "")
    return read.isdigit() and int(read) != t and price == price_of(tick_at(server, int(read)))


@pytest.mark.long
def test_the_charts_go_along_with_a_zoomed_timeline_and_ask_little(page: Page, server: Live) -> None:
    wait_until(lambda: server.json("/manifest/ticks")[-1]["end_t"] > 2500, "enough ticks to zoom")
    page.add_init_script("window.setInterval = () => 0")  # what is asked for by the clock
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_at(page, finished_frames(server)["end_t"])
    wait_until(lambda: page.evaluate("document.querySelector('#read-t').textContent") != "–", "charts")
    box = page.locator("#timeline").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 200, box["y"] + 30)
    for _ in range(12):
        page.mouse.wheel(0, -40)
        page.evaluate(SOME_DRAWINGS)
    expect(page.locator("#chart-span")).to_have_value("timeline")
    overviews = [url for url in asked if "/overview?" in url]
    assert len(overviews) < 8, "one answer serves many steps"
    page.wait_for_url("**span=timeline*")


@pytest.mark.long
def test_no_value_is_read_where_nothing_was_recorded(watched: Watched, server: Live) -> None:
    """The charts have buckets alone, since no segment of metrics can be read."""
    page = watched.page
    end = finished_frames(server)["end_t"]
    wait_until(lambda: server.json("/overview")["t"][-1] > end, "an overview that goes on after the segment")
    body = server.json("/overview")
    kept = [i for i, t in enumerate(body["t"]) if not 0 < t <= end]
    columns = {name: value for name, value in body.items() if isinstance(value, dict)}
    cut = {name: {part: [column[i] for i in kept] for part, column in value.items()} for name, value in columns.items()}
    gaps = [{"from_t": 41, "to_t": end}]
    told(page, server, cut | {"t": [body["t"][i] for i in kept], "gaps": gaps})
    page.route("**/segment/metrics/**", lambda route: route.abort())
    page.goto(f"/replay/?t={end - 5}")
    expect(page.locator("#read-t")).to_have_text(f"{end - 5:,}")
    expect(page.locator(PRICE)).to_have_text("–")
    page.goto(f"/replay/?t={body['t'][-1]}")  # the end of the timeline would be one that this overview has not yet
    expect(page.locator(PRICE)).not_to_have_text("–")


@pytest.mark.long
def test_all_events_are_listed_and_walked_through_by_their_frames(page: Page, server: Live) -> None:
    segment = finished_frames(server)
    first, second = segment["start_t"], segment["end_t"]
    events = [
        {"t": first - 3, "kind": "price", "size": 0.02, "score": 6.25, "frame_t": first},
        {"t": second - 4, "kind": "burst", "size": 3, "score": 4.5, "frame_t": second},
    ]
    told(page, server, {"events": events})
    open_at(page, second)
    rows = page.locator("#happenings a")
    expect(rows).to_have_text([re.compile("burst of matches, 4.5 σ · 3 ticks"), re.compile("price shock, 6.3 σ")])
    expect(page.locator("#no-happenings")).to_have_text("2")
    expect(rows.first).to_have_attribute("aria-current", "true")
    page.get_by_role("button", name="Previous burst or shock").click()
    wait_for_frame(page, first)
    expect(rows.last).to_have_attribute("aria-current", "true")
    page.keyboard.press("n")
    wait_for_frame(page, second)
    page.keyboard.press("p")
    wait_for_frame(page, first)
    expect(rows.last).to_have_attribute("aria-current", "true")
    assert rows.evaluate_all("(links) => links.map(({ tabIndex }) => tabIndex)") == [-1, 0], "a stop of the Tab key"
    rows.last.focus()
    page.keyboard.press("ArrowUp")
    expect(rows.first).to_be_focused()
    assert rows.evaluate_all("(links) => links.map(({ tabIndex }) => tabIndex)") == [0, -1]


@pytest.mark.long
def test_none_is_said_only_of_a_whole_recording_without_events(page: Page, server: Live) -> None:
    told(page, server, {"events": [], "unsummed_events": [{"from_t": 0, "to_t": 9}]})
    page.goto("/replay/")
    expect(page.locator("#no-happenings")).to_have_text("Reading the recording…")
    told(page, server, {"events": [], "unsummed_events": []})
    page.reload()
    expect(page.locator("#no-happenings")).to_have_text("None in the whole recording.")


@pytest.mark.long
def test_measures_of_the_structure_are_chosen(page: Page, server: Live) -> None:
    open_at(page, finished_frames(server)["end_t"])
    expect(page.locator("[data-chart=modularity] .readout")).not_to_have_text("–")
    page.locator(".choose summary").click()
    page.locator("#measures input[value=density]").check()
    page.locator("#measures input[value=modularity]").uncheck()
    expect(page.locator("[data-chart=modularity]")).to_have_count(0)
    expect(page.locator("[data-chart=density] .readout")).not_to_have_text("–")


@pytest.mark.long
def test_a_page_that_stands_asks_again_for_what_was_not_summed_up(page: Page, server: Live) -> None:
    t = finished_frames(server)["end_t"]
    answer = server.json(f"/structure?t0=0&t1={t}&measures=modularity")
    nothing: dict[str, list[float]] = {"mean": [], "min": [], "max": []}
    answer |= dict.fromkeys(("modularity", "clustering", "top_share"), nothing)
    answer |= {"t": [], "ts": [], "unsummed": [{"from_t": 0, "to_t": t}]}
    page.route("**/structure?*", lambda route: route.fulfill(json=answer), times=1)
    with page.expect_response("**/structure?*"):
        open_at(page, t)
    readout = page.locator("[data-chart=modularity] .readout")
    seen = "void document.dispatchEvent(new Event('visibilitychange'))"  # as when somebody looks at the page again
    wait_until(lambda: page.evaluate(seen) is None and readout.text_content() != "–", "what is summed up by now")


@pytest.mark.long
def test_the_measures_chosen_and_the_zoom_come_back_by_link_reload_and_back(page: Page, server: Live) -> None:
    wait_until(lambda: server.json("/manifest/ticks")[-1]["end_t"] > 1000, "enough ticks to zoom")
    t = finished_frames(server)["start_t"]
    open_at(page, t, f"&density=1&modularity=0&zoom={t}-{t + 400}")

    def is_as_in_the_link() -> None:
        expect(page.locator("[data-chart=density]")).to_have_count(1)
        expect(page.locator("[data-chart=modularity]")).to_have_count(0)
        expect(page).to_have_url(re.compile(rf"zoom={t}-{t + 400}&.*modularity=0"))

    is_as_in_the_link()
    page.reload()
    wait_for_frame(page, t)
    is_as_in_the_link()
    page.keyboard.press("Home")
    page.get_by_role("button", name="Show less of the timeline").click()
    page.locator(".choose summary").click()
    page.locator("#measures input[value=density]").uncheck()
    expect(page).not_to_have_url(re.compile(rf"density=1|zoom={t}-{t + 400}"))
    page.go_back()
    wait_for_frame(page, t)
    is_as_in_the_link()
