"""Names on the page, in a real Chromium: found, shown, linked, and never more than text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.pages.conftest import _watch, new_context
from tests.pages.reading import Watched, frame_on_disk, open_at, shown_graph, wait_for_frame
from tests.pages.test_form import violations
from tests.processes import Live, Site, wait_until

pytestmark = pytest.mark.browser

EVIL = ['<img src=x onerror="window.hacked=1">', "\"'></script><script>window.hacked=1</script>", "javascript:hacked=1"]
NAMES = [*EVIL, "0x48D1" + "ab" * 20, "ann"]
GONE = "zoë who left"

#: The frame that is looked at, long after who left.
T = 90
STRIDE = 10

#: Of a tape that names nobody before this t, a frame of only such ticks.
NAMED_FROM, NAMELESS_T = 60, 50


def tick(t: int) -> dict[str, Any]:
    names = [*NAMES, GONE] if t < 20 else NAMES
    return {
        "type": "tick", "t": t, "ts": 1.7e9 + t,
        "s": {"price_norm": 0.5, "volatility": 0.1, "liquidity": 1.0, "imbalance": 0.0},
        "agents": [{"name": name, "experience": 0.5} for name in names],
        "actions": [{"id": i, "side": "buy", "price": 50_000.0 + i, "size": 1.0} for i in range(len(names))],
        "matches": [{"a": 0, "b": 4, "prob": 1.0}, {"a": 3, "b": 4, "prob": 1.0}],
    }  # fmt: skip


def nameless_tick(t: int) -> dict[str, Any]:
    agents = [{"id": i, "experience": 0.5} for i in range(len(NAMES))]
    return tick(t) | {"agents": agents, "actions": tick(T)["actions"]}


@contextmanager
def played(directory: Path, migrated: Path, ticks: list[dict[str, Any]]) -> Iterator[Live]:
    """A market that plays a tape of these ticks, as fast as it can."""
    tape = directory / "tape.jsonl"
    tape.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in ticks))
    site = Site(directory, migrated)
    try:
        yield site.serve(
            IG_SOURCE=f"file:{tape}", IG_SPEED=0, IG_CAM_W=30, IG_CAM_STRIDE=STRIDE,
            IG_AGENT_URL="https://scan.example/a/{name}?of={name}",
        )  # fmt: skip
    finally:
        site.end()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Live]:
    """A market that has played a tape of strangers' names to its end."""
    with played(tmp_path_factory.mktemp("names"), migrated_database, [tick(t) for t in range(T + 5)]) as live:
        wait_until(lambda: len(live.json("/agents")["agents"]) == len(NAMES) + 1, "the names")
        yield live


@pytest.fixture(scope="module")
def context(chromium: Browser, server: Live) -> Iterator[BrowserContext]:
    with new_context(chromium, server) as context:
        yield context


@pytest.fixture
def watched(context: BrowserContext) -> Iterator[Watched]:
    page = context.new_page()
    yield _watch(page)
    assert page.evaluate("window.hacked") is None
    page.close()
    context.clear_cookies()


@pytest.mark.long
@pytest.mark.parametrize("agents", [[0], [1, 2, 3, 4]])
def test_the_card_shows_a_name_as_text_and_links_to_its_page(page: Page, agents: list[int]) -> None:
    for agent in agents:
        open_at(page, T, f"&agent={agent}")
        assert_is_text_and_link(page, agent)


def assert_is_text_and_link(page: Page, agent: int) -> None:
    link = page.locator("#card-title a")
    expect(link).to_have_text(NAMES[agent])
    expect(page.locator("#card .number")).to_have_text(f"Agent {agent}")
    expect(page.locator("#card img, #card script")).to_have_count(0)
    encoded = quote(NAMES[agent], safe="!'()*")
    assert link.get_attribute("href") == f"https://scan.example/a/{encoded}?of={encoded}"
    assert link.get_attribute("rel") == "noopener noreferrer"
    assert violations(page) == []
    assert page.evaluate("window.hacked") is None


@pytest.mark.long
def test_an_agent_is_found_by_a_part_of_its_name_with_the_keyboard_alone(page: Page) -> None:
    open_at(page, T)
    page.keyboard.press("/")
    page.keyboard.type("0X48d1A")
    option = page.locator("#named-agents option")
    expect(option).to_have_count(1)  # the first letters fit more of them
    expect(option).to_have_attribute("value", NAMES[3])
    expect(option).to_have_attribute("label", "Agent 3")
    page.keyboard.press("Enter")
    expect(page.locator("#card-title")).to_have_text(NAMES[3])
    page.fill("#agent", "<IMG")
    page.press("#agent", "Enter")
    expect(page.locator("#card-title")).to_have_text(NAMES[0])
    page.fill("#agent", "4")
    page.press("#agent", "Enter")
    expect(page.locator("#card-title")).to_have_text("ann")


@pytest.mark.long
def test_one_who_left_is_found_in_the_register(page: Page) -> None:
    open_at(page, T)
    page.fill("#agent", "ZOË")
    expect(page.locator("#named-agents option")).to_have_count(1)
    expect(page.locator("#named-agents option")).to_have_attribute("label", "Agent 5, not in this frame")
    page.press("#agent", "Enter")
    expect(page.locator("#card-title")).to_have_text(GONE)
    expect(page.locator("#card .side")).to_have_text("not in this frame")
    page.reload()
    expect(page.locator("#card-title")).to_have_text(GONE)
    page.fill("#agent", "nobody")
    page.press("#agent", "Enter")
    page.wait_for_function("() => document.getElementById('agent').validationMessage !== ''")
    said = page.evaluate("document.getElementById('agent').validationMessage")
    assert said == "There is no agent nobody in this frame."


@pytest.mark.long
def test_a_page_that_stands_asks_again_for_a_name_that_it_could_not_read(watched: Watched) -> None:
    page = watched.page
    busy = {"error": {"code": "busy", "message": "too many questions"}}
    page.route("**/agents?*", lambda route: route.fulfill(status=503, json=busy), times=1)
    with page.expect_response("**/agents?*") as refused:
        open_at(page, T, "&agent=5")
    assert refused.value.status == 503
    expect(page.locator("#card-title")).to_have_text(GONE)


@pytest.mark.long
def test_a_long_name_leaves_what_stands_beside_it_in_sight(page: Page) -> None:
    open_at(page, T, "&agent=4")
    expect(page.locator("#card .partners button").last).to_have_text(NAMES[3])
    right = "element => element.getBoundingClientRect().right"
    ends = page.locator("#card .partners ul").evaluate(right)
    assert [count.evaluate(right) <= ends for count in page.locator("#card .partners .count").all()] == [True, True]
    open_at(page, T, "&agent=3")
    expect(page.locator("#card-title")).to_have_text(NAMES[3])
    lines = "element => element.getBoundingClientRect().height / parseFloat(getComputedStyle(element).fontSize)"
    assert page.locator("#card-title").evaluate(lines) < 5, "three lines, not one of each few letters"


@pytest.mark.long
def test_the_card_covers_no_button_of_the_graph(page: Page) -> None:
    open_at(page, T, "&agent=4")
    expect(page.locator("#card .number")).to_have_text("Agent 4")
    page.click("#fit")
    fit, card = page.locator("#fit").bounding_box(), page.locator("#card").bounding_box()
    assert fit is not None
    assert card is not None
    assert fit["x"] + fit["width"] <= card["x"]


@pytest.mark.long
def test_a_name_is_written_above_the_agent_that_is_pointed_at(page: Page) -> None:
    page.add_init_script(
        """window.written = new Set();
        const { fillText } = CanvasRenderingContext2D.prototype;
        CanvasRenderingContext2D.prototype.fillText = function (words, ...rest) {
            window.written.add(words);
            return fillText.call(this, words, ...rest);
        };"""
    )
    open_at(page, T, "&agent=3&lang=zh-hans")
    expect(page.locator("#card .number")).to_have_text("主体 3")
    page.wait_for_function("(name) => window.written.has(name)", arg=NAMES[3][:39] + "…")


@pytest.mark.long
def test_agents_of_a_run_without_names_are_not_named_after_those_of_another(
    chromium: Browser, tmp_path: Path, migrated_database: Path
) -> None:
    ticks = [nameless_tick(t) if t < NAMED_FROM else tick(t) for t in range(T + 5)]
    with played(tmp_path, migrated_database, ticks) as server, new_context(chromium, server) as context:
        frame_on_disk(server, T)
        page = _watch(context.new_page()).page
        open_at(page, T, "&agent=4")
        expect(page.locator("#card-title a")).to_have_text("ann")
        step_to(page, NAMELESS_T)
        assert_has_no_name(page)
        step_to(page, T)
        expect(page.locator("#card-title a")).to_have_text("ann")


def step_to(page: Page, t: int) -> None:
    """Frame by frame, within the page."""
    while (shown := shown_graph(page)["t"]) != t:
        way = 1 if t > shown else -1
        page.keyboard.press("ArrowRight" if way > 0 else "ArrowLeft")
        wait_for_frame(page, shown + way * STRIDE)


def assert_has_no_name(page: Page) -> None:
    expect(page.locator("#card-title")).to_have_text("Agent 4")
    expect(page.locator("#card-title a")).to_have_count(0)
    expect(page.locator("#card .number")).to_have_text("")
    page.fill("#agent", "ann")
    page.press("#agent", "Enter")
    page.wait_for_function("() => document.getElementById('agent').validationMessage !== ''")
    expect(page.locator("#named-agents option")).to_have_count(0)
    page.evaluate("document.activeElement.blur()")
