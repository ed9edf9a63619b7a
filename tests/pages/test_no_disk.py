"""A web process on an empty folder, with PostgreSQL, Redis and the bucket alone, serves live and past."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import zstandard
from playwright.sync_api import Page

from tests.end_to_end.reading import hear, hear_until, socket
from tests.object_store import ObjectStore, object_store
from tests.pages.reading import frame_on_disk, shown_graph, size_of, wait_for_frame, wait_for_t_beyond
from tests.processes import Live, Process, Site, wait_until
from tests.services import PostgresServer, redis_server

pytestmark = [pytest.mark.redis, pytest.mark.postgres, pytest.mark.browser, pytest.mark.long]

MARKET = {
    "IG_SPEED": 3,
    "IG_CAM_W": 20,
    "IG_CAM_STRIDE": 5,
    "IG_SEED": 3,
    "IG_CAM_SEGMENT_SECONDS": 10,
    "IG_COLD_OPEN_SECONDS": 1,
}


@dataclass
class Machines:
    """A machine with a market and its disk, and one without; both with the same database, Redis and bucket."""

    site: Site
    market: Process
    here: Live
    away: Live
    objects: ObjectStore
    env: dict[str, Any]

    def copy(self) -> None:
        """Have what is finished in the bucket; the market goes on."""
        done = self.site.run("copysegments", **self.env)
        assert "segments copied" in done.stdout, done.stderr

    def in_bucket(self, kind: str) -> list[dict[str, Any]]:
        """The segments that the machine without a disk has."""
        listed = self.away.json(f"/segments?kind={kind}")
        return [one for one in listed if self.away.ask(f"/segment/{one['path']}", method="HEAD").status == 200]


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    directory = tmp_path_factory.mktemp("machines")
    unused = directory / "unused.sqlite3"
    unused.touch()
    database = PostgresServer(tmp_path_factory.mktemp("postgres"))
    with object_store(tmp_path_factory.mktemp("objects")) as objects, redis_server(directory) as redis:
        objects.bucket("tapes").put_bytes("made", b"with its first object")
        env = {**MARKET, "REDIS_URL": redis, "DATABASE_URL": database.url, **objects.environment}
        env["IG_COLD_STORE"] = objects.url("tapes", "all")
        site = Site(directory, unused)
        try:
            database.start()
            market = site.start("runmarket", **env)
            here = site.serve("serve", "-b", "127.0.0.1", **env)
            kept = lambda: here.json("/segments?kind=frames")  # noqa: E731
            wait_until(lambda: len(kept()) >= 2 and kept()[-1]["end_t"] > 60, "finished segments")
            found = Machines(site, market, here, here, objects, env)
            site.run("digest", **env)  # of what is finished; the market goes on
            found.copy()
            empty = tmp_path_factory.mktemp("empty")
            found.away = site.serve("serve", "-b", "127.0.0.1", **{**env, "IG_CAM_STORE_DIR": empty})
            yield found
        finally:
            site.end()
            database.end()


def test_the_past_is_that_of_the_disk_and_the_rest_is_told_to_be_elsewhere(machines: Machines) -> None:
    here, away = machines.here, machines.away
    for kind in ("ticks", "frames", "metrics"):
        segments = machines.in_bucket(kind)
        assert segments
        last_t = segments[-1]["end_t"]
        asked = f"/range?kind={kind}&t0=7&t1={last_t}"
        assert away.ask(asked).body == here.ask(asked).body
        rest = away.ask(f"/range?kind={kind}&t0={last_t + 1}").body.splitlines()
        assert {json.loads(line).get("reason") for line in rest} == {"elsewhere"}
        path = f"/segment/{segments[-1]['path']}"
        whole = here.ask(path)
        for change, status in (
            ({}, 200),
            ({"Range": "bytes=10-99"}, 206),
            ({"Range": "bytes=-7"}, 206),
            ({"Range": f"bytes={len(whole.body)}-"}, 416),
            ({"If-None-Match": whole.headers["ETag"]}, 304),
        ):
            answers = [one.ask(path, headers=dict(change)) for one in (here, away)]
            assert [answer.status for answer in answers] == [status] * 2
            assert answers[0].body == answers[1].body
            assert answers[0].headers["Content-Range"] == answers[1].headers["Content-Range"]
        for query in ("?format=jsonl", "?format=seek"):
            assert away.ask(path + query).body == here.ask(path + query).body
        head = away.ask(path, method="HEAD")
        assert (head.status, head.headers["Content-Length"], head.body) == (200, str(len(whole.body)), b"")
    measured = "/structure?t0=20&t1=60&points=50&measures=modularity"
    assert away.json(measured) == here.json(measured)
    assert away.json(measured)["t"] == list(range(20, 61, 5))  # single frames, from a digest in the bucket
    health = away.json("/health")
    assert health["meta"]["store"] == here.json("/health")["meta"]["store"]
    for name in ("overview", "structure", "realism", "api/v1/bars", "segments?kind=all", "gaps", "disk", "agents"):
        assert away.ask(f"/{name}").status == 200, name


def test_a_client_gets_what_is_in_the_bucket_then_one_gap_then_the_present(machines: Machines) -> None:
    machines.away.wait_for_ticks(machines.in_bucket("ticks")[-1]["end_t"] + 20)
    with socket(machines.away, "?types=tick&since=-1") as client:
        heard = hear_until(client, type="caught_up")
        ticks = [m["t"] for m in heard if m["type"] == "tick"]
        gaps = [m for m in heard if m["type"] == "gap"]
        assert {gap["reason"] for gap in gaps} <= {"elsewhere"}
        missing = [t for gap in gaps for t in range(gap["from_t"], gap["to_t"] + 1)]
        assert sorted(ticks + missing) == list(range(ticks[-1] + 1))
        assert ticks[: machines.in_bucket("ticks")[0]["end_t"]] == list(range(machines.in_bucket("ticks")[0]["end_t"]))
        assert hear(client)["t"] == ticks[-1] + 1


def test_with_a_worker_that_copies_what_is_being_recorded_nothing_is_missing(machines: Machines) -> None:
    machines.site.start_program("celery", "-A", "igsite", "worker", "--beat", "--concurrency", "2", **machines.env)
    last_t = machines.here.wait_for_ticks(0)

    def comes_whole() -> bool:
        with socket(machines.away, "?types=tick,frame&since=-1") as client:
            heard = hear_until(client, type="caught_up")
        ticks = [m["t"] for m in heard if m["type"] == "tick"]
        return ticks == list(range(len(ticks))) and len(ticks) > last_t and not any(m["type"] == "gap" for m in heard)

    wait_until(comes_whole, "a whole recording")

    def what_is_open() -> tuple[dict[str, Any], bytes] | None:
        pending = [one for one in machines.away.json("/manifest/ticks") if one["pending"]]
        answers = [(one, machines.away.ask(f"/segment/{one['path']}")) for one in pending]
        return next(((one, answer.body) for one, answer in answers if answer.status == 200), None)

    segment, body = wait_until(what_is_open, "what is being recorded")
    text = zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True).read()
    assert json.loads(text.splitlines()[0])["t"] == segment["start_t"]


def test_the_page_shows_a_frame_of_the_past_and_the_present(machines: Machines, watched_anywhere: Page) -> None:
    page, segment = watched_anywhere, machines.in_bucket("frames")[-1]
    frame = frame_on_disk(machines.here, segment["end_t"])
    page.goto(f"{machines.away.url}/replay/?t={frame['t']}")
    wait_for_frame(page, frame["t"])
    assert shown_graph(page) == size_of(frame)
    page.goto(f"{machines.away.url}/live/")
    wait_for_t_beyond(page, "#frame-t", frame["t"])


def test_a_bucket_that_is_killed_is_told_and_the_stream_goes_on(machines: Machines, tmp_path: Path) -> None:
    segment = machines.in_bucket("ticks")[0]
    machines.objects.kill()
    try:
        with socket(machines.away, "?types=tick") as client:
            fresh = machines.site.serve("serve", "-b", "127.0.0.1", **{**machines.env, "IG_CAM_STORE_DIR": tmp_path})
            for path in (f"/range?t0={segment['start_t']}", f"/segment/{segment['path']}"):
                answer = fresh.ask(path)
                assert (answer.status, answer.json()["error"]["code"]) == (503, "unavailable")
                assert int(answer.headers["Retry-After"]) > 0
            first = hear(client)["t"]
            hear_until(client, type="tick", t=first + 30)
    finally:
        machines.objects.start()
    wait_until(lambda: fresh.ask(f"/range?t0=0&t1={segment['end_t']}").status == 200, "the bucket again")
    asked = f"/range?t0=0&t1={segment['end_t']}"
    assert fresh.ask(asked).body == machines.here.ask(asked).body
