"""The four views of the structure: what they show, who is selected in them, and that a moment has one picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pages.reading import (
    SOME_DRAWINGS,
    STRIDE,
    finished_frames,
    frame_on_disk,
    open_at,
    recorded_frames,
    wait_for_frame,
    wait_until_settled,
)
from tests.processes import Live, wait_until

pytestmark = pytest.mark.browser

VIEWS = ["force", "plane", "matrix", "ring"]


def a_frame(server: Live) -> dict[str, Any]:
    """One some way into the recording, so that the layout's anchor is another."""
    return frame_on_disk(server, finished_frames(server)["start_t"] + 2 * STRIDE)


def busiest_pair(frame: dict[str, Any]) -> tuple[dict[str, Any], str, str]:
    """The match edge of the greatest weight, and its agents."""
    edge = max((edge for edge in frame["edges"] if edge["type"] == "match"), key=lambda edge: edge["w"])
    of = {node["node_id"]: str(node["agent_id"]) for node in frame["nodes"]}
    return edge, of[edge["src"]], of[edge["dst"]]


@pytest.mark.long
def test_keys_choose_the_view_and_the_link_holds_it_with_the_selection(page: Page, server: Live) -> None:
    frame = a_frame(server)
    agent = str(frame["nodes"][0]["agent_id"])
    open_at(page, frame["t"], f"&agent={agent}")
    pictures = set()
    for key, view in enumerate(VIEWS, 1):
        page.keyboard.press(str(key))
        expect(page.locator("#graph")).to_have_attribute("data-view", view)
        expect(page.locator(f"input[value={view}]")).to_be_checked()
        wait_until_settled(page, frame["t"])
        pictures.add(page.locator("#graph").screenshot())
    assert len(pictures) == len(VIEWS)
    expect(page).to_have_url(re.compile("view=ring"))
    expect(page.locator("#card-title")).to_have_text(f"Agent {agent}")
    page.goto(page.url)
    expect(page.locator("#graph")).to_have_attribute("data-view", "ring")


@pytest.mark.long
def test_a_moment_has_one_picture_opened_or_scrubbed_to(page: Page, server: Live) -> None:
    t = a_frame(server)["t"]
    open_at(page, t)
    wait_until_settled(page, t)
    opened = page.locator("#graph").screenshot()
    page.keyboard.press("Shift+ArrowRight")
    wait_for_frame(page, t + 10 * STRIDE)
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    wait_for_frame(page, t)
    wait_until_settled(page, t)
    assert page.locator("#graph").screenshot() == opened


@pytest.mark.long
def test_the_page_says_how_many_of_the_pairs_it_shows(page: Page, server: Live) -> None:
    frame = a_frame(server)
    open_at(page, frame["t"])
    pairs, edges = frame["window"]["pairs"], frame["edges"]
    matches = [edge for edge in edges if edge["type"] == "match"]
    facts = page.locator("#frame-facts")
    whole = pairs["match"] + pairs["quote_proximity"]
    all_of = f"all {whole:,} pairs" if len(edges) == whole else f"strongest {len(edges):,} of {whole:,} pairs"
    expect(facts).to_contain_text(all_of)
    page.locator("#show-proximity").uncheck()
    few = len(matches), pairs["match"]
    expect(facts).to_contain_text(f"all {few[1]:,} pairs" if few[0] == few[1] else f"{few[0]:,} of {few[1]:,} pairs")
    page.locator("#strength").fill("95")
    expect(facts).to_contain_text(re.compile(rf"strongest \d+ of {few[1]:,} pairs"))


@pytest.mark.long
def test_an_agents_card_leads_to_its_partners_and_keys_from_agent_to_agent(page: Page, server: Live) -> None:
    frame = a_frame(server)
    edge, agent, partner = busiest_pair(frame)
    open_at(page, frame["t"], f"&agent={agent}")
    first = page.locator(".partners li", has=page.locator(f"[data-agent='{partner}']"))
    expect(first).to_contain_text(f"× {round(edge['w'] * frame['window']['W'])}")
    first.get_by_role("button").click()
    expect(page.locator("#card-title")).to_have_text(f"Agent {partner}")
    page.locator("#timeline").focus()
    page.keyboard.press(".")
    expect(page.locator("#card-title")).not_to_have_text(f"Agent {partner}")
    page.keyboard.press(",")
    expect(page.locator("#card-title")).to_have_text(f"Agent {partner}")


@pytest.mark.long
def test_a_square_of_the_matrix_tells_its_pair_and_count(page: Page, server: Live) -> None:
    frame = a_frame(server)
    open_at(page, frame["t"], "&view=matrix&close=0")
    wait_until_settled(page, frame["t"])
    box = page.locator("#graph").bounding_box()
    assert box is not None
    tip = page.locator("#tip")
    told = ""
    for step in range(400):  # a walk that meets a square of a match sooner or later
        x, y = 0.3 + 0.4 * (step % 20) / 20, 0.15 + 0.6 * (step // 20) / 20
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        told = tip.text_content() or ""
        if "matched" in told:
            page.evaluate(SOME_DRAWINGS)  # it may have been told of the place before
            told = tip.text_content() or ""
        if "matched" in told:
            break
    found = re.match(r"(\d+) – (\d+): (\d+) × matched", told)
    assert found, told
    pair = frozenset(found.groups()[:2])
    assert count_of(frame, pair) == int(found[3])
    # The pointer rests, and frames go by until the pair has another count.
    other = wait_until(lambda: next(frames_with_another(server, frame, pair), None), "a frame with another count")
    for _ in range(frame["t"], other["t"], STRIDE):
        page.keyboard.press("ArrowRight")
    wait_until_settled(page, other["t"])
    words = f"{count_of(other, pair)} × matched" if count_of(other, pair) else "no edge shown"
    expect(tip).to_contain_text(f"{found[1]} – {found[2]}: {words}")


def frames_with_another(server: Live, frame: dict[str, Any], pair: frozenset[str]) -> Iterator[dict[str, Any]]:
    """The frames behind one in which two agents matched more or less often."""
    return (one for one in recorded_frames(server, frame["t"]) if count_of(one, pair) != count_of(frame, pair))


def count_of(frame: dict[str, Any], pair: frozenset[str]) -> int:
    """How often two agents matched in the window of a frame, 0 if that is no edge."""
    nodes = {node["node_id"]: str(node["agent_id"]) for node in frame["nodes"]}
    matches = (edge for edge in frame["edges"] if edge["type"] == "match")
    edge = next((edge for edge in matches if {nodes[edge["src"]], nodes[edge["dst"]]} == pair), None)
    return 0 if edge is None else round(edge["w"] * frame["window"]["W"])


@pytest.mark.long
def test_beside_an_agents_card_nothing_in_the_plane_lies_over_anything(page: Page, server: Live) -> None:
    frame = a_frame(server)
    page.set_viewport_size({"width": 1280, "height": 800})
    open_at(page, frame["t"], f"&view=plane&agent={frame['nodes'][0]['agent_id']}")
    wait_until_settled(page, frame["t"])
    expect(page.locator("#card-title")).to_be_visible()
    boxes = [page.locator(name).bounding_box() for name in ("#card", "#fit", ".amounts")]
    card, fit, legend = ((box["x"], box["x"] + box["width"]) for box in boxes if box is not None)
    assert legend[1] <= fit[0]
    assert fit[1] <= card[0]
