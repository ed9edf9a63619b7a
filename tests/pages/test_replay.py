"""The page in the past, in a real Chromium, against a real server."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pages.reading import (
    SOME_DRAWINGS,
    STRIDE,
    WINDOW,
    Watched,
    finished_frames,
    frame_on_disk,
    number,
    open_at,
    price_of,
    recorded_frames,
    shown_graph,
    size_of,
    tick_at,
    wait_for_frame,
    wait_for_t_beyond,
)
from tests.processes import Live, wait_until

pytestmark = pytest.mark.browser

#: A sparkline from one side of its box to the other.
A_COURSE = re.compile(r"^M0\.0 .*L72\.0 ")


def test_replay_plays_and_pauses(page: Page, server: Live) -> None:
    page.emulate_media(reduced_motion="no-preference")
    start = finished_frames(server)["start_t"]
    open_at(page, start)
    page.get_by_role("button", name="Play").click()
    wait_for_t_beyond(page, "#frame-t", start)
    page.get_by_role("button", name="Pause").click()
    page.evaluate(SOME_DRAWINGS)  # the last of what was playing is drawn
    stopped = number(page, "#t")
    page.evaluate(SOME_DRAWINGS)
    assert number(page, "#t") == stopped


@pytest.mark.long
def test_playing_reaches_the_present_and_goes_on_live(page: Page, server: Live) -> None:
    open_at(page, server.json("/manifest/frames")[-1]["start_t"])
    page.select_option("#speed", "64")
    page.get_by_role("button", name="Play").click()
    expect(page.locator("#follow")).to_have_attribute("aria-pressed", "true")


def test_every_frame_gone_to_is_the_recorded_one(page: Page, server: Live) -> None:
    segment = finished_frames(server)
    frames = {frame["t"]: frame for frame in recorded_frames(server, segment["start_t"], segment["end_t"])}
    open_at(page, segment["end_t"])
    for t in range(segment["end_t"], segment["start_t"] - 1, -STRIDE):
        wait_for_frame(page, t)
        assert shown_graph(page) == size_of(frames[t])
        page.keyboard.press("ArrowLeft")


@pytest.mark.long
def test_dragging_on_the_timeline_goes_to_a_moment(page: Page, server: Live) -> None:
    open_at(page, finished_frames(server)["end_t"])
    box = page.locator("#timeline").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 9, box["y"] + 10, steps=3)
    page.mouse.up()
    expect(page.locator("#t")).to_have_text("0")
    expect(page.locator("#waiting")).to_have_text(f"The first structure frame comes at t = {WINDOW}, {WINDOW} to go.")


@pytest.mark.long
def test_the_wheel_zooms_and_shift_drag_marks_a_loop(page: Page, server: Live) -> None:
    start = finished_frames(server)["start_t"]
    open_at(page, start)
    box = page.locator("#timeline").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 10)
    page.mouse.wheel(0, -1500)
    page.keyboard.down("Shift")
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 10, steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    expect(page.locator("#loop")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("\\")
    expect(page.locator("#loop")).to_have_attribute("aria-pressed", "false")


@pytest.mark.long
def test_replay_shows_the_metrics_of_the_same_moment(page: Page, server: Live) -> None:
    t = finished_frames(server)["end_t"]
    open_at(page, t)
    tick = tick_at(server, t)
    expect(page.locator("[data-chart=price] .readout")).to_have_text(price_of(tick))
    expect(page.locator("[data-chart=matches] .readout")).to_have_text(str(len(tick["matches"])))
    expect(page.locator("[data-chart=agents] .readout").first).to_have_text(str(len(tick["agents"])))


@pytest.mark.long
def test_a_link_opens_the_same_moment_and_agent(page: Page, server: Live) -> None:
    segment = finished_frames(server)
    open_at(page, segment["start_t"])
    agent = frame_on_disk(server, segment["start_t"])["nodes"][0]["agent_id"]
    page.get_by_placeholder("Agent…").fill(str(agent))
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    for _ in range(3):
        page.locator("#forward").click()
    t = segment["start_t"] + 3 * STRIDE
    wait_for_frame(page, t)
    page.wait_for_url(f"**t={t}&*")
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    wait_for_frame(page, t)
    expect(page.locator("#card-title")).to_have_text(f"Agent {agent}")


@pytest.mark.long
def test_a_pinned_agent_shows_every_feature_with_its_course(page: Page, server: Live) -> None:
    t = finished_frames(server)["end_t"]
    node = frame_on_disk(server, t)["nodes"][0]
    open_at(page, t, f"&agent={node['agent_id']}")
    rows = page.locator("#card dl div")
    # The dominant side stands in the title, what it matched with beside its partners.
    assert rows.count() == len(node["features"].keys() - {"dominant_side", "pool_count", "degree"})
    expect(rows.nth(0).locator("dd")).to_have_text(str(node["features"]["buy_count"]))
    expect(rows.nth(0).locator("path")).to_have_attribute("d", A_COURSE)
    page.keyboard.press("Escape")
    expect(page.locator("#card")).to_be_hidden()


@pytest.mark.long
def test_an_agent_that_is_not_there_is_said(page: Page, server: Live) -> None:
    open_at(page, finished_frames(server)["start_t"])
    page.get_by_placeholder("Agent…").fill("99999")
    page.keyboard.press("Enter")
    said = "There is no agent 99999 in this frame."
    page.wait_for_function("(said) => document.getElementById('agent').validationMessage === said", arg=said)


@pytest.mark.long
def test_a_segment_is_read_by_ranges_that_begin_at_seek_points(page: Page, server: Live) -> None:
    segment = finished_frames(server)
    with page.expect_request(lambda one: "/segment/frames/" in one.url and "seek" not in one.url) as request:
        open_at(page, segment["start_t"])
    points = server.json(f"/segment/{segment['path']}?format=seek")["seek_points"]
    assert request.value.headers["range"].startswith(f"bytes={points[0][1]}-")


def test_a_gap_is_shown(page: Page, server: Live) -> None:
    def with_gap(route: Any) -> None:
        response = route.fetch()
        segments = [one for one in response.json() if not 0 < one["start_t"] <= 60]
        if segments and segments[0]["start_t"] == 0:  # a later request asks for what is new alone
            segments[0]["end_t"] = 40
        route.fulfill(response=response, json=segments)

    page.route("**/manifest/ticks*", with_gap)
    with_gaps(page, server, [{"from_t": 41, "to_t": 60}])
    page.goto("/replay/?t=50")
    expect(page.locator("#waiting")).to_have_text("Nothing was recorded from t = 41 to 60.")


def with_gaps(page: Page, server: Live, gaps: list[dict[str, int]]) -> None:
    """Lets the overview tell of gaps."""
    answer = server.json("/overview") | {"gaps": gaps}
    page.route("**/overview?*", lambda route: route.fulfill(json=answer))


def with_hole(page: Page, server: Live) -> tuple[int, int]:
    """Takes a segment of frames, and that time's ticks, out of the manifests; the frames beside the hole."""
    before, lost, after = wait_until(lambda: three_finished(server), "a segment longer than the window")

    def frames(route: Any) -> None:
        response = route.fetch()
        segments = [one for one in response.json() if one["path"] != lost["path"]]
        route.fulfill(response=response, json=segments)

    def ticks(route: Any) -> None:
        response = route.fetch()
        if not response.json():  # of what is new, where there is nothing
            route.fulfill(response=response)
            return
        whole = response.json()[-1]
        early = whole | {"start_t": 0, "end_t": before["end_t"] + 2, "pending": False}
        route.fulfill(response=response, json=[early, whole | {"start_t": after["start_t"] - WINDOW + 1}])

    page.route("**/manifest/frames*", frames)
    page.route("**/manifest/ticks*", ticks)
    with_gaps(page, server, [{"from_t": before["end_t"] + 3, "to_t": after["start_t"] - WINDOW}])
    return before["end_t"], after["start_t"]


def three_finished(server: Live) -> tuple[dict[str, Any], ...] | None:
    """Segments of frames in a row, the second of more ticks than a window, as a busy machine makes few of."""
    finished = [one for one in server.json("/manifest/frames") if not one["pending"]]
    threes = zip(finished, finished[1:], finished[2:], strict=False)
    return next((three for three in threes if three[2]["start_t"] - three[0]["end_t"] > WINDOW + 2 * STRIDE), None)


@pytest.mark.long
def test_stepping_crosses_the_end_of_a_segment_and_a_gap_either_way(page: Page, server: Live) -> None:
    before, after = with_hole(page, server)
    open_at(page, before)
    page.keyboard.press("ArrowRight")
    wait_for_frame(page, after)
    page.keyboard.press("ArrowLeft")
    wait_for_frame(page, before)
    page.goto(f"/replay/?t={before + STRIDE + 3}&agent=0")
    expect(page.locator("#waiting")).to_contain_text("Nothing was recorded from t =")
    expect(page.locator("#card .side")).to_have_text("not in this frame")
    expect(page.locator("#card dl")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    wait_for_frame(page, after)
    expect(page.locator("#card dl")).to_be_visible()


@pytest.mark.long
def test_the_picture_stays_until_the_next_is_there(page: Page, server: Live) -> None:
    first = finished_frames(server)
    name = first["path"].split("/")[-1]
    page.route("**/segment/frames/**", lambda route: route.continue_() if name in route.request.url else None)
    open_at(page, first["end_t"])
    shown = shown_graph(page)
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#waiting")).to_have_text("Reading the recording…")
    assert shown_graph(page) == shown


@pytest.mark.long
def test_what_failed_heals_by_itself(watched: Watched, server: Live) -> None:
    page, t = watched.page, finished_frames(server)["start_t"]
    failing = {"manifest": 1, "segment": 2}

    def once(route: Any, what: str) -> None:
        failing[what] -= 1
        if failing[what] >= 0:
            route.abort()
        else:
            route.continue_()

    page.route("**/manifest/metrics*", lambda route: once(route, "manifest"))
    page.route("**/segment/**", lambda route: once(route, "segment"))
    page.goto(f"/replay/?t={t}")
    wait_for_frame(page, t)
    expect(page.locator("#waiting")).to_be_hidden()
    expect(page.locator("[data-chart=price] .readout")).to_have_text(price_of(tick_at(server, t)))


@pytest.mark.long
def test_the_address_holds_the_moment_however_it_was_reached(page: Page, server: Live) -> None:
    page.goto("/replay/")
    page.wait_for_url("**/replay/?symbol=IG-USD&t=*")
    start = finished_frames(server)["start_t"]
    open_at(page, start)
    page.locator("[data-chart=price] .u-over").click(position={"x": 5, "y": 20})
    expect(page.locator("#t")).not_to_have_text(f"{start:,}")
    shown = "document.getElementById('t').textContent.replaceAll(',', '')"
    page.wait_for_function(f"() => new URL(location).searchParams.get('t') === {shown}")
    link = page.get_by_role("link", name="简体中文")
    t = number(page, "#t")
    assert t != start
    expect(link).to_have_attribute("href", f"/replay/?symbol=IG-USD&t={t}&lang=zh-hans")


@pytest.mark.long
def test_bursts_and_shocks_are_listed_and_lead_to_their_moment(page: Page, server: Live) -> None:
    t = finished_frames(server)["start_t"]
    shock = {"t": t + 12, "kind": "price", "size": 0.02, "score": 6.25}
    frame = frame_on_disk(server, t) | {"t": t + 20, "events": {"bursts": [], "shocks": [shock]}}
    page.route_web_socket("**/ws/stream*", lambda route: route.send(json.dumps(frame)))
    open_at(page, t)
    entry = page.locator("#happenings a")
    expect(entry).to_contain_text("price shock, 6.3 σ")
    page.fill("#agent", "0")
    page.press("#agent", "Enter")
    expect(entry).to_have_attribute("href", f"/replay/?symbol=IG-USD&t={t + 20}&agent=0")
    entry.click()
    wait_for_frame(page, t + 20)  # the one that tells of it


@pytest.mark.long
def test_without_a_recording_it_says_so(page: Page) -> None:
    page.route("**/manifest/*", lambda route: route.fulfill(json=[]))
    page.route_web_socket("**/ws/stream*", lambda route: None)
    page.goto("/replay/")
    expect(page.locator("#first-look")).to_be_visible()
    expect(page.locator("#announced")).to_have_text(
        f"Nothing is recorded yet. The first structure frame comes at t = {WINDOW}."
    )


@pytest.mark.long
def test_an_error_is_said_in_the_visitors_language_else_in_the_servers_words(watched: Watched) -> None:
    error = {"message": "removed on 2026-01-24"}
    watched.page.route("**/segment/frames/**", lambda route: route.fulfill(status=404, json={"error": error}))
    for error["code"], language, words in (
        ("segment_removed", "en", "This part of the recording was cleaned away."),
        ("segment_removed", "zh-hans", "这部分录制已被清理。"),
        ("of_another_kind", "en", "removed on 2026-01-24"),
    ):
        watched.page.goto(f"/replay/?lang={language}")
        expect(watched.page.locator("#waiting")).to_have_text(words)
