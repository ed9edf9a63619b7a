"""What the page tests read: the page's own words, and the server's recording through another decoder."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import zstandard
from playwright.sync_api import Page

#: The camera's settings of the test server.
WINDOW = 100
STRIDE = 10


@dataclass
class Watched:
    """A page, and what it must not do: report errors, or ask another server."""

    page: Page
    errors: list[str]
    hosts: set[str]


def get_json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)


def recorded_frames(server: str) -> dict[int, dict[str, Any]]:
    """Every frame on disk by its t, read by another decoder than the page's."""
    frames = {}
    for segment in get_json(f"{server}/manifest/frames"):
        with urllib.request.urlopen(f"{server}/segment/{segment['path']}", timeout=10) as answer:
            reader = zstandard.ZstdDecompressor().stream_reader(answer, read_across_frames=True)
            lines = reader.read().splitlines()
        frames |= {frame["t"]: frame for frame in map(json.loads, lines) if frame["type"] == "frame"}
    return frames


def number(page: Page, selector: str) -> int:
    return int(page.inner_text(selector))


def wait_for_t_beyond(page: Page, selector: str, t: int) -> None:
    page.wait_for_function(
        "([selector, t]) => Number(document.querySelector(selector).textContent) > t", arg=[selector, t]
    )


def shown_graph(page: Page) -> dict[str, int]:
    """t of the frame shown, and what the graph holds, read in one go."""
    return page.evaluate(
        """() => {
            const { nodes, edges } = document.getElementById("graph").dataset;
            const t = document.getElementById("frame-t").textContent;
            return { t: Number(t), nodes: Number(nodes), edges: Number(edges) };
        }"""
    )
