"""Adoption: a store from elsewhere is taken in whole or not at all, and once."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3

import orjson
import pytest
import zstandard
from django.db import connection

from recorder.errors import StoreError
from recorder.importing import adoption
from recorder.importing.adoption import AdoptionRefused, Plan, adopt
from recorder.manifest import row_writer
from recorder.manifest.lists import manifest_of
from recorder.models import Market, Run, Segment
from recorder.recovery.checkpoints import Checkpoint, Checkpoints
from recorder.segment.writer import ZstdSegmentWriter
from recorder.store.agent_register import AgentRegister
from recorder.store.agents_file import read_agents
from recorder.verify.verification import Verification
from tests.recorder.made_once import made_once
from tests.recorder.store import files, record_plainly
from tests.recorder.tape import Clock, message

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(market, tmp_path):
    return tmp_path / "here"


@pytest.fixture
def there(tmp_path):
    """A store of another installation: its files alone, t=0 to 99."""
    elsewhere = Market.objects.create(symbol="ELSEWHERE")
    store = made_once(elsewhere, tmp_path / "there", recorded)
    Segment.objects.all().delete()
    Run.objects.all().delete()
    elsewhere.delete()
    return store


def recorded(store):
    store.record(60)
    store.record(40)


def write_manifest(store, change=lambda entry: None):
    for kind in ("ticks", "frames", "metrics"):
        entries = [
            {"path": f"{kind}/{path.name}", "bytes": path.stat().st_size, "created_at": "2026-01-01T00:00:00Z"}
            for path in store.paths(kind)
        ]
        for entry in entries:
            change(entry)
        (store.directory / kind / "manifest.json").write_bytes(orjson.dumps(entries))


def refused(market, here, store):
    before = files(here)
    with pytest.raises(AdoptionRefused) as error:
        adopt(market, here, store)
    assert files(here) == before
    assert Segment.objects.count() == len(before)
    return "\n".join(error.value.problems)


def name_agents(directory, *names):
    directory.mkdir(parents=True, exist_ok=True)
    register = AgentRegister(directory)
    register.ids_of(names, 3)
    register.settle()


def test_named_agents_come_in_where_their_ids_are_those_here(market, here, there):
    name_agents(here, "ann", "bob")
    name_agents(there.directory, "ann", "bob", "zoe")
    adopt(market, here, there.directory)
    assert [agent.name for agent in read_agents(here).agents] == ["ann", "bob", "zoe"]
    assert list(Verification(market, here).faults()) == []


def test_named_agents_whose_ids_have_other_names_here_are_refused(market, here, there):
    name_agents(here, "bob", "ann")
    name_agents(there.directory, "ann", "bob", "zoe")
    assert refused(market, here, there.directory) == "agents.ndjson: agent 0 is 'ann' there and 'bob' here"
    assert [agent.name for agent in read_agents(here).agents] == ["bob", "ann"]


@pytest.mark.parametrize("move", [False, True])
def test_everything_is_taken_in_and_whole(market, here, there, move):
    told, before = [], files(there.directory)
    done = adopt(market, here, there.directory, move=move, on_done=lambda done, of: told.append((done, of)))
    assert files(here) == before
    assert files(there.directory) == ([] if move else before)
    assert (len(done.rows), done.already, done.notes) == (6, [], [])
    assert told == [(n, 6) for n in range(1, 7)]
    assert list(Verification(market, here).faults()) == []
    (run,) = Run.objects.all()
    assert (run.first_t, run.source, run.ended_at is None) == (0, f"adopted from {there.directory}", False)
    assert run.tick_interval == 0.1


def test_a_second_time_everything_is_there_already(market, here, there):
    adopt(market, here, there.directory)
    done = adopt(market, here, there.directory)
    assert (done.rows, len(done.already)) == ([], 6)
    assert Segment.objects.count() == 6
    moved = adopt(market, here, there.directory, move=True)
    assert (len(moved.already), files(there.directory)) == (6, [])


def test_one_that_was_broken_off_is_ended_by_another(market, here, there, monkeypatch):
    real, calls = adoption._take, []

    def take(*args, **options):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(adoption, "_take", take)
    with pytest.raises(KeyboardInterrupt):
        adopt(market, here, there.directory)
    monkeypatch.undo()
    done = adopt(market, here, there.directory)
    assert (len(done.rows), len(done.already)) == (3, 3)
    assert list(Verification(market, here).faults()) == []


def test_a_crash_between_row_and_file_leaves_a_row_that_the_next_makes_true(market, here, there, monkeypatch):
    def cut(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(adoption.os, "replace", cut)
    with pytest.raises(KeyboardInterrupt):
        adopt(market, here, there.directory)
    monkeypatch.undo()
    Segment.objects.update(missing=True)  # as a start in between would find
    adopt(market, here, there.directory)
    assert list(Verification(market, here).faults()) == []
    assert not list(here.rglob("*.adopting"))


def test_the_manifest_adds_when_a_segment_was_sealed(market, here, there):
    write_manifest(there)
    adopt(market, here, there.directory)
    assert {entry["created_at"] for entry in manifest_of(market, "ticks")} == {"2026-01-01T00:00:00Z"}


@pytest.mark.parametrize("form", ["one list", "one object"])
def test_one_manifest_for_the_whole_store_does_as_well(market, here, there, form):
    entries = {
        kind: [
            {"path": path.name if form == "one object" else f"{kind}/{path.name}", "created_at": "2026-01-01T00:00:00Z"}
            for path in there.paths(kind)
        ]
        for kind in ("ticks", "frames", "metrics")
    }
    content = entries if form == "one object" else [entry for kind in entries.values() for entry in kind]
    (there.directory / "manifest.json").write_text(json.dumps(content))
    adopt(market, here, there.directory)
    assert {f"{row.created_at:%Y-%m-%d}" for row in Segment.objects.all()} == {"2026-01-01"}


def test_what_the_manifest_alone_knows_is_noted(market, here, there):
    write_manifest(there)
    gone = there.paths("frames")[0]
    gone.unlink()
    done = adopt(market, here, there.directory)
    assert done.notes == [f"frames/{gone.name} is in the manifest only"]


def test_a_size_other_than_the_manifests_is_refused(market, here, there):
    write_manifest(there, lambda entry: entry.update(bytes=7))
    assert "bytes, its manifest says 7" in refused(market, here, there.directory)


@pytest.mark.parametrize(
    "content",
    [b"x", b"[1]", b'[{"path":1}]', b'[{"path":"../x"}]', b'[{"path":"ticks/../../etc/passwd"}]', b'{"x":[]}', b"1",
     b'[{"path":"frames/segment_20260124_120000_0.jsonl.zst"}]', b"null"],
)  # fmt: skip
def test_what_is_no_manifest_is_refused(market, here, there, content):
    (there.directory / "ticks" / "manifest.json").write_bytes(content)
    assert "ticks/manifest.json is no manifest: " in refused(market, here, there.directory)


def test_a_damaged_segment_is_refused_and_so_are_all_others(market, here, there):
    path = there.paths("ticks")[0]
    path.write_bytes(path.read_bytes()[:-4])
    assert f"ticks/{path.name}: the zstd frame at byte 0 is not whole" in refused(market, here, there.directory)


def test_a_link_out_of_the_store_is_refused(market, here, there, tmp_path):
    path = there.paths("ticks")[0]
    path.rename(tmp_path / "outside")
    path.symlink_to(tmp_path / "outside")
    assert f"ticks/{path.name} is no plain file of this store" in refused(market, here, there.directory)


def test_t_that_is_here_already_is_refused(market, here, there):
    record_plainly(market, here, 1, ticks=5, first_t=97)
    problems = refused(market, here, there.directory)
    assert "t=97 to 101, overlaps ticks/segment_" in problems


def test_t_that_was_here_and_is_removed_is_refused_too(market, here, there, now):
    record_plainly(market, here, 1, ticks=5, first_t=97)
    Segment.objects.update(removed_at=now)
    with pytest.raises(AdoptionRefused, match=r"\(removed\), t=97 to 101, overlaps"):
        adopt(market, here, there.directory)


def test_what_a_crash_took_and_was_made_again_keeps_nothing_out(market, here, there):
    record_plainly(market, here, 1, ticks=5, first_t=200)
    for row in Segment.objects.filter(market=market):
        row.pk, row.name, row.end_t, row.missing = None, "segment_20260101_000000_200.jsonl.zst", 203, True
        row.save()
    assert len(adopt(market, here, there.directory).rows) == 6


@pytest.mark.skipif(connection.vendor != "sqlite", reason="others take any number of values")
def test_more_segments_come_in_than_a_query_takes_values(market, monkeypatch, now):
    monkeypatch.setattr(row_writer, "_PAGE_ROWS", 20)
    rows = [
        Segment(
            **{"market": market, "kind": "ticks", "name": f"segment_20260124_120000_{10 * n}.jsonl.zst"},
            **{"start_t": 10 * n, "end_t": 10 * n + 9, "lines": 10, "bytes": 1, "text_bytes": 1},
            **{"created_at": now, "removed_at": now, "pending": False},
        )
        for n in range(61)
    ]
    Segment.objects.bulk_create(rows)
    limit = connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 50)
    try:
        assert adoption.overlaps(market, [Plan("of there", row) for row in rows[:60]]) == []
        longer = [Plan("of there", row) for row in rows[:59]]
        rows[58].end_t += 2
        (found,) = adoption.overlaps(market, longer)
        assert found.startswith("ticks/segment_20260124_120000_590.jsonl.zst (removed), t=590 to 599, overlaps")
    finally:
        connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, limit)


def test_a_removed_segment_comes_back_as_what_it_was(market, here, there, now):
    adopt(market, here, there.directory)
    shutil.rmtree(here)
    Segment.objects.update(removed_at=now)
    adopt(market, here, there.directory)
    assert Segment.objects.filter(removed_at=None).count() == 6
    assert list(Verification(market, here).faults()) == []


def test_another_file_of_the_same_name_is_refused(market, here, there):
    adopt(market, here, there.directory)
    ours = here / "ticks" / there.paths("ticks")[0].name
    ours.write_bytes(ours.read_bytes()[:-1])
    with pytest.raises(AdoptionRefused, match="another file of that name is in "):
        adopt(market, here, there.directory)


def test_a_pending_segment_is_taken_in_made_whole(market, here, tmp_path):
    writer = ZstdSegmentWriter("ticks", tmp_path / "there", 300, 3, clock=Clock())
    for t in range(10):
        writer.write_jsonline(message(t), t)
    writer.flush()
    (path,) = (tmp_path / "there" / "ticks").iterdir()
    path.write_bytes(path.read_bytes() + b"torn")
    adopt(market, here, tmp_path / "there")
    row = Segment.objects.get()
    assert (row.lines, row.pending, row.state) == (10, False, "finished")
    assert list(Verification(market, here).faults()) == []
    assert path.exists()
    assert len(adopt(market, here, tmp_path / "there").already) == 1


def leave_pending(directory, ts, note=""):
    """A pending segment of these ticks, from the same second each time."""
    writer = ZstdSegmentWriter("ticks", directory, 300, 3, clock=Clock())
    for t in ts:
        writer.write_jsonline({**orjson.loads(message(t)), "note": note}, t)
    writer.flush()
    (path,) = (directory / "ticks").iterdir()
    return path


def test_a_pending_segment_is_only_removed_where_all_of_it_is_here(market, here, tmp_path):
    adopt(market, here, leave_pending(tmp_path / "first", range(10)).parents[1])
    for name, ts, note in [("another", range(10), "x"), ("longer", range(11), "")]:
        path = leave_pending(tmp_path / name, ts, note)
        with pytest.raises(AdoptionRefused, match="another file of that name is in"):
            adopt(market, here, tmp_path / name, move=True)
        assert path.exists()
    for name, ts in [("shorter", range(7)), ("same", range(10))]:
        path = leave_pending(tmp_path / name, ts)
        path.write_bytes(path.read_bytes() + b"torn")
        assert len(adopt(market, here, tmp_path / name, move=True).already) == 1
        assert not path.exists()
    assert list(Verification(market, here).faults()) == []


def test_a_pending_one_without_a_line_is_left_out(market, here, there):
    (there.directory / "ticks" / "segment_20260124_140000_100_pending.jsonl.zst").write_bytes(b"")
    done = adopt(market, here, there.directory)
    assert done.notes == ["ticks/segment_20260124_140000_100_pending.jsonl.zst holds no whole line and was left out"]


def test_runs_that_checkpoints_tell_of_are_taken_over(market, here, there):
    run = {
        "first_t": 0, "start_ts": 1.0, "tick_interval": 0.1, "t_shift": 0, "source": "simulator",
        "settings": {"seed": 4},
    }  # fmt: skip
    Checkpoints(there.directory).save(Checkpoint(run, 100, "", 0, None, False))
    adopt(market, here, there.directory)
    (row,) = Run.objects.all()
    assert (row.settings, row.source, row.ended_at is None) == ({"seed": 4}, "simulator", False)
    assert not (here / "checkpoints").exists(), "a market does not go on from another's"


def test_a_disk_that_does_not_take_it_says_so_and_leaves_no_half(market, here, there, monkeypatch):
    def full(*args):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(StoreError, match="No space left on device"):
        adopt(market, here, there.directory)
    assert files(here) == []
    assert not Segment.objects.exists()


def test_problems_are_listed_up_to_twenty(market, here, there):
    for n in range(30):
        (there.directory / "ticks" / f"segment_20260125_000000_{1000 + n}.jsonl.zst").write_bytes(b"x")
    with pytest.raises(AdoptionRefused) as error:
        adopt(market, here, there.directory)
    assert "… and " in str(error.value)
    assert len(str(error.value).splitlines()) == 22


def test_an_empty_directory_gives_nothing(market, here, tmp_path):
    (tmp_path / "empty").mkdir()
    assert adopt(market, here, tmp_path / "empty").rows == []


def rewritten(path, change):
    """A finished segment with each of its messages changed."""
    text = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True).read()
    lines = [orjson.dumps(change(orjson.loads(line))) for line in text.splitlines()]
    path.write_bytes(zstandard.ZstdCompressor().compress(b"".join(line + b"\n" for line in lines)))


@pytest.mark.parametrize(
    ("ts_of", "said"),
    [
        (lambda m: m["ts"] * 1000, "line 1: t=60: ts must be Unix seconds from 1971 to 2199, got 1769"),
        (lambda m: m["ts"] + 90_000 * (m["t"] > 70), "line 12: t=71: ts must not go from 1769"),
        (lambda m: "noon", "line 1: t=60: ts must be a number, got 'noon'"),
        (lambda m: True, "line 1: t=60: ts must be a number, got True"),
    ],
)
def test_times_that_cannot_be_are_refused_with_file_and_line(market, here, there, ts_of, said):
    path = there.paths("ticks")[1]
    rewritten(path, lambda m: {**m, "ts": ts_of(m)})
    assert f"ticks/{path.name}: {said}" in refused(market, here, there.directory)


def test_steps_of_any_length_are_taken_in_where_that_is_asked_for(market, here, there):
    rewritten(there.paths("ticks")[1], lambda m: {**m, "ts": m["ts"] + 90_000 * (m["t"] > 70)})
    adopt(market, here, there.directory, most_step_seconds=0)
    assert Segment.objects.count() == 6


def test_a_market_that_was_down_for_a_week_is_taken_in(market, here, there):
    for kind in ("ticks", "frames", "metrics"):
        rewritten(there.paths(kind)[1], lambda m: {**m, "ts": m["ts"] + 7 * 86_400})
    adopt(market, here, there.directory)
    assert Segment.objects.count() == 6
