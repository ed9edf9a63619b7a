"""What holds for the page in every form: accessible, in both languages, on a phone, by keyboard alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.pages.conftest import PATIENCE_MS
from tests.pages.reading import SOME_DRAWINGS, STRIDE, number, open_at, wait_for_frame, wait_for_t_beyond
from tests.processes import Live, wait_until

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js").read_text()
DOORS = ["/live/", "/replay/"]


def violations(page: Page) -> list[str]:
    page.evaluate(AXE)
    found = page.evaluate(
        """axe.run(document, {
            runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
            rules: { "target-size": { enabled: true } },
        })"""
    )
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found["violations"]]


@pytest.mark.parametrize(
    ("path", "width", "scheme"),
    [
        pytest.param("/live/", 390, "light", marks=pytest.mark.long),
        ("/replay/", 1000, "dark"),
        pytest.param("/live/", 1000, "dark", marks=pytest.mark.long),
        pytest.param("/replay/", 390, "light", marks=pytest.mark.long),
    ],
)
def test_axe_finds_no_violation(page: Page, path: str, scheme: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(f"{path}?agent=0")
    wait_for_t_beyond(page, "#frame-t", 0)
    assert violations(page) == []


@pytest.mark.long
@pytest.mark.parametrize("path", DOORS)
def test_a_narrow_screen_needs_no_sideways_scroll(page: Page, path: str) -> None:
    page.goto(path)
    wait_for_t_beyond(page, "#frame-t", 0)
    for width in (768, 390, 320):
        page.set_viewport_size({"width": width, "height": 740})
        page.evaluate(SOME_DRAWINGS)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_alone_is_enough(page: Page, server: Live) -> None:
    page.goto("/live/")
    wait_for_t_beyond(page, "#frame-t", 0)
    page.keyboard.press("Space")
    expect(page.locator("#play")).to_have_attribute("aria-label", "Play")
    page.keyboard.press("Home")
    expect(page.locator("#t")).to_have_text("0")
    start = server.json("/manifest/frames")[0]["start_t"]
    for _ in range(start // (10 * STRIDE)):
        page.keyboard.press("Shift+ArrowRight")
    wait_for_frame(page, start)
    page.keyboard.press("ArrowRight")
    wait_for_frame(page, start + STRIDE)
    page.keyboard.press("/")
    page.keyboard.type("0")
    page.keyboard.press("Enter")
    expect(page.locator("#card-title")).to_have_text("Agent 0")
    page.keyboard.press("Escape")
    expect(page.locator("#card")).to_be_hidden()
    page.locator("#timeline").focus()
    page.keyboard.press("l")
    expect(page.locator("#follow")).to_have_attribute("aria-pressed", "true")


@pytest.mark.long
def test_each_door_leads_to_the_other_without_a_new_page(page: Page) -> None:
    page.goto("/live/")
    wait_for_t_beyond(page, "#frame-t", 0)
    page.evaluate("window.same = true")
    doors = page.get_by_role("navigation", name="Past and present")
    doors.get_by_role("link", name="Replay").click()
    page.wait_for_url("**/replay/*")
    doors.get_by_role("link", name="Live").click()
    page.wait_for_url("**/live/*")
    wait_for_t_beyond(page, "#t", number(page, "#t"))
    assert page.evaluate("window.same") is True


@pytest.mark.long
def test_a_browser_that_prefers_chinese_gets_chinese(chromium: Browser, server: Live) -> None:
    page = chromium.new_page(base_url=server.url, locale="zh-CN")
    page.set_default_timeout(PATIENCE_MS)
    page.goto("/live/")
    expect(page.locator("#connection-text")).to_have_text("已连接")
    assert page.get_attribute("html", "lang") == "zh-hans"
    page.close()


@pytest.mark.long
def test_the_language_is_switched_by_a_link_and_kept(page: Page) -> None:
    page.goto("/replay/")
    page.get_by_role("link", name="简体中文").click()
    expect(page.locator("#structure-title")).to_have_text("结构")
    page.goto("/live/")
    expect(page.locator("#structure-title")).to_have_text("结构")
    page.get_by_role("link", name="English").click()
    expect(page.locator("#structure-title")).to_have_text("Structure")


@pytest.mark.long
def test_colours_and_filters_change_the_legend(page: Page) -> None:
    page.goto("/live/")
    wait_for_t_beyond(page, "#frame-t", 0)
    page.select_option("#colour", "experience")
    expect(page.locator("[data-legend=experience]")).to_be_visible()
    expect(page.locator("[data-legend=imbalance]")).to_be_hidden()
    page.locator("#show-match").uncheck()
    page.locator("#strength").fill("50")
    hidden = "the weakest 50 percent of each kind are hidden"
    expect(page.locator("#strength")).to_have_attribute("aria-valuetext", hidden)


#: How the parts look that tell something by their colour alone: swatches of legends, dots and lines.
LOOKS = """() => {
    const names = ["background-color", "background-image"];
    const look = (part) => names.map((name) => getComputedStyle(part)[name]).join(" ");
    const all = [...document.querySelectorAll("main span:empty, .now")];
    window.coloured ??= all.filter((part) => look(part) !== "rgba(0, 0, 0, 0) none");
    return window.coloured.map((part) => [part.className, look(part)]);
}"""


@pytest.mark.long
def test_colours_that_tell_something_stay_where_the_screen_has_its_own(page: Page, server: Live) -> None:
    open_at(page, server.json("/manifest/frames")[0]["start_t"])
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")  # which a dot tells
    looks = page.evaluate(LOOKS)
    assert len(looks) > 20
    page.emulate_media(forced_colors="active")
    assert page.evaluate(LOOKS) == looks
    ground = "(link) => getComputedStyle(link).backgroundColor"
    assert page.locator("#to-replay").evaluate(ground) != page.locator("#to-live").evaluate(ground)


@pytest.mark.long
def test_a_page_kept_open_does_not_hold_more_and_more_elements(page: Page) -> None:
    page.goto("/live/")
    wait_for_t_beyond(page, "#frame-t", 0)
    count = "document.getElementsByTagName('*').length"
    before = page.evaluate(count)
    wait_for_t_beyond(page, "#t", number(page, "#t") + 300)
    wait_until(lambda: page.evaluate(count) <= before + 20, "no more elements than before")


@pytest.mark.long
def test_a_screen_reader_is_not_flooded(page: Page) -> None:
    page.goto("/live/")
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    wait_for_t_beyond(page, "#frame-t", 0)
    page.evaluate(
        """() => {
            [window.said, window.covered] = [[], 0];
            const cover = (changes) => (window.covered += changes.length);
            const words = { childList: true, characterData: true, subtree: true };
            new MutationObserver(cover).observe(document.getElementById("waiting"), words);
            const live = "[role=status], [role=alert], [aria-live], output";
            const hear = (changes) => window.said.push(...changes.map(({ target }) => target.id || target.textContent));
            for (const region of document.querySelectorAll(live)) {
                new MutationObserver(hear).observe(region, words);
            }
        }"""
    )
    wait_for_t_beyond(page, "#t", number(page, "#t") + 100)
    said, covered = page.evaluate("[window.said, window.covered]")
    assert len(said) <= 2 + covered, "a frame that is late may be told once, and that it has come"


@pytest.mark.long
def test_a_finger_on_the_graph_or_timeline_scrolls_the_page(chromium: Browser, server: Live) -> None:
    page = chromium.new_page(
        base_url=server.url, viewport={"width": 390, "height": 740}, has_touch=True, is_mobile=True, locale="en-US"
    )
    page.set_default_timeout(PATIENCE_MS)
    page.goto("/live/")
    wait_for_t_beyond(page, "#frame-t", 0)
    touch = page.context.new_cdp_session(page)
    for selector in ("#graph", "#timeline"):
        page.evaluate("scrollTo(0, 0)")
        box = page.locator(selector).bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        for moved in range(15, 165, 15):
            touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y - moved}]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_function("() => scrollY > 50")
    page.close()


@pytest.mark.long
def test_buttons_zoom_the_timeline(page: Page, server: Live) -> None:
    open_at(page, server.json("/manifest/frames")[0]["start_t"])
    pixels = "document.getElementById('track').toDataURL()"
    whole = page.evaluate(pixels)
    page.get_by_role("button", name="Show less of the timeline").click()
    wait_until(lambda: page.evaluate(pixels) != whole, "another stretch of the timeline")


@pytest.mark.long
def test_a_zoomed_timeline_goes_with_the_playhead(page: Page, server: Live) -> None:
    wait_until(lambda: server.json("/manifest/ticks")[-1]["end_t"] > 1000, "a thousand ticks on disk")
    start = server.json("/manifest/frames")[0]["start_t"]
    open_at(page, start)
    for _ in range(6):
        page.get_by_role("button", name="Show less of the timeline").click()
    page.select_option("#speed", "64")
    page.get_by_role("button", name="Play").click()
    whole = int(page.get_attribute("#timeline", "aria-valuemax") or "")
    wait_for_t_beyond(page, "#t", start + whole // 5)
    page.get_by_role("button", name="Pause").click()
    page.evaluate(SOME_DRAWINGS)  # the t that is written may lie behind the one that is drawn
    t = number(page, "#t")
    page.locator("#track").click()
    assert abs(number(page, "#t") - t) < whole / 20, "what is seen lies around the playhead"


@pytest.mark.long
def test_a_browser_without_module_workers_is_told(chromium: Browser, server: Live) -> None:
    page = chromium.new_page(base_url=server.url, locale="en-US")
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script("window.Worker = class { constructor() {} postMessage() {} terminate() {} };")
    page.goto("/live/")
    expect(page.locator("#unsupported")).to_contain_text("Firefox from 114")
    page.close()


#: Of the charts those that are cut off: neither wholly within their room nor wholly out of it. Pixels may be rounded.
CUT_OFF = """() => {
    const room = document.getElementById("charts").getBoundingClientRect();
    const boxes = [...document.querySelectorAll(".chart")].map((chart) => chart.getBoundingClientRect());
    const seen = boxes.filter(({ top, bottom }) => bottom > room.top + 1 && top < room.bottom - 1);
    return seen.filter(({ top, bottom }) => top < room.top - 1 || bottom > room.bottom + 1).length;
}"""


@pytest.mark.long
def test_on_a_small_screen_no_chart_is_cut_off_and_a_card_covers_no_controls(page: Page, server: Live) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    open_at(page, server.json("/manifest/frames")[0]["start_t"], "&agent=0")
    charts = page.locator("#charts")
    expect(charts.locator("canvas")).to_have_count(7)
    expect(page.locator("#card dl")).to_be_visible()
    sizes = charts.evaluate("({ scrollHeight, clientHeight }) => [scrollHeight, clientHeight]")
    assert sizes[0] > sizes[1], "there are more than have room"
    for to in (0, 60, 10_000):
        charts.evaluate(f"(charts) => charts.scrollTo(0, {to})")
        page.wait_for_function(f"() => ({CUT_OFF})() === 0")
    card, look = page.locator("#card").bounding_box(), page.locator(".look").bounding_box()
    assert card is not None
    assert look is not None
    assert card["height"] > 100
    assert card["y"] + card["height"] <= look["y"]


@pytest.mark.long
def test_the_player_of_a_phone_leaves_room(page: Page, server: Live) -> None:
    start = server.json("/manifest/frames")[0]["start_t"]
    page.set_viewport_size({"width": 390, "height": 740})
    open_at(page, start, "&agent=0")
    page.locator("#card").scroll_into_view_if_needed()
    overlap = """() => {
        const boxOf = (selector) => document.querySelector(selector).getBoundingClientRect();
        const [card, player] = [boxOf("#card"), boxOf(".transport")];
        return Math.min(card.bottom, player.bottom) - Math.max(card.top, player.top);
    }"""
    assert page.evaluate(overlap) <= 0
    page.keyboard.press("Escape")
    page.evaluate("scrollTo(0, 0)")
    below = "innerHeight - document.querySelector('.transport').getBoundingClientRect().bottom"
    page.wait_for_function(f"() => Math.abs({below}) < 1", polling=100)
    page.set_viewport_size({"width": 844, "height": 390})
    expect(page.locator("#card")).to_be_hidden()
    box = page.locator(".transport").bounding_box()
    assert box is not None
    assert box["height"] < 390 / 4
