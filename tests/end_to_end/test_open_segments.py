"""The segment being written, fetched whole while a market records as fast as it can."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from tests.processes import Live, decompressed, wait_until
from tests.services import program

#: Written to as often as can be, so that many an answer is made in the midst of a write.
FLAT_OUT = {"IG_SPEED": 0, "IG_FLUSH_SECONDS": 0.01, "IG_CAM_W": 50, "IG_CAM_STRIDE": 2, "IG_CAM_SEGMENT_SECONDS": 5}
FETCHES = 24


def open_segment(live: Live, kind: str) -> str | None:
    rows = live.json(f"/manifest/{kind}")
    return rows[-1]["path"] if rows and rows[-1]["pending"] else None


@pytest.mark.long
def test_an_open_segment_is_a_whole_zstd_file_at_any_time(start_live: Callable[..., Live]) -> None:
    zstd, live = program("zstd"), start_live(**FLAT_OUT)
    fetched: dict[str, list[bytes]] = {}
    for number in range(FETCHES):
        kind = ("ticks", "frames", "metrics")[number % 3]
        path = wait_until(lambda of=kind: open_segment(live, of), f"an open segment of {kind}")
        answer = live.ask(f"/segment/{path}")
        assert (answer.status, answer.headers["Content-Length"]) == (200, str(len(answer.body)))
        read = subprocess.run([zstd, "-dc"], input=answer.body, capture_output=True)
        assert (read.returncode, read.stderr) == (0, b""), f"{path}, {len(answer.body)} bytes"
        assert not read.stdout or read.stdout.endswith(b"\n")
        fetched.setdefault(path.replace("_pending", ""), []).append(read.stdout)
    assert live.stop() == 0
    assert sum(map(len, fetched.values())) == FETCHES
    assert any(texts[-1] for texts in fetched.values())
    for path, texts in fetched.items():
        whole = decompressed(live.store / path)
        assert all(whole.startswith(text) for text in texts)
        assert all(json.loads(line) for line in texts[-1].splitlines())


def test_a_part_of_an_open_segment_is_of_the_file_itself(start_live: Callable[..., Live]) -> None:
    live = start_live(IG_SPEED=5, IG_FLUSH_SECONDS=0.05, IG_CAM_SEGMENT_SECONDS=300)
    path = wait_until(lambda: open_segment(live, "ticks"), "an open segment")
    whole = wait_until(lambda: len((found := live.ask(f"/segment/{path}")).body) > 1000 and found, "a thousand bytes")
    part = live.ask(f"/segment/{path}", headers={"Range": "bytes=0-"})
    assert part.status == 206
    lying = (live.store / path).read_bytes()
    assert part.headers["Content-Range"] == f"bytes 0-{len(part.body) - 1}/{len(part.body)}"
    assert lying.startswith(part.body)
    assert part.body.startswith(whole.body[:-7])
    assert not part.body.startswith(whole.body), "the end is of the answer alone"
    assert part.headers["ETag"] != whole.headers["ETag"]
    assert live.ask(f"/segment/{path}", headers={"Range": "bytes=0-9", "If-Range": whole.headers["ETag"]}).status == 200
    head = live.ask(f"/segment/{path}", "HEAD")
    assert int(head.headers["Content-Length"]) >= len(whole.body)
