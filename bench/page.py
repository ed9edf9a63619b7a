"""The page in a real Chromium: seeking anywhere in a long recording, and what drawing costs while it plays.

`python bench/page.py [--ticks 1000000] [--agents 74]` makes a recording, serves it, opens it at a moment, goes to
random others, and prints how long it took until each one's frame stood on the screen; then script a drawing at some
speeds, and in each view: the median of some spans, in processor time, so that it may be measured on a busy machine.
With more agents the recording has fewer ticks, unless `--ticks` says how many. Chromium draws without a graphics
processor.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, sync_playwright  # noqa: E402

from bench.stores import environment, fill, free_port  # noqa: E402

#: Different moments that recordings are made of; a multiple of the stride.
_DIFFERENT = 2000
_WINDOW, _STRIDE = 300, 10
_START_SECONDS = 300
#: Seeks that are tried for each that is to be measured.
_TRIES = 3
#: How often a span is measured while the page plays, and how long one is.
_SPANS, _SPAN_SECONDS = 5, 3
#: Agents times ticks of a recording whose length nobody chose, so that it is made in some minutes with any number.
_MOST_ACTIONS = 74_000_000
#: Ticks that a recording has at least: one that is played from its middle shall not end meanwhile.
_LEAST_TICKS = 10_000
_VIEWS = ("force", "plane", "matrix", "ring")
_FLAGS = ("--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader")

#: Presses the timeline at (x, y). Milliseconds until the moment's frame is on the screen: it is taken up in one
#: animation frame, drawn in the next, and the one after that begins when it stands.
_SEEK = """([x, y, stride]) => new Promise((done) => {
    const [track, graph, slider] = ["track", "graph", "timeline"].map((id) => document.getElementById(id));
    const [before, begun] = [graph.dataset.t, performance.now()];
    const giveUp = begun + 10_000;
    const place = { clientX: x, clientY: y, bubbles: true, pointerId: 1, isPrimary: true, button: 0 };
    for (const type of ["pointerdown", "pointerup"]) track.dispatchEvent(new PointerEvent(type, place));
    const stands = () => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - begun)));
    const look = () => {
        const behind = Number(slider.getAttribute("aria-valuenow")) - Number(graph.dataset.t);
        if (graph.dataset.t !== before && behind >= 0 && behind < stride) stands();
        else if (performance.now() < giveUp) requestAnimationFrame(look);
        else done(null);
    };
    requestAnimationFrame(look);
})"""

#: Counts the animation frames in which the page did something.
_COUNT = """(() => {
    const ask = window.requestAnimationFrame.bind(window);
    let last = -1;
    window.drawings = 0;
    window.requestAnimationFrame = (draw) => ask((ms) => {
        if (ms !== last) window.drawings += 1;
        last = ms;
        draw(ms);
    });
})()"""


def bodies(agents: int) -> list[tuple[bytes, bytes, bytes | None]]:
    """Tick, metric and perhaps frame of moments with a full window, each from behind its t, ts and window on."""
    import orjson

    from bench.film import ticks_of
    from camera.frame import frame_json
    from camera.metric import metric_of
    from camera.window import SlidingWindowCamera

    camera, made = SlidingWindowCamera(_WINDOW, _STRIDE), []
    for tick in ticks_of(agents, _WINDOW + _DIFFERENT):
        camera.ingest(tick)
        snapshot = camera.maybe_shoot(tick.t)
        state = [text[text.index(b',"s":') :] for text in (tick.to_json(), orjson.dumps(metric_of(tick)))]
        frame = None if snapshot is None else frame_json(snapshot)
        made.append((state[0], state[1], frame and frame[frame.index(b',"nodes":') :]))
    return made[_WINDOW:]


def record(directory: Path, agents: int, ticks: int) -> Iterator[int]:
    """Records moments at ten a second of market time, with rows. How many are done."""
    from recorder.manifest.row_writer import save_facts
    from recorder.models import Market
    from recorder.tape.recording import Recording

    market, now, texts = Market.objects.create(symbol="IG-USD"), 1.7e9, bodies(agents)
    recording = Recording(
        directory,
        segment_seconds=300,
        level=3,
        flush_seconds=1,
        clock=lambda: now,
        on_change=lambda facts: None if facts.pending else save_facts(market, None, facts),
    )
    window = b'"window":{"W":%d,"t0":%d,"t1":%d,"stride":%d}'
    for t in range(ticks):
        now += 0.1
        tick, metric, frame = texts[t % _DIFFERENT]
        head = b'"t":%d,"ts":%.1f' % (t, now)
        if t < _WINDOW:
            frame = None
        elif frame is not None:
            frame = b'{"type":"frame",%b,%b%b' % (head, window % (_WINDOW, t - _WINDOW + 1, t, _STRIDE), frame)
        recording.write(t, b'{"type":"tick",%b%b' % (head, tick), b'{"type":"metric",%b%b' % (head, metric), frame)
        yield t + 1
    recording.close()


def make_store(directory: Path, agents: int, ticks: int) -> None:
    """In a process of its own, whose settings name the store."""
    fill(record(directory, agents, ticks), ticks)


class Server:
    """`manage.py serve` on a recording made for it."""

    def __init__(self, directory: Path, agents: int, ticks: int) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        own = environment(directory, PORT=str(self._port))
        store = repr(str(directory / "store"))
        code = f"from bench.page import make_store, Path; make_store(Path({store}), {agents}, {ticks})"
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=own, check=True)
        command = [sys.executable, "manage.py", "serve", "--bind", "127.0.0.1"]
        self._log = (directory / "log").open("w+b")
        self._process = subprocess.Popen(command, cwd=ROOT, env=own, stdout=self._log, stderr=self._log)
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise SystemExit(f"the server does not answer: {Path(self._log.name).read_text()}")
            time.sleep(0.05)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._log.close()

    def _answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("GET", "/replay/")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def opened(page: Page, url: str, t: int, view: str = "force") -> None:
    page.goto(f"{url}/replay/?t={t}&view={view}")
    page.wait_for_function("() => Number(document.getElementById('graph').dataset.nodes) > 0")
    page.wait_for_timeout(3000)


def seek(page: Page, count: int, ticks: int) -> tuple[list[float], list[int]]:
    """Milliseconds and bytes for each of some seeks, with all that the charts and the list of bursts fetch for it."""
    # The first window has no frame, and the timeline begins a little inside its box.
    rng, first = random.Random(1), 2 * _WINDOW / ticks + 0.01
    track = page.locator("#track").bounding_box()
    assert track is not None
    fetched = [0]
    page.on("response", lambda answer: fetched.append(int(answer.headers.get("content-length", 0))))
    milliseconds, sizes = [], []
    for _ in range(_TRIES * count):
        if len(milliseconds) == count:
            break
        fetched.clear()
        x = track["x"] + track["width"] * (first + (0.999 - first) * rng.random())
        taken = page.evaluate(_SEEK, [x, track["y"] + track["height"] / 2, _STRIDE])
        page.wait_for_timeout(1000)
        if taken is None:
            print(f"no other frame after 10 s at {x:.1f} px of the timeline; left out")
            continue
        milliseconds.append(taken)
        sizes.append(sum(fetched))
    if not milliseconds:
        raise SystemExit("no sought frame stood after 10 s: the machine is too busy to measure seeks")
    return milliseconds, sizes


def script(page: Page, speed: str) -> tuple[float, int]:
    """Milliseconds of script a drawing, the median of some spans, and how many drawings there were, playing at a speed.

    Processor time: by the clock it depends on how much of the cores drawing without a graphics processor leaves.
    """
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable", {"timeDomain": "threadTicks"})

    def now() -> tuple[float, int]:
        metrics = client.send("Performance.getMetrics")["metrics"]
        duration = next(metric["value"] for metric in metrics if metric["name"] == "ScriptDuration")
        return duration, page.evaluate("() => window.drawings")

    page.select_option("#speed", speed)
    page.locator("#play").click()
    page.wait_for_timeout(1000)
    told = [now()]
    for _ in range(_SPANS):
        page.wait_for_timeout(_SPAN_SECONDS * 1000)
        told.append(now())
    if page.locator("#play").get_attribute("data-playing") != "true":
        raise SystemExit("the recording ended while it was measured: give it more --ticks")
    page.locator("#play").click()
    spans = [(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(told)]
    each = [seconds / drawings * 1e3 for seconds, drawings in spans if drawings]
    return statistics.median(each), sum(drawings for _, drawings in spans)


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast the page seeks, and what its drawings cost.")
    parser.add_argument("--ticks", type=int)
    parser.add_argument("--agents", type=int, default=74)
    parser.add_argument("--seeks", type=int, default=60)
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    options = parser.parse_args()
    ticks = options.ticks or min(1_000_000, max(_MOST_ACTIONS // options.agents, _LEAST_TICKS))
    if ticks < _LEAST_TICKS:
        parser.error(f"--ticks must be at least {_LEAST_TICKS:,}")
    with tempfile.TemporaryDirectory(prefix="market-camera-page-", ignore_cleanup_errors=True) as directory:
        server = Server(Path(directory), options.agents, ticks)
        with closing(server), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=options.chromium, args=list(_FLAGS))
            page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-US")
            page.set_default_timeout(_START_SECONDS * 1000)
            page.add_init_script(_COUNT)
            opened(page, server.url, ticks // 2)
            milliseconds, sizes = seek(page, options.seeks, ticks)
            edges = page.evaluate("() => Number(document.getElementById('graph').dataset.edges)")
            opened(page, server.url, ticks // 2)
            spent = {speed: script(page, speed) for speed in ("1", "8")}
            by_view = {}
            for view in _VIEWS:
                opened(page, server.url, ticks // 2, view)
                by_view[view] = script(page, "8")
            browser.close()
    goal = 8 if options.agents < 1000 else 16
    milliseconds.sort()
    p50, p95 = statistics.median(milliseconds), milliseconds[int(len(milliseconds) * 0.95)]
    print(
        f"{ticks:,} ticks of {options.agents} agents, {edges} edges: a sought frame stands after"
        f" p50 {p50:.0f} ms, p95 {p95:.0f} ms, at most {milliseconds[-1]:.0f} ms (goal 300);"
        f" {statistics.median(sizes) / 1e6:.2f} MB a seek, at most {max(sizes) / 1e6:.2f} (goal 2)"
    )
    for speed, (each, drawings) in spent.items():
        print(f"playing at {speed} x: {each:.1f} ms of script a drawing (goal {goal}), {drawings} drawings")
    for view, (each, drawings) in by_view.items():
        print(
            f"playing at 8 x in the {view} view: {each:.1f} ms of script a drawing (goal {goal}), {drawings} drawings"
        )


if __name__ == "__main__":
    main()
