"""The graph's picture, in a real Chromium: what is drawn, and what becomes of it."""

from __future__ import annotations

import base64
import math
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pages.reading import (
    SOME_DRAWINGS,
    finished_frames,
    frame_on_disk,
    open_at,
    recorded_frames,
    wait_until_settled,
)
from tests.processes import Live, wait_until

pytestmark = pytest.mark.browser

#: How many pixels of a PNG have the hue of matches, and how many that of quotes close to each other.
HUES = """async (png) => {
    const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
    const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const canvas = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
    canvas.drawImage(picture, 0, 0);
    const { data } = canvas.getImageData(0, 0, picture.width, picture.height);
    let [green, violet] = [0, 0];
    for (let i = 0; i < data.length; i += 4) {
        const [r, g, b] = data.subarray(i, i + 3);
        green += g - r > 30 && g > b;
        violet += b - g > 30 && r - g > 5;
    }
    return { green, violet };
}"""


def hues(page: Page) -> dict[str, int]:
    page.evaluate(SOME_DRAWINGS)
    return page.evaluate(HUES, base64.b64encode(page.locator("#graph").screenshot()).decode())


def kinds_of(frame: dict[str, Any]) -> set[str]:
    return {edge["type"] for edge in frame["edges"]}


def frame_with_both_kinds(server: Live) -> int:
    both_kinds = {"match", "quote_proximity"}
    return wait_until(
        lambda: next((frame["t"] for frame in recorded_frames(server) if kinds_of(frame) == both_kinds), None),
        "a frame with both kinds of edge",
    )


def test_each_kind_of_edge_is_drawn_and_can_be_taken_out_of_the_picture(page: Page, server: Live) -> None:
    page.emulate_media(color_scheme="light")
    t = frame_with_both_kinds(server)
    open_at(page, t)
    wait_until_settled(page, t)
    both = hues(page)
    assert both["green"] > 100, both
    assert both["violet"] > 100, both
    page.uncheck("#show-proximity")
    matches = hues(page)
    assert matches["green"] > 100, matches
    assert matches["violet"] < 20, matches
    page.uncheck("#show-match")
    neither = hues(page)
    assert neither["green"] < 20, neither
    assert neither["violet"] < 20, neither


#: What a driver that is reset, or a laptop that wakes up, does to the pictures of a page.
LOSE_CONTEXTS = """async () => {
    for (const canvas of document.querySelectorAll("#graph canvas")) {
        const context = canvas.getContext("webgl2");
        if (!context) continue;
        const lost = new Promise((resolve) => canvas.addEventListener("webglcontextlost", resolve, { once: true }));
        const control = context.getExtension("WEBGL_lose_context");
        control.loseContext();
        await lost;
        setTimeout(() => control.restoreContext());
    }
}"""


@pytest.mark.long
def test_the_graph_comes_back_when_the_graphics_driver_was_lost(page: Page, server: Live) -> None:
    page.emulate_media(color_scheme="light")
    open_at(page, frame_with_both_kinds(server))
    before = hues(page)
    page.evaluate(LOSE_CONTEXTS)
    wait_until(lambda: hues(page)["green"] > before["green"] / 2, "the graph drawn again")


@pytest.mark.long
def test_an_agent_that_has_gone_is_not_pointed_at_any_more(page: Page, server: Live) -> None:
    t = finished_frames(server)["start_t"]
    open_at(page, t)
    wait_until_settled(page, t)
    box = page.locator("#graph").bounding_box()
    assert box is not None
    middle = (box["width"] / 2, box["height"] / 2)
    places = [(x, y) for y in range(0, int(box["height"]), 8) for x in range(0, int(box["width"]), 8)]
    places.sort(key=lambda place: math.dist(place, middle))  # where agents are densest is where one is found first
    pointing = page.locator("#graph.pointing")
    for x, y in places:
        page.mouse.move(box["x"] + x, box["y"] + y)
        if pointing.count():
            page.evaluate(SOME_DRAWINGS)  # it may have been found at the place before
            if pointing.count():
                break
    expect(pointing).to_have_count(1)
    page.keyboard.press("Home")
    expect(pointing).to_have_count(0)


@pytest.mark.long
def test_an_agent_that_was_looked_for_stays_in_the_middle_until_somebody_looks_elsewhere(
    page: Page, server: Live
) -> None:
    # So large that the agent's card does not lie over the middle.
    page.set_viewport_size({"width": 1600, "height": 1000})
    start = finished_frames(server)["start_t"]
    frame = frame_on_disk(server, start)
    open_at(page, start)
    page.fill("#agent", str(frame["nodes"][0]["agent_id"]))
    page.press("#agent", "Enter")
    expect(page.locator("#card-title")).to_be_visible()
    page.evaluate("document.activeElement.blur()")
    box = page.locator("#graph .web").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def pointed_at() -> bool:
        """Who is there is found out when the pointer moves."""
        page.mouse.move(x, y - 2)
        page.mouse.move(x, y)
        return page.locator("#graph.pointing").count() == 1

    for view in ("2", "1"):
        page.mouse.move(5, 5)
        page.keyboard.press(view)
        wait_until_settled(page, start)
        wait_until(pointed_at, "the agent in the middle")
