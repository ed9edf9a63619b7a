"""What is done with what is seen: two moments compared, files saved, the market judged, the parts explained."""

from __future__ import annotations

import csv
import io
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import networkx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.pages.reading import (
    STRIDE,
    frame_on_disk,
    open_at,
    recorded_frames,
    wait_for_frame,
    wait_for_remark,
    wait_until_settled,
)
from tests.pages.test_form import violations
from tests.processes import Live, Site, wait_until

pytestmark = pytest.mark.browser


def first_frame(server: Live) -> int:
    t: int = server.json("/manifest/frames")[0]["start_t"]
    return t


def edges_of(frame: dict, kind: str) -> set[tuple[int, int]]:  # type: ignore[type-arg]
    ids = {node["node_id"]: node["agent_id"] for node in frame["nodes"]}
    pairs = [(ids[edge["src"]], ids[edge["dst"]]) for edge in frame["edges"] if edge["type"] == kind]
    return {(min(pair), max(pair)) for pair in pairs}


@pytest.mark.long
def test_two_moments_are_compared_by_keyboard_and_the_link_holds_both(page: Page, server: Live) -> None:
    start = first_frame(server)
    open_at(page, start)
    page.keyboard.press("c")
    expect(page.locator("#comparison-title")).to_have_text(f"t = {start} compared with t = {start}")
    page.keyboard.press("Shift+ArrowRight")
    now = start + 10 * STRIDE
    wait_for_frame(page, now)
    before, after = frame_on_disk(server, start), frame_on_disk(server, now)
    changed = {kind: (edges_of(before, kind), edges_of(after, kind)) for kind in ("match", "quote_proximity")}
    gained = [len(new - old) for old, new in changed.values()]
    lost = [len(old - new) for old, new in changed.values()]
    assert sum(gained) > 0
    changes = page.locator("#changes li")
    expect(changes.nth(0)).to_have_text(f"Gained: {gained[0]} matched, {gained[1]} quoted close")
    expect(changes.nth(1)).to_have_text(f"Lost: {lost[0]} matched, {lost[1]} quoted close")
    expect(page.locator("#comparison-counts tr").first).to_have_text(re.compile("Agents"))
    expect(page.locator("#comparison-measures tr").first).to_have_text(re.compile(r"Density\s*\d\.\d+\s*\d\.\d+"))
    expect(page).to_have_url(re.compile(f"t={now}&from={start}$"))
    page.goto(page.url)
    wait_for_frame(page, now)
    expect(changes.nth(0)).to_have_text(f"Gained: {gained[0]} matched, {gained[1]} quoted close")
    page.keyboard.press("c")
    expect(page.locator("#comparison")).to_be_hidden()
    expect(page).to_have_url(re.compile(f"t={now}$"))


@pytest.mark.long
def test_a_moment_without_a_frame_is_not_compared_with(page: Page, server: Live) -> None:
    start = first_frame(server)
    open_at(page, start, "&from=0")
    wait_for_remark(page, "There is no frame at t = 0 to compare with.")
    expect(page.locator("#comparison")).to_be_hidden()


@pytest.mark.long
def test_a_page_that_no_stream_reaches_begins_anew_in_another_recording(page: Page, server: Live) -> None:
    def of_another(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, headers=answer.headers | {"market-camera-store": "0" * 32})

    start = first_frame(server)
    page.route_web_socket("**/ws/stream*", lambda route: route.close(code=1013))
    open_at(page, start, f"&from={start}")
    expect(page.locator("#comparison")).to_be_visible()
    page.route("**/manifest/*", of_another)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # instead of 20 s
    expect(page.locator("#comparison")).to_be_hidden()
    expect(page).to_have_url(re.compile(f"t={start}$"))
    wait_for_frame(page, start)


def saved(page: Page, what: str) -> tuple[str, bytes]:
    """The name and the content of a file that the menu makes."""
    page.keyboard.press("s")
    with page.expect_download() as download:
        page.locator(f"[data-save={what}]").click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def test_the_frame_is_saved_as_other_programs_read_it(page: Page, server: Live) -> None:
    start = first_frame(server)
    open_at(page, start)
    frame = frame_on_disk(server, start)
    name, graphml = saved(page, "graphml")
    assert name == f"IG-USD-t{start}.graphml"
    graph = networkx.parse_graphml(graphml.decode(), force_multigraph=True)
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (len(frame["nodes"]), len(frame["edges"]))
    for what, expected in (("nodes", frame["nodes"]), ("edges", frame["edges"])):
        _, table = saved(page, what)
        assert len(list(csv.DictReader(io.StringIO(table.decode())))) == len(expected)


SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.long
def test_the_graph_is_saved_as_it_is_seen(page: Page, server: Live) -> None:
    start = first_frame(server)
    open_at(page, start)
    agents = len(frame_on_disk(server, start)["nodes"])
    for key, view in enumerate(("force", "plane", "matrix", "ring"), 1):
        page.keyboard.press(str(key))
        expect(page.locator("#graph")).to_have_attribute("data-view", view)
        wait_until_settled(page, start)
        assert_is_saved(page, start, agents, view)


def assert_is_saved(page: Page, start: int, agents: int, view: str) -> None:
    name, drawn = saved(page, "graph-svg")
    picture = ElementTree.fromstring(drawn)
    assert (name, picture.tag) == (f"IG-USD-t{start}.svg", f"{SVG}svg")
    assert picture.findtext(f"{SVG}title") == f"IG-USD, t = {start}"
    if view == "matrix":
        (squares,) = picture.iter(f"{SVG}image")
        assert squares.get("href", "").startswith("data:image/png;base64,")
    else:
        dots = [path for path in picture.iter(f"{SVG}path") if path.get("fill") != "none"]
        assert len(dots) == agents
    name, pixels = saved(page, "graph-png")
    size = struct.unpack(">II", pixels[16:24])
    assert (name, pixels[:8]) == (f"IG-USD-t{start}.png", b"\x89PNG\r\n\x1a\n")
    assert size == (2 * float(picture.get("width", 0)), 2 * float(picture.get("height", 0)))


def all_drawn(file: tuple[str, bytes]) -> tuple[str, bytes] | None:
    """A saved picture of the charts, if each of its lines leads somewhere."""
    paths = ElementTree.fromstring(file[1]).iter(f"{SVG}path")
    lines = [path for path in paths if path.get("stroke-width") == "1.5"]
    return file if len(lines) >= 6 and all("L" in (line.get("d") or "") for line in lines) else None


def as_seen(page: Page) -> tuple[str, bytes] | None:
    """The saved picture of the charts, if it is whole and says what the page does."""
    if (file := all_drawn(saved(page, "charts-svg"))) is None:
        return None
    words = [text.text or "" for text in ElementTree.fromstring(file[1]).iter(f"{SVG}text")]
    return file if all(caption in words for caption in captions(page)) else None


def captions(page: Page) -> Iterator[str]:
    for caption in page.locator("#charts figcaption").all():
        parts = [" ".join(part.inner_text().split()) for part in caption.locator("> *").all()]
        # A title is followed by what it reads, and apart from the next title.
        yield " · ".join(" ".join(parts[at : at + 2]) for at in range(0, len(parts), 2))


@pytest.mark.long
def test_the_charts_are_saved_as_they_are_seen(page: Page, server: Live) -> None:
    start = first_frame(server)
    open_at(page, start)
    expect(page.locator("[data-chart=agents] .readout").first).not_to_have_text("–")
    # The readouts come before the lines are drawn as far as their data reach, and one after the other.
    name, _ = wait_until(lambda: as_seen(page), "lines in every chart, and under them what the page reads")
    assert name == f"IG-USD-t{start}-charts.svg"
    name, pixels = saved(page, "charts-png")
    assert (name, pixels[:8]) == (f"IG-USD-t{start}-charts.png", b"\x89PNG\r\n\x1a\n")


def stroke_of(page: Page, name: str) -> str:
    """How a stroke of one of the page's colours begins where it has an alpha."""
    colour = page.evaluate("(name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()", name)
    return f"rgba({', '.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))}, "


@pytest.mark.long
def test_all_views_show_which_agents_and_edges_came_and_went(page: Page, server: Live) -> None:
    early = frame_on_disk(server, first_frame(server))
    agents = {node["agent_id"] for node in early["nodes"]}

    def grown() -> dict | None:  # type: ignore[type-arg]
        later = (one for one in recorded_frames(server) if len(one["nodes"]) > len(agents))
        return next((one for one in later if lost_between(one, early)), None)

    late = wait_until(grown, "a frame with more agents and edges")
    joined = len({node["agent_id"] for node in late["nodes"]} - agents)
    for now, compared, sign, name in ((late, early, "+ ", "--gained"), (early, late, "− ", "--lost")):
        open_at(page, now["t"], f"&from={compared['t']}")
        expect(page.locator("#changes li")).to_have_count(5)
        for view in ("matrix", "ring", "force"):
            page.keyboard.press({"matrix": "3", "ring": "4", "force": "1"}[view])
            wait_until_settled(page, now["t"])
            drawn = list(ElementTree.fromstring(saved(page, "graph-svg")[1]).iter())
            page.keyboard.press("Escape")
            signs = [one for one in drawn if one.tag == f"{SVG}text" and (one.text or "").startswith(sign)]
            dashed = [one for one in drawn if one.get("stroke-dasharray")]
            if view == "force":
                # Each lost edge, and a ring in the place of each agent that left.
                left = joined if now is early else 0
                assert len(dashed) == lost_between(compared, now) + left
            else:
                assert len(signs) == joined, view
            if view == "ring":
                assert any(one.get("stroke", "").startswith(stroke_of(page, name)) for one in drawn)


def lost_between(before: dict, after: dict) -> int:  # type: ignore[type-arg]
    """Edges that the later frame has no more."""
    return sum(len(edges_of(before, kind) - edges_of(after, kind)) for kind in ("match", "quote_proximity"))


@pytest.mark.long
def test_the_overlay_names_parts_and_keys_and_gives_the_focus_back(page: Page, server: Live) -> None:
    open_at(page, first_frame(server))
    page.locator("#forward").focus()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    expect(page.locator("#close-help")).to_be_focused()
    t = page.inner_text("#t")
    page.keyboard.press("End")
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    expect(page.locator("#forward")).to_be_focused()
    assert page.inner_text("#t") == t


@pytest.mark.long
def test_the_returns_are_judged_on_wish(page: Page, server: Live) -> None:
    open_at(page, first_frame(server))
    page.locator("#realism summary").click()
    expect(page.locator("#realism-facts tr")).to_have_count(8)
    facts = server.json("/realism")["facts"]
    words = page.locator("#realism-facts .verdict")
    expect(words).to_have_count(len(facts))
    assert set(words.all_inner_texts()) <= {"inside", "outside", "too few data"}
    expect(page.locator("#realism-summary")).to_have_text(re.compile(r"^\d+ inside, \d+ outside, \d+ too few data$"))
    assert violations(page) == []


@pytest.mark.long
def test_a_page_without_anything_explains_what_there_will_be(watched_anywhere: Page, site: Site) -> None:
    page = watched_anywhere
    server = site.serve("serve")
    page.goto(f"{server.url}/live/")
    expect(page.locator("#first-look li")).to_have_count(3)
    expect(page.locator("#how-to-start")).to_contain_text("make run")
    expect(page.locator("#play")).to_have_attribute("aria-label", "Play")
    expect(page.locator("#charts .plot").first).to_be_hidden()
    expect(page.locator("#timeline")).to_be_hidden()
    assert violations(page) == []
