"""What the page tests read: the page's own words, and the server's recording through another decoder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import zstandard
from playwright.sync_api import Page

from tests.processes import Live, wait_until

#: The camera's settings of the test server.
WINDOW = 100
STRIDE = 10

#: Time enough for a page that still played to show it.
SOME_DRAWINGS = """async () => {
    for (let i = 0; i < 10; i++) await new Promise((drawn) => requestAnimationFrame(drawn));
}"""


@dataclass
class Watched:
    """A page, and what it must not do: report errors, or ask another server."""

    page: Page
    errors: list[str]
    hosts: set[str]


def recorded_frames(server: Live, from_t: int = 0, to_t: int = 10**15) -> Iterator[dict[str, Any]]:
    """The frames on disk of from_t <= t <= to_t, segment by segment: the market goes on, and has no end."""
    for segment in server.json("/manifest/frames"):
        if segment["start_t"] <= to_t and (segment["pending"] or segment["end_t"] >= from_t):
            body = server.ask(f"/segment/{segment['path']}").body
            lines = zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True).read().split(b"\n")[:-1]
            frames = [frame for frame in map(json.loads, lines) if frame["type"] == "frame"]
            yield from (frame for frame in frames if from_t <= frame["t"] <= to_t)


def finished_frames(server: Live) -> dict[str, Any]:
    """The oldest finished segment of more frames than one, as a busy machine may make."""
    several = lambda one: not one["pending"] and one["end_t"] > one["start_t"]  # noqa: E731
    return wait_until(lambda: next(filter(several, server.json("/manifest/frames")), None), "a finished segment")


def frame_on_disk(server: Live, t: int) -> dict[str, Any]:
    """The recorded frame of t, once it is written."""
    return wait_until(lambda: next(recorded_frames(server, t, t), None), f"frame {t} on disk")


def tick_at(server: Live, t: int) -> dict[str, Any]:
    (tick,) = server.json(f"/incremental?from_t={t - 1}&limit=1")["data"]
    assert tick["t"] == t
    return tick


def price_of(tick: dict[str, Any]) -> str:
    """As the page writes it."""
    return f"{40000 + 20000 * tick['s']['price_norm']:,.2f}"


def number(page: Page, selector: str) -> int:
    """A number that the page writes, with its commas."""
    return int(page.inner_text(selector).replace(",", ""))


def wait_for_t_beyond(page: Page, selector: str, t: int) -> None:
    page.wait_for_function(
        "([selector, t]) => Number(document.querySelector(selector).textContent.replaceAll(',', '')) > t",
        arg=[selector, t],
    )


def shown_graph(page: Page) -> dict[str, int]:
    """t of the frame shown, and what the graph holds, read in one go."""
    return page.evaluate(
        """() => {
            const { t, nodes, edges } = document.getElementById("graph").dataset;
            return { t: Number(t), nodes: Number(nodes), edges: Number(edges) };
        }"""
    )


def wait_for_frame(page: Page, t: int) -> None:
    """Waits until the graph shows the frame of t."""
    page.wait_for_function("(t) => document.getElementById('graph').dataset.t === String(t)", arg=t)


def wait_until_settled(page: Page, t: int) -> None:
    """Waits until the layout of the frame of t is final and drawn."""
    page.wait_for_function("(t) => document.getElementById('graph').dataset.settled === String(t)", arg=t)
    page.evaluate(SOME_DRAWINGS)


def size_of(frame: dict[str, Any]) -> dict[str, int]:
    """What `shown_graph` gives where this frame is shown."""
    return {"t": frame["t"], "nodes": len(frame["nodes"]), "edges": len(frame["edges"])}


#: Remarks leave the page after some seconds, in which a test may not come to look: all that were there are kept.
KEEP_REMARKS = """addEventListener("DOMContentLoaded", () => {
    window.remarked = [];
    const remarks = document.getElementById("remarks");
    const keep = () => window.remarked.push(remarks.textContent);
    if (remarks) new MutationObserver(keep).observe(remarks, { childList: true, subtree: true, characterData: true });
    if (remarks) keep();
})"""


def wait_for_remark(page: Page, text: str) -> None:
    page.wait_for_function("text => window.remarked?.some((one) => one.includes(text))", arg=text)


def open_at(page: Page, t: int, more: str = "") -> None:
    """The page at a moment of the past that has a frame."""
    page.goto(f"/replay/?t={t}{more}")
    wait_for_frame(page, t)
