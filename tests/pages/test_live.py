"""The page at the present, in a real Chromium, against a real server."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.pages.reading import (
    SOME_DRAWINGS,
    STRIDE,
    WINDOW,
    frame_on_disk,
    number,
    recorded_frames,
    shown_graph,
    size_of,
    wait_for_frame,
    wait_for_remark,
    wait_for_t_beyond,
)
from tests.processes import ROOT, Live, Site, free_port, wait_until

pytestmark = pytest.mark.browser

GOLDEN = ROOT / "tests" / "data" / "golden"

#: Hides the page, or lets it be seen: a browser draws nothing of a page that nobody sees, until somebody sees it.
LOOK = """(state) => {
    if (state === "hidden") {
        window.undrawn = [];
        window.seenFrame = window.requestAnimationFrame;
        window.requestAnimationFrame = (draw) => window.undrawn.push(draw);
    } else {
        window.requestAnimationFrame = window.seenFrame;
        for (const draw of window.undrawn) window.requestAnimationFrame(draw);
    }
    Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.mark.long
def test_live_counts_up(page: Page) -> None:
    page.goto("/live/")
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    wait_for_t_beyond(page, "#t", 0)
    wait_for_t_beyond(page, "#t", number(page, "#t") + 20)


def test_the_graph_has_the_nodes_and_edges_of_its_frame(page: Page, server: Live) -> None:
    page.emulate_media(reduced_motion="no-preference")
    page.goto("/live/")
    wait_for_t_beyond(page, "#frame-t", 0)
    shown = shown_graph(page)
    assert shown == size_of(frame_on_disk(server, shown["t"]))
    assert shown["nodes"] > 0
    assert page.get_attribute("#graph", "data-drawn") == "true"


@pytest.mark.long
def test_the_page_asks_for_all_it_shows_whatever_others_get_unasked(watched_anywhere: Page, site: Site) -> None:
    server = site.serve(IG_STREAM_TYPES="tick", IG_SPEED=10, IG_CAM_W=20)
    watched_anywhere.goto(f"{server.url}/live/")
    wait_for_t_beyond(watched_anywhere, "#frame-t", 0)
    wait_for_t_beyond(watched_anywhere, "#frame-t", number(watched_anywhere, "#frame-t") + 20)


@pytest.mark.long
def test_a_hidden_page_asks_for_no_list_and_one_that_is_seen_for_what_is_new(
    watched_anywhere: Page, server: Live
) -> None:
    page = watched_anywhere
    asked: list[str] = []
    page.on("request", lambda request: "/manifest/" in request.url and asked.append(request.url))
    page.clock.install()
    wait_until(lambda: len(server.json("/manifest/ticks")) > 4, "more segments than are new at any time")
    with page.expect_request("**/segment/metrics/**"):  # for the charts, once it knows the lists
        page.goto(f"{server.url}/live/")
    wait_for_t_beyond(page, "#t", 0)
    # On a slow machine it asks for what is new meanwhile.
    first = [next(url for url in asked if f"/manifest/{kind}" in url) for kind in ("ticks", "frames", "metrics")]
    assert not [url for url in first if "after_t" in url], "the first time all of it"

    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    page.evaluate(LOOK, "hidden")
    page.clock.run_for(20_000)  # whoever was reading then finds the lists old, and asks once more
    with page.expect_request("**/health?last"):  # what it asked before this has been told once this is
        page.evaluate("void fetch('/health?last')")
    asked.clear()
    for _ in range(6):
        page.clock.run_for(20_000)
    assert asked == []
    with page.expect_response(lambda response: "/manifest/ticks" in response.url) as heard:
        page.evaluate(LOOK, "visible")
    assert "after_t=" in heard.value.url
    assert len(heard.value.json()) < len(server.json("/manifest/ticks"))
    with page.expect_request(lambda request: "/manifest/ticks" in request.url):
        page.clock.run_for(20_000)


@pytest.mark.long
def test_the_charts_begin_with_what_was_recorded_before(page: Page) -> None:
    with page.expect_request(lambda request: "/segment/metrics/" in request.url):
        page.goto("/live/")
    expect(page.locator("[data-chart=agents] .readout").first).not_to_have_text("–")
    # Four of the market, and three measures of the structure.
    expect(page.locator("#charts canvas")).to_have_count(7)


@pytest.mark.long
@pytest.mark.parametrize("door", ["live", "replay"])
def test_bursts_and_shocks_from_before_the_page_are_listed(watched_anywhere: Page, site: Site, door: str) -> None:
    site.apart = True  # what digests tell is waited for
    server = site.serve(IG_SOURCE=f"file:{GOLDEN / 'events.ticks.jsonl.zst'}", IG_SPEED=0, IG_CAM_W=100)
    frame_on_disk(server, 790)  # the last one
    told = [event["t"] for frame in recorded_frames(server) for event in frame["events"]["shocks"]]
    watched_anywhere.goto(f"{server.url}/{door}/")
    shocks = watched_anywhere.locator("#happenings a", has_text="shock")
    expect(shocks).to_have_count(len(told))
    assert sorted(int(shock.get_attribute("data-t") or "") for shock in shocks.all()) == sorted(told)


def test_pausing_leaves_live_and_one_button_returns_with_nothing_missed(page: Page, server: Live) -> None:
    page.goto("/live/")
    wait_for_t_beyond(page, "#frame-t", 0)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#follow")).to_have_attribute("aria-pressed", "false")
    page.evaluate(SOME_DRAWINGS)  # the last of what was playing is drawn
    t = number(page, "#t")
    wait_for_t_beyond_max(page, t + 30)
    assert number(page, "#t") == t
    page.locator("#forward").click()
    wait_for_frame(page, t - t % 10 + 10)
    assert shown_graph(page) == size_of(frame_on_disk(server, t - t % 10 + 10))
    page.locator("#follow").click()
    wait_for_t_beyond(page, "#t", t + 30)
    expect(page.locator("#follow")).to_have_attribute("aria-pressed", "true")
    assert "/live/" in page.url


def wait_for_t_beyond_max(page: Page, t: int) -> None:
    """Waits until the timeline's end lies beyond t."""
    page.wait_for_function(
        "(t) => Number(document.getElementById('timeline').getAttribute('aria-valuemax')) > t", arg=t
    )


#: Lets a test see what the page's sockets bring, and close them.
WATCH_SOCKETS = """
    window.sockets = [];
    window.tickTs = [];
    window.WebSocket = class extends WebSocket {
        constructor(...address) {
            super(...address);
            window.sockets.push(this);
            this.addEventListener("message", ({ data }) => {
                const { type, t } = JSON.parse(data);
                if (type === "tick") window.tickTs.push(t);
            });
        }
    };
"""


#: Closes the page's socket; the next state of the connection, which may stand for less than a look at the page takes.
CLOSE_AND_SEE = """() => new Promise((seen) => {
    const state = document.getElementById("connection");
    new MutationObserver(() => seen(state.dataset.state)).observe(state, { attributeFilter: ["data-state"] });
    window.sockets[0].close();
})"""


def test_a_lost_connection_is_resumed_without_a_hole(page: Page) -> None:
    page.add_init_script(WATCH_SOCKETS)
    page.goto("/live/")
    page.wait_for_function("() => window.tickTs?.length")  # a page that has heard nothing has no hole to fill
    t = number(page, "#t")
    assert page.evaluate(CLOSE_AND_SEE) == "reconnecting"
    wait_for_remark(page, "were filled in")
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    wait_for_t_beyond(page, "#t", t + 20)
    sockets, ts = page.evaluate("[window.sockets.length, window.tickTs]")
    assert sockets >= 2  # a busy machine may lose one more
    assert ts == list(range(ts[0], ts[-1] + 1))


@pytest.mark.long
def test_a_restart_of_the_server_leaves_no_hole(watched_anywhere: Page, site: Site) -> None:
    page = watched_anywhere
    settings = {"IG_SPEED": 5, "IG_CAM_W": 20, "IG_CAM_STRIDE": 10}
    first = site.serve(**settings)
    page.add_init_script(WATCH_SOCKETS)
    page.goto(f"{first.url}/live/")
    page.wait_for_function("() => window.tickTs.at(-1) > 30")
    first.stop()
    expect(page.locator("#connection")).to_have_attribute("data-state", "reconnecting")
    t = number(page, "#t")
    site.serve(PORT=first.port, **settings)
    wait_for_t_beyond(page, "#t", t + 20)
    ts = page.evaluate("window.tickTs")
    assert ts == list(range(ts[0], ts[-1] + 1))


def tick(t: int) -> str:
    state = {"price_norm": 0.5, "volatility": 0.003, "liquidity": 1.0, "imbalance": 0.0}
    return json.dumps({"type": "tick", "t": t, "ts": 1e9 + t, "s": state})


def nothing_recorded(page: Page) -> None:
    page.route("**/manifest/*", lambda route: route.fulfill(json=[]))


@pytest.mark.long
def test_before_the_first_frame_it_says_when_that_comes(page: Page) -> None:
    nothing_recorded(page)
    page.route_web_socket("**/ws/stream*", lambda route: [route.send(tick(t)) for t in range(WINDOW - 39)])
    page.goto("/live/")
    expect(page.locator("#waiting")).to_have_text(f"The first structure frame comes at t = {WINDOW}, 40 to go.")
    expect(page.locator("#announced")).to_have_text(f"The first structure frame comes at t = {WINDOW}.")


@pytest.mark.long
def test_a_market_that_does_not_run_is_said(page: Page) -> None:
    page.route_web_socket("**/ws/stream*", lambda route: route.send(tick(WINDOW + 5)))
    page.route("**/health*", lambda route: route.fulfill(json={"ok": True, "meta": {"running": False}}))
    page.goto("/live/")
    expect(page.locator("#connection")).to_have_attribute("data-state", "no-market")


def frame(t: int) -> str:
    window = {"W": WINDOW, "t0": t - WINDOW + 1, "t1": t, "stride": STRIDE}
    return json.dumps({"type": "frame", "t": t, "ts": 1e9 + t, "window": window, "nodes": [], "edges": []})


@pytest.mark.long
def test_the_frame_of_a_run_that_is_over_does_not_stand_for_the_next(page: Page) -> None:
    nothing_recorded(page)
    page.route_web_socket("**/ws/stream*", lambda route: [route.send(one) for one in (frame(700), tick(700))])
    page.goto("/live/")
    wait_for_frame(page, 700)
    page.route_web_socket("**/ws/stream*", lambda route: [route.send(one) for one in (frame(700), tick(700 + STRIDE))])
    page.goto("/live/")
    expect(page.locator("#waiting")).to_have_text(
        "There is no structure frame here: after a gap the window fills first."
    )
    expect(page.locator("#frame-t")).to_have_text("–")


@pytest.mark.long
def test_a_frame_that_comes_before_its_tick_is_shown_at_once(page: Page) -> None:
    nothing_recorded(page)
    told = [frame(700), *map(tick, range(700, 700 + STRIDE)), frame(700 + STRIDE)]
    page.route_web_socket("**/ws/stream*", lambda route: [route.send(one) for one in told])
    page.goto("/live/")
    wait_for_frame(page, 700 + STRIDE)
    expect(page.locator("#t")).to_have_text(str(700 + STRIDE - 1))
    expect(page.locator("#waiting")).to_be_hidden()


#: Notes each notice that covers a graph which was drawn.
WATCH_NOTICES = """() => {
    window.covered = [];
    const notice = document.getElementById("waiting");
    new MutationObserver(() => notice.hidden || window.covered.push(notice.textContent))
        .observe(notice, { attributes: true, childList: true, subtree: true });
}"""


@pytest.mark.long
def test_a_fast_market_never_covers_the_graph_it_draws(watched_anywhere: Page, site: Site) -> None:
    server = site.serve(IG_SPEED=30, IG_CAM_W=WINDOW, IG_CAM_STRIDE=STRIDE)
    page = watched_anywhere
    page.goto(f"{server.url}/live/")
    wait_for_t_beyond(page, "#frame-t", 0)
    page.evaluate(WATCH_NOTICES)
    wait_for_t_beyond(page, "#t", number(page, "#t") + 3000)
    assert page.evaluate("window.covered") == []


@pytest.mark.long
def test_before_the_market_is_heard_of_nothing_is_claimed(page: Page) -> None:
    page.route_web_socket("**/ws/stream*", lambda route: None)
    page.goto("/live/")
    expect(page.locator("#waiting")).to_have_text("Waiting for the market's first word…")


@pytest.mark.long
def test_a_frame_that_is_not_yet_recorded_is_looked_for_again(page: Page, server: Live) -> None:
    """The page pauses some seconds ahead of what is on disk, without the stream's frames to bridge that."""
    told: list[int] = []

    def join(route: WebSocketRoute) -> None:
        told.append(
            told[0] if told else server.json("/incremental?limit=1")["latest_t"] + 300
        )  # the same, if it comes again
        for t in (told[0] - 1, told[0]):
            route.send(tick(t))

    page.route_web_socket("**/ws/stream*", join)
    page.goto("/live/")
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    expect(page.locator("#t")).to_have_text(f"{told[0]:,}")
    page.keyboard.press("Space")
    wait_for_frame(page, told[0] - told[0] % STRIDE)


@pytest.mark.long
def test_t_is_that_of_the_moment_beside_it_while_the_stream_is_behind_the_recording(page: Page, server: Live) -> None:
    told: list[int] = []

    def join(route: WebSocketRoute) -> None:
        told.append(told[0] if told else server.json("/incremental?limit=1")["latest_t"] // 2)
        route.send(tick(told[0]))

    page.route_web_socket("**/ws/stream*", join)
    page.goto("/live/")
    expect(page.locator("#ts")).not_to_have_text("–")
    expect(page.locator("#t")).to_have_text(f"{told[0]:,}")


@pytest.mark.long
def test_what_is_lost_and_what_was_filled_in_are_both_said(page: Page) -> None:
    nothing_recorded(page)
    lost = [
        json.dumps({"type": "gap", "kind": kind, "from_t": from_t, "to_t": 20, "reason": reason})
        for kind, from_t, reason in (("tick", 11, "lost"), ("frame", 20, "slow"))
    ]
    caught_up = json.dumps({"type": "caught_up", "t": 22})
    answers = [[tick(10)], [*lost, tick(21), tick(22), caught_up]]

    def join(route: WebSocketRoute) -> None:
        if not answers:
            return
        for message in answers.pop(0):
            route.send(message)
        if answers:
            route.close(code=1012)

    page.route_web_socket("**/ws/stream*", join)
    page.goto("/live/")
    for said in (
        "Lost: ticks 11 – 20.",
        "Left out on this slow connection, but recorded: structure frames 20.",
        "Connected again: 2 ticks missed meanwhile were filled in.",
    ):
        wait_for_remark(page, said)


#: A network that sleeps for long after the first tick; in the page, since three thousand messages take minutes to come
#: from here on a busy machine.
SLEEP = """
    window.joined = [];
    const s = { price_norm: 0.5, volatility: 0.003, liquidity: 1, imbalance: 0 };
    const told = [[10], Array.from({ length: 2989 }, (_, i) => i + 11), [90000]];
    window.WebSocket = class {
        constructor(url) {
            const number = window.joined.push(url.includes("since=") ? "since" : "new");
            setTimeout(() => {
                this.onopen();
                for (const t of told[number - 1]) {
                    this.onmessage({ data: JSON.stringify({ type: "tick", t, ts: 1e9 + t, s }) });
                }
                if (number === 1) this.onclose({ code: 1012 });
            });
        }
        close() {}
    };
"""


@pytest.mark.long
def test_after_a_long_sleep_it_goes_on_at_the_present(page: Page) -> None:
    nothing_recorded(page)
    page.add_init_script(SLEEP)
    page.goto("/live/")
    wait_for_remark(page, "what was missed is in the recording")
    expect(page.locator("#t")).to_have_text("90,000")
    assert page.evaluate("window.joined") == ["new", "since", "new"]


@pytest.mark.long
def test_a_dead_connection_is_not_called_live(watched_anywhere: Page, server: Live) -> None:
    page = watched_anywhere
    page.goto(f"{server.url}/live/")
    connection = page.locator("#connection")
    expect(connection).to_have_attribute("data-state", "live")
    page.context.set_offline(True)
    expect(connection).to_have_attribute("data-state", "reconnecting")
    page.context.set_offline(False)
    expect(connection).to_have_attribute("data-state", "live")


@pytest.mark.long
def test_a_silent_socket_of_a_server_out_of_reach_is_not_called_live(watched_anywhere: Page, server: Live) -> None:
    page = watched_anywhere
    page.route_web_socket("**/ws/stream*", lambda route: [route.send(tick(t)) for t in (7, 8)])
    page.route("**/health*", lambda route: route.abort())
    page.goto(f"{server.url}/live/")
    expect(page.locator("#connection")).to_have_attribute("data-state", "reconnecting")


@pytest.mark.long
def test_a_market_in_a_new_store_begins_anew(page: Page) -> None:
    """Its t lies behind the page's, so resuming there would wait for ever."""
    nothing_recorded(page)
    answers = [[tick(5000)], [json.dumps({"type": "caught_up", "t": 20})], [tick(21), tick(22)]]

    def join(route: WebSocketRoute) -> None:
        for message in answers.pop(0) if answers else ():
            route.send(message)
        if len(answers) == 2:
            route.close(code=1012)

    page.route_web_socket("**/ws/stream*", join)
    page.goto("/live/")
    expect(page.locator("#t")).to_have_text("22")


@pytest.mark.long
def test_a_store_that_is_wiped_is_shown_anew_without_a_reload(
    watched_anywhere: Page, site: Site, migrated_database: Path
) -> None:
    page, port, camera = watched_anywhere, free_port(), {"IG_CAM_W": WINDOW, "IG_CAM_STRIDE": STRIDE}
    server = site.serve(PORT=port, IG_SEED=1, IG_SPEED=40, **camera)
    asked: list[str] = []
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.goto(f"{server.url}/live/")
    wait_for_t_beyond(page, "#t", 2000)
    page.evaluate("window.here = true")
    old = server.json("/health")["meta"]["store"]
    server.stop()
    shutil.rmtree(site.store)
    site.database.write_bytes(migrated_database.read_bytes())
    for leftover in site.directory.glob("site.sqlite3-*"):
        leftover.unlink()
    server = site.serve(PORT=port, IG_SEED=2, IG_SPEED=2, **camera)  # so slow that it is seen before it has come as far
    new = server.json("/health")["meta"]["store"]
    page.wait_for_function("() => Number(document.querySelector('#t').textContent.replaceAll(',', '')) < 2000")
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    assert any(f"store={old}" in url for url in asked)
    wait_for_t_beyond(page, "#frame-t", 0)
    shown = shown_graph(page)
    assert shown == size_of(frame_on_disk(server, shown["t"])), "the new market's graph"
    seen_t = number(page, "#t")
    server.stop()
    server = site.serve(PORT=port, IG_SEED=2, IG_SPEED=5, **camera)
    wait_for_t_beyond(page, "#t", seen_t + 20)
    assert f"store={new}" in asked[-1]
    page.keyboard.press("Home")
    expect(page.locator("#t")).to_have_text("0")
    assert page.evaluate("window.here")


@pytest.mark.long
def test_a_refusal_is_said(page: Page) -> None:
    def refuse(route: WebSocketRoute) -> None:
        route.send(json.dumps({"type": "error", "error": "unknown_symbol", "detail": "there is no market 'X'"}))
        route.close(code=4404)

    page.route_web_socket("**/ws/stream*", refuse)
    page.goto("/live/")
    expect(page.locator("#connection")).to_have_attribute("data-state", "refused")
    expect(page.locator("#connection-detail")).to_have_text("There is no such market.")
