"""Verification: a store that is whole has no fault, and everything that can be wrong with one is found."""

from __future__ import annotations

import pytest
import zstandard

from recorder.models import Segment
from recorder.segment.writer import ZstdSegmentWriter
from recorder.store.lock import StoreLock
from recorder.tape.recording import Recording
from recorder.verify import verification
from recorder.verify.verification import Verification, faults_of, runs_of
from tests.recorder.made_once import made_once
from tests.recorder.store import Store
from tests.recorder.tape import Clock, message

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(market, tmp_path):
    return made_once(market, tmp_path, recorded)


def recorded(store):
    store.record(60)
    store.record(40)


def faults(store):
    return [str(fault) for fault in Verification(store.market, store.directory).faults()]


def only_fault(store):
    (fault,) = faults(store)
    return fault


def path_of(store, kind="ticks", number=0):
    return store.paths(kind)[number]


def test_a_whole_store_has_no_fault_and_is_counted(store):
    lines = []
    verification = Verification(store.market, store.directory, lines.append)
    assert list(verification.faults()) == []
    counts = verification.counts
    assert (counts.segments, counts.lines) == (6, 100 + 50 + 16)
    assert counts.bytes == sum(
        path.stat().st_size for kind in ("ticks", "frames", "metrics") for path in store.paths(kind)
    )
    assert lines[-1] == counts.lines
    assert lines == sorted(lines)


def test_a_changed_byte_is_found_by_checksum_and_frame(store):
    path = path_of(store)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    found = faults(store)
    assert any("its sha256 is " in fault for fault in found)
    assert any("zstd frame at byte 0" in fault for fault in found)


def test_a_file_cut_short_is_found(store):
    path = path_of(store)
    path.write_bytes(path.read_bytes()[:-5])
    found = faults(store)
    assert any("is not whole: the data ends" in fault for fault in found)
    assert any("its bytes is " in fault for fault in found)


def test_garbage_behind_the_last_frame_is_found(store):
    with path_of(store).open("ab") as file:
        file.write(b"garbage")
    assert any("no whole zstd frame at byte" in fault for fault in faults(store))


def test_an_empty_file_is_found(store):
    path_of(store).write_bytes(b"")
    assert any(fault.endswith("it holds no line") for fault in faults(store))


def test_a_missing_file_is_found(store):
    path = path_of(store)
    path.unlink()
    assert only_fault(store) == f"ticks/{path.name}: the file is missing"


def test_a_file_without_a_row_is_found_unless_somebody_writes_the_store(store):
    Segment.objects.get(kind="ticks", start_t=60).delete()
    assert "it has no row in the manifest; `manage.py repair` makes one" in only_fault(store)
    lock = StoreLock(store.directory, "IG-USD", "me")
    assert faults(store) == []
    lock.release()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"bytes": 1}, "its bytes is"),
        ({"text_bytes": 1}, "its text_bytes is"),
        ({"lines": 1}, "its lines is 60, its row says 1"),
        ({"gaps": 3}, "its gaps is 0, its row says 3"),
        ({"start_t": 1}, "its start_t is 0, its row says 1"),
        ({"end_t": 70}, "its end_t is 59, its row says 70"),
        ({"sha256": ""}, "its row says nothing"),
        ({"seek_points": [[0, 0], [5, 77]]}, "its row has a seek point at byte 77, where no frame begins"),
    ],
)
def test_a_row_that_says_otherwise_is_found(store, changes, what):
    row = Segment.objects.get(kind="ticks", start_t=0)
    Segment.objects.filter(pk=row.pk).update(**changes)
    assert what in only_fault(store)
    row.refresh_from_db()
    assert any(what in fault for fault in faults_of(row, store.directory))


def rewrite(store, lines, kind="ticks", number=0):
    """Puts other lines in a segment's place, and makes its row say so: the fault is in the tape alone."""
    from recorder.manifest.row_writer import save_facts
    from recorder.recovery.pending import read_facts

    path = path_of(store, kind, number)
    path.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(b"".join(line + b"\n" for line in lines)))
    facts, _ = read_facts(path, kind)
    assert facts is not None
    save_facts(store.market, store.run, facts)


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([message(t) for t in range(60) if t != 30], "ticks: t=30 to 30 are missing and no gap line tells of them"),
        ([message(t) for t in (*range(30), 29, *range(30, 60))], "line 31: t=29 comes after t=29"),
        ([*[message(t) for t in range(60)], b"{}"], "line 61 is no message: b'{}'"),
        ([*[message(t) for t in range(60)], b"[1]"], "line 61 is no message: b'[1]'"),
        ([*[message(t) for t in range(59)], b'{"type":"metric","t":59}'], "line 60 is of type 'metric'"),
        ([message(t) for t in range(62)], "it begins with t=60, the segment before it ends with t=61"),
    ],
)
def test_lines_that_are_not_in_order_are_found(store, lines, what):
    rewrite(store, lines)
    assert any(what in fault for fault in faults(store)), faults(store)


def test_a_line_without_its_end_is_found(store):
    path = path_of(store, number=1)
    path.write_bytes(path.read_bytes() + zstandard.compress(b'{"type":"tick","t":100'))
    assert any("the last line has no end" in fault for fault in faults(store))


def test_no_more_than_twenty_faults_are_told_of_a_file(store):
    rewrite(store, [message(0), *[b"x"] * 100, message(1)])
    assert sum("is no message" in fault for fault in faults(store)) == 20


def test_what_a_gap_line_tells_of_is_no_fault(market, tmp_path):
    store = Store(market, tmp_path)
    store.record(30)
    store.record(30, gap=7)
    verification = Verification(market, tmp_path)
    assert list(verification.faults()) == []
    assert (verification.counts.gaps, verification.counts.gap_ticks) == (3, 7)


def test_a_removed_segment_is_no_fault_and_excuses_what_was_in_it(store):
    store.record(20)
    row = Segment.objects.get(kind="ticks", start_t=60)
    (store.directory / "ticks" / row.name).unlink()
    Segment.objects.filter(pk=row.pk).update(removed_at=row.created_at)
    verification = Verification(store.market, store.directory)
    assert list(verification.faults()) == []
    assert (verification.counts.removed, verification.tapes["ticks"].gone) == (1, [(60, 99)])


def test_one_removed_while_it_is_looked_for_is_no_fault(store, monkeypatch):
    real = verification.examine

    def examine(path, kind):
        if path.name == path_of(store, number=1).name and kind == "ticks":
            Segment.objects.filter(kind=kind, name=path.name).update(removed_at=store.run.created_at)
            path.unlink()
        return real(path, kind)

    monkeypatch.setattr(verification, "examine", examine)
    paths = store.paths("ticks")
    monkeypatch.setattr(store, "paths", lambda kind: paths)
    assert faults(store) == []


def test_a_pending_segment_is_counted_and_left_alone(store):
    facts = []
    writer = ZstdSegmentWriter("ticks", store.directory, 300, 3, clock=Clock(), on_change=facts.append)
    writer.write_jsonline(message(100), 100)
    writer.flush()
    from recorder.manifest.row_writer import save_facts

    save_facts(store.market, store.run, facts[0])
    verification = Verification(store.market, store.directory)
    assert list(verification.faults()) == []
    assert verification.counts.pending == 1
    assert verification.tapes["ticks"].is_behind(100)
    writer.close()
    assert "its row says that it is pending; `manage.py repair` corrects it" in only_fault(store)
    path_of(store, number=2).unlink()
    assert "the file is missing" in only_fault(store)


def test_a_segment_of_gap_lines_alone_is_whole(market, tmp_path):
    from recorder.manifest.row_writer import save_facts

    recording = Recording(
        tmp_path, segment_seconds=300, level=3, flush_seconds=1, clock=Clock(),
        on_change=lambda facts: save_facts(market, None, facts),
    )  # fmt: skip
    recording.write_gap(0, 9, "lost")
    recording.close()
    assert list(Verification(market, tmp_path).faults()) == []


def test_the_run_of_a_segment_is_its_rows_or_the_one_begun_before_it(store):
    from recorder.verify.verified_tape import Held

    second = store.begin_run(9)
    run_of = runs_of(store.market, store.directory)
    assert run_of(Held("x", second.pk, 100, 110)).settings["seed"] == 9
    assert run_of(Held("x", None, 50, 59)).settings["seed"] == 0
    assert run_of(Held("x", None, 105, 109)).first_t == 100
    store.run.settings = {}
    store.run.save()
    assert runs_of(store.market, store.directory)(Held("x", None, 105, 109)) is None


def mark_missing(store, kind):
    """The file of a row is gone, as the next start finds."""
    path = path_of(store, kind)
    path.unlink()
    Segment.objects.filter(kind=kind, name=path.name).update(missing=True)
    return Segment.objects.get(kind=kind, name=path.name)


@pytest.mark.parametrize("pending", [False, True])
def test_a_missing_file_whose_messages_are_in_another_is_no_fault(store, pending):
    whole = path_of(store).read_bytes()
    row = mark_missing(store, "ticks")
    Segment.objects.filter(pk=row.pk).update(pending=pending)
    assert "the file is missing" in only_fault(store)
    again = row.name.replace("_120000_", "_130000_")
    (store.directory / "ticks" / again).write_bytes(whole)
    row.pk, row.name, row.missing, row.pending = None, again, False, False
    row.save()
    verification = Verification(store.market, store.directory)
    assert list(verification.faults()) == []
    assert not verification.tapes["ticks"].open


def test_a_missing_file_excuses_no_open_tape(store):
    row = mark_missing(store, "frames")
    Segment.objects.filter(pk=row.pk).update(pending=True)
    verification = Verification(store.market, store.directory)
    assert [str(fault) for fault in verification.faults()] == [
        f"{row.path[:-10]}_pending.jsonl.zst: the file is missing"
    ]
    assert (verification.tapes["frames"].open, verification.counts.pending) == (False, 0)
