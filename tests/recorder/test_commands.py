"""The recorder's commands: what they say, what they end with, and what they refuse."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.utils import timezone

from recorder.models import Market, Segment
from recorder.retention import clean_up
from recorder.retention_policy import RetentionSettings
from recorder.segment.writer import ZstdSegmentWriter
from recorder.store.lock import StoreLock
from recorder.store.store_paths import symbols
from runtime.progress import Progress
from tests.recorder.made_once import made_once
from tests.recorder.store import files, record_plainly
from tests.recorder.tape import Clock, message

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def store_dir(settings, tmp_path):
    settings.CONFIG = replace(settings.CONFIG, store_dir=tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def store(market, store_dir):
    return made_once(market, store_dir, recorded)


def recorded(store):
    store.record(60)
    store.record(40)


@pytest.fixture
def run_command(capsys):
    def run(*arguments):
        call_command(*arguments)
        return capsys.readouterr().out

    return run


# -- verify


def test_verify_counts_what_is_whole(store, run_command, capsys):
    out = run_command("verify", "--deep")
    assert out.startswith("IG-USD: 6 segments, 166 lines, ")
    assert "0 gap lines (0 ticks missing); 0 removed, 0 pending and not looked at" in out
    assert "  metrics: 50 are what the ticks give, 0 not provable" in out
    assert "  frames: 16 are what the ticks give, 0 not provable" in out
    assert out.endswith("no faults\n")


def test_verify_shows_progress(store, capsys):
    call_command("verify")
    assert "166/166 " in capsys.readouterr().err


def test_verify_ends_with_the_number_of_faults(store, capsys):
    store.paths("ticks")[0].unlink()
    with pytest.raises(CommandError, match=r"^1 fault$"):
        call_command("verify")
    assert "  ticks/segment_20260124_120000_0.jsonl.zst: the file is missing" in capsys.readouterr().out


def test_verify_shows_fifty_faults_and_counts_the_rest(market, store_dir, capsys):
    record_plainly(market, store_dir, 20, ticks=1)
    for path in store_dir.rglob("*.zst"):
        path.unlink()
    with pytest.raises(CommandError, match=r"^60 faults$"):
        call_command("verify")
    assert "  … and 10 more\n" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["verify", "segments", "exportmanifest"])
def test_a_market_that_is_not_there_is_refused(market, command):
    with pytest.raises(CommandError, match="there is no market 'NONE'; there is IG-USD"):
        call_command(command, "--symbol", "NONE")


@pytest.mark.parametrize("command", [["verify"], ["repair"], ["exportmanifest"], ["adopt", "."]])
def test_without_a_database_they_say_so(command):
    def away(*args):
        raise OperationalError("the server is away")

    with connection.execute_wrapper(away):
        with pytest.raises(CommandError, match=r"^the database cannot be used: the server is away$"):
            call_command(*command)


@pytest.mark.parametrize("command", ["verify", "segments", "exportmanifest"])
@pytest.mark.parametrize("options", [[], ["--symbol", "OTHER"]])
def test_a_recording_whose_database_was_lost_is_a_fault(store_dir, market, capsys, command, options):
    other = Market.objects.create(symbol="OTHER")
    for one, directory in ((market, store_dir), (other, store_dir / "OTHER")):
        record_plainly(one, directory, 1)
    Segment.objects.filter(market=other).delete()
    other.delete()
    (store_dir / "EMPTY" / "ticks").mkdir(parents=True)
    with pytest.raises(CommandError) as refused:
        call_command(command, *options)
    told = capsys.readouterr().out + str(refused.value)
    assert told.count(f"OTHER: {store_dir / 'OTHER'} holds segments, and the database knows no such market;") == 1
    assert "EMPTY" not in told
    if not options:
        assert "IG-USD" in told or command == "exportmanifest"
        assert (store_dir / "ticks" / "manifest.json").exists() == (command == "exportmanifest")


# -- repair


def test_repair_makes_rows_and_files_tell_the_same(store, store_dir, run_command):
    writer = ZstdSegmentWriter("ticks", store_dir, 300, 3, clock=Clock())
    writer.write_jsonline(message(100), 100)
    writer.flush()
    (pending,) = (store_dir / "ticks").glob("*_pending*")
    pending.write_bytes(pending.read_bytes() + b"torn")
    store.paths("frames")[0].unlink()
    Segment.objects.filter(kind="metrics", start_t=0).delete()
    (store_dir / "ticks" / "segment_20260124_150000_500.jsonl.zst").write_bytes(b"")
    out = run_command("repair")
    assert "sealed, 1 lines kept, " in out
    assert "bytes lost: " in out
    assert "metrics/segment_20260124_120000_0.jsonl.zst: row made from the file, 30 lines" in out
    assert "frames/segment_20260124_120000_20.jsonl.zst: the file is missing" in out
    assert "ticks/segment_20260124_150000_500.jsonl.zst: holds no line, and has no row" in out
    assert (
        "IG-USD: 1 pending files, 1 rows made or corrected, 0 damaged segments written anew, 1 files missing,"
        " 1 unreadable\n"
    ) in out


def test_repair_makes_a_database_anew_for_every_market_on_disk(store_dir, run_command):
    market = Market.objects.create(symbol="OTHER")
    record_plainly(market, store_dir / "OTHER", 2)
    Segment.objects.all().delete()
    market.delete()
    assert symbols() == ["OTHER"]
    assert "OTHER: 0 pending files, 6 rows made or corrected" in run_command("repair")
    assert Segment.objects.of("OTHER").count() == 6


def test_repair_leaves_a_store_alone_that_somebody_writes(store, store_dir):
    lock = StoreLock(store_dir, "IG-USD", "process 7 on a")
    with pytest.raises(CommandError, match=r"^the market IG-USD is held by process 7 on a$"):
        call_command("repair")
    lock.release()


def test_repair_of_nothing_says_so(market, store_dir, run_command):
    assert run_command("repair", "--symbol", "NEW") == f"NEW: nothing is recorded in {store_dir / 'NEW'}\n"
    with pytest.raises(CommandError, match="symbol must be 1 to 32 of"):
        call_command("repair", "--symbol", "../x")


# -- segments


def test_segments_are_a_table(store, run_command, now):
    Segment.objects.filter(kind="frames", start_t=20).update(pinned=True)
    Segment.objects.filter(kind="metrics", start_t=0).update(removed_at=now)
    Segment.objects.filter(kind="ticks", start_t=60).update(missing=True)
    lines = run_command("segments").splitlines()
    assert lines[0].split() == ["market", "kind", "t", "lines", "size", "gaps", "state", "name"]
    assert len(lines) == 8
    by_state = {" ".join(line.split()[7:-1]): line for line in lines[1:-1]}
    assert set(by_state) == {"finished", "finished, pinned", "removed", "missing"}
    assert "20..55" in by_state["finished, pinned"]
    assert lines[-1].startswith("4 segments on disk, ")


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ([], 6), (["--kind", "ticks"], 2), (["--state", "finished"], 5), (["--state", "removed"], 1),
        (["--state", "pending"], 0), (["--state", "missing"], 0), (["--pinned"], 0), (["--from-t", "60"], 3),
        (["--to-t", "59"], 3), (["--from-t", "59", "--to-t", "60", "--kind", "ticks"], 2), (["--symbol", "IG-USD"], 6),
    ],
)  # fmt: skip
def test_segments_can_be_chosen(store, run_command, now, options, count):
    Segment.objects.filter(kind="metrics", start_t=0).update(removed_at=now)
    assert len(run_command("segments", *options).splitlines()) == count + 2


# -- exportmanifest and adopt


def test_a_store_travels_with_its_manifest(store, store_dir, tmp_path, run_command):
    out = run_command("exportmanifest")
    assert f"{store_dir}/ticks/manifest.json: 2 segments" in out
    entries = json.loads((store_dir / "ticks" / "manifest.json").read_text())
    assert [(entry["start_t"], entry["end_t"], entry["pending"]) for entry in entries] == [
        (0, 59, False),
        (60, 99, False),
    ]
    out = run_command("adopt", str(store_dir), "--symbol", "COPY", "--pin")
    assert "COPY: 6 segments with 166 lines taken in from" in out
    assert files(store_dir / "COPY") == files(store_dir)
    copies = Segment.objects.of("COPY")
    assert copies.filter(pinned=True).count() == 6
    sealed = {row.name: row.created_at for row in Segment.objects.of("IG-USD", "ticks")}
    assert {row.name: row.created_at for row in copies.filter(kind="ticks")} == sealed
    assert "no faults" in run_command("verify", "--deep", "--symbol", "COPY")


def test_what_is_pinned_as_it_comes_in_stays_whatever_the_clean_up_does_meanwhile(
    market, store_dir, tmp_path, run_command, monkeypatch
):
    other = Market.objects.create(symbol="OTHER")
    record_plainly(other, tmp_path / "old", 3)
    came = files(tmp_path / "old")
    Segment.objects.all().delete()
    by_age = RetentionSettings(min_segments=0, min_days=0, max_days=1)
    later = timezone.now() + timedelta(days=2)
    at = Progress.at

    def cleaned_up(self, *arguments):
        clean_up(store_dir, "IG-USD", by_age, later)
        at(self, *arguments)

    monkeypatch.setattr(Progress, "at", cleaned_up)
    run_command("adopt", str(tmp_path / "old"), "--move", "--pin")
    clean_up(store_dir, "IG-USD", by_age, later)
    assert files(store_dir) == came
    Segment.objects.update(pinned=False)
    record_plainly(other, tmp_path / "old", 3)
    run_command("adopt", str(tmp_path / "old"), "--pin")
    assert Segment.objects.of(market).filter(pinned=True).count() == 9, "those that were there already, too"


def test_a_manifest_can_be_put_elsewhere_while_the_market_runs(store, store_dir, tmp_path, run_command):
    lock = StoreLock(store_dir, "IG-USD", "process 7 on a")
    with pytest.raises(CommandError, match="is held by process 7 on a"):
        call_command("exportmanifest")
    run_command("exportmanifest", "--out", str(tmp_path / "out"))
    assert len(json.loads((tmp_path / "out" / "frames" / "manifest.json").read_text())) == 2
    lock.release()
    Market.objects.create(symbol="OTHER")
    with pytest.raises(CommandError, match="--out takes one market, and there are 2: say --symbol"):
        call_command("exportmanifest", "--out", str(tmp_path / "out"))


def test_a_market_that_cannot_be_exported_keeps_no_other_from_it(store, store_dir, run_command, capsys):
    for symbol in ("A", "B", "C"):
        market = Market.objects.create(symbol=symbol)
        if symbol != "A":
            record_plainly(market, store_dir / symbol, 1)
    lock = StoreLock(store_dir / "B", "B", "process 7 on a")
    with pytest.raises(CommandError, match=r"^the market B is held by process 7 on a$"):
        call_command("exportmanifest")
    lock.release()
    assert f"A: nothing is recorded in {store_dir / 'A'}\n" in capsys.readouterr().out
    assert [(store_dir / place / "ticks" / "manifest.json").exists() for place in ("B", "C", ".")] == [
        False,
        True,
        True,
    ]


def test_what_cannot_be_taken_in_is_refused(store, store_dir, tmp_path):
    for directory, options, reason in [
        (tmp_path / "none", [], "is no directory"),
        (store_dir, [], "is the market's own directory"),
        (store_dir, ["--symbol", "COPY", "--move"], "copy it, do not move it"),
        (store_dir, ["--symbol", "a/b"], "symbol must be 1 to 32 of"),
    ]:
        with pytest.raises(CommandError, match=reason):
            call_command("adopt", str(directory), *options)


def test_nothing_is_moved_out_of_a_store_that_somebody_writes(market, tmp_path):
    writer = ZstdSegmentWriter("ticks", tmp_path / "there", 300, 3, clock=Clock())
    writer.write_jsonline(message(0), 0)
    writer.close()
    lock = StoreLock(tmp_path / "there", "IG-USD", "process 7 on a")
    with pytest.raises(CommandError, match="is held by process 7 on a"):
        call_command("adopt", str(tmp_path / "there"), "--move")
    lock.release()
    call_command("adopt", str(tmp_path / "there"), "--move")
    assert Segment.objects.get().lines == 1
