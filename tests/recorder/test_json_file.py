"""manifest.json beside the segments: appended to in place, whole after every failure, and mended at a start."""

from __future__ import annotations

import json
import logging
import resource
import subprocess
import sys
from contextlib import contextmanager

import orjson
import pytest

from recorder.errors import BadManifest
from recorder.manifest.json_file import Contents, ManifestFile, whole_entries
from recorder.segment.layout import KINDS, SegmentFacts, manifest_form
from tests.database_steps import Steps, sqlite_only


@contextmanager
def files_limited_to(size):
    """The operating system refuses every byte of a file beyond `size`, as a full disk does."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def entry(t):
    return {"path": f"ticks/segment_20260124_120000_{t}.jsonl.zst", "start_t": t, "end_t": t + 9, "pending": False}


@pytest.fixture
def file(tmp_path):
    made = ManifestFile(tmp_path, "ticks")
    made.write([])
    return made


def test_it_is_an_array_with_an_entry_a_line(file):
    assert file.path.read_bytes() == b"[\n]\n"
    file.append([entry(0)])
    file.append([entry(10), entry(20)])
    assert orjson.loads(file.path.read_bytes()) == [entry(0), entry(10), entry(20)]
    assert len(file.path.read_text().splitlines()) == 5
    assert file.contents() == Contents(3, entry(20))
    assert file.write([entry(5)]) == 1
    assert orjson.loads(file.path.read_bytes()) == [entry(5)]
    assert list(file.path.parent.iterdir()) == [file.path]


def test_an_entry_costs_the_same_however_many_there_are(file, tmp_path):
    """By what the operating system is asked for: bytes written, and calls."""
    costs = []
    for count in (100, 50_000):
        file.write(entry(t) for t in range(0, 10 * count, 10))
        code = (
            "import orjson, pathlib, sys; from recorder.manifest.json_file import ManifestFile\n"
            "file = ManifestFile(pathlib.Path(sys.argv[1]), 'ticks'); before = open('/proc/self/io').read()\n"
            "file.append([orjson.loads(sys.argv[2])]); print(before + open('/proc/self/io').read())"
        )
        asked = [sys.executable, "-c", code, str(tmp_path), orjson.dumps(entry(10 * count)).decode()]
        lines = subprocess.run(asked, capture_output=True, check=True, text=True).stdout.split("\n")
        figures = [int(line.split()[1]) for line in lines if line.startswith(("rchar", "wchar", "syscr", "syscw"))]
        costs.append([after - before for before, after in zip(figures[:4], figures[4:], strict=True)])
        assert file.contents().entries == count + 1
    (few_read, few_written, *few_calls), (many_read, many_written, *many_calls) = costs
    assert few_calls == many_calls
    assert abs(many_read - few_read) < 100 > abs(many_written - few_written)


@pytest.mark.parametrize("content", [b"", b"[", b"[]", b"[\n", b"\n]\n", b'[\n{"t":1}', b'[\n{"t":1}\n]', b"x" * 9000])
def test_what_does_not_end_as_ours_is_not_appended_to(file, content):
    file.path.write_bytes(content)
    with pytest.raises(BadManifest, match="is not appended to: it ends with"):
        file.append([entry(0)])
    assert file.path.read_bytes() == content
    assert file.contents() is None


@pytest.mark.parametrize(
    "content", [b'[\n  {\n    "t": 1\n  }\n]\n', b"[\n7\n]\n", b"[\n{]\n]\n", b'{\n"t":1}\n]\n', b"[\n\n]\n"]
)
def test_what_is_laid_out_in_another_way_is_not_taken_for_ours(file, content):
    file.path.write_bytes(content)
    assert file.contents() is None


def test_an_entry_that_finds_no_room_leaves_the_others_whole(file):
    file.append([entry(0)])
    before = file.path.read_bytes()
    with files_limited_to(len(before) + 20), pytest.raises(OSError, match="File too large"):
        file.append([entry(10)])
    assert file.path.read_bytes() == before
    file.append([entry(10)])
    assert file.contents() == Contents(2, entry(10))


def test_of_one_that_lacks_its_end_the_whole_entries_are_read(file):
    file.append([entry(0), entry(10)])
    whole = file.path.read_bytes()
    counts = [len(whole_entries(whole[:length])) for length in range(whole.index(b"\n", 2) + 1, len(whole) + 1)]
    assert counts == sorted(counts)
    assert {1, 2} == set(counts)
    for data in (b"x", b"[", b'[\n{"x":1}', b'[{"path":'):
        with pytest.raises(orjson.JSONDecodeError):
            whole_entries(data)


# -- the files of a market, beside its rows


@pytest.fixture
def files(market, tmp_path):
    from recorder.manifest.json_files import ManifestFiles

    def make():
        made = ManifestFiles(market, tmp_path)
        made.restore()
        return made

    return make


@pytest.fixture
def sealed(market, facts):
    """A finished segment of ticks: its facts, of which there is a row."""
    from recorder.manifest.row_writer import save_facts

    def make(t, **changes):
        made = facts(t, **changes)
        save_facts(market, None, made)
        return made

    return make


def listed(tmp_path, kind="ticks"):
    return [one["start_t"] for one in json.loads((tmp_path / kind / "manifest.json").read_bytes())]


def test_sealed_segments_are_listed_as_their_rows_would_be(files, market, sealed, tmp_path):
    from recorder.models import Segment

    kept = files()
    assert [listed(tmp_path, kind) for kind in ("ticks", "frames", "metrics")] == [[], [], []]
    kept.record(sealed(1000))
    kept.record(sealed(2000, pending=True))
    kept.record(sealed(2000))
    assert listed(tmp_path) == [1000, 2000]
    assert json.loads((tmp_path / "ticks" / "manifest.json").read_bytes()) == [
        row.manifest_form() for row in Segment.objects.order_by("start_t")
    ]


MENDED = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "torn": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "without its end": lambda path: path.write_bytes(path.read_bytes()[:-3]),
    "an entry missing in the midst": lambda path: path.write_bytes(b"\n".join(path.read_bytes().split(b"\n", 3)[::2])),
    "the first ones missing": lambda path: path.write_bytes(b"[\n" + path.read_bytes().split(b"\n", 3)[3]),
    "the last one missing": lambda path: path.write_bytes(path.read_bytes().rpartition(b",\n")[0] + b"\n]\n"),
    "all missing": lambda path: path.write_bytes(b"[\n]\n"),
    "one too many": lambda path: path.write_bytes(path.read_bytes().replace(b"\n]", b',\n{"path":"x"}\n]')),
    "of another store": lambda path: path.write_bytes(path.read_bytes().replace(b"segment_2026", b"segment_2025")),
    "by another hand": lambda path: path.write_bytes(json.dumps(json.loads(path.read_bytes()), indent=2).encode()),
}


#: These lack entries at their end alone, or are not there; nothing that is in them has to be replaced.
APPENDED = ("missing", "the last one missing", "all missing")


@pytest.mark.parametrize("how", MENDED)
def test_a_start_mends_it(files, sealed, tmp_path, how, caplog):
    kept = files()
    for t in (1000, 2000, 3000, 4000):
        kept.record(sealed(t))
    path = tmp_path / "ticks" / "manifest.json"
    whole = path.read_bytes()
    MENDED[how](path)
    assert not path.exists() or path.read_bytes() != whole
    with caplog.at_level(logging.INFO):
        files()
    assert path.read_bytes() == whole
    assert (f"{path}: made anew, 4 segments" in caplog.text) is (how not in APPENDED)


def test_what_a_crash_kept_from_it_is_appended(files, sealed, tmp_path, caplog):
    files().record(sealed(1000))
    sealed(2000)
    sealed(3000)
    with caplog.at_level(logging.INFO):
        files()
    assert listed(tmp_path) == [1000, 2000, 3000]
    assert "made anew" not in caplog.text


def test_a_removed_segment_stays_listed_and_a_vanished_one_does_not(files, market, sealed, tmp_path, now):
    from recorder.manifest import inventory
    from recorder.models import Segment

    kept = files()
    for t in (1000, 2000, 3000):
        kept.record(sealed(t))
    before = (tmp_path / "ticks" / "manifest.json").read_bytes()
    Segment.objects.filter(start_t=1000).update(removed_at=now)
    files()
    assert (tmp_path / "ticks" / "manifest.json").read_bytes() == before
    inventory.change_row(Segment.objects.filter(start_t=2000), missing=True)
    files()
    assert listed(tmp_path) == [1000, 3000]
    assert b"removed" not in (tmp_path / "ticks" / "manifest.json").read_bytes()


def test_what_was_taken_in_from_elsewhere_comes_in_its_place(files, sealed, tmp_path):
    files().record(sealed(3000))
    sealed(1000)
    files()
    assert listed(tmp_path) == [1000, 3000]


def test_a_failure_is_told_once_and_made_good_with_the_next_segment(files, sealed, tmp_path, caplog):
    kept, path = files(), tmp_path / "ticks" / "manifest.json"
    kept.record(sealed(1000))
    hidden = path.rename(tmp_path / "hidden")
    for t in (2000, 3000):
        kept.record(sealed(t))
    assert not path.exists()
    assert caplog.text.count("manifest.json is behind until it can be written") == 1
    hidden.rename(path)
    kept.record(sealed(4000))
    assert listed(tmp_path) == [1000, 2000, 3000, 4000]


def test_a_start_that_cannot_write_it_goes_on(market, tmp_path, caplog):
    from recorder.manifest.json_files import ManifestFiles

    (tmp_path / "ticks").write_text("no directory")
    ManifestFiles(market, tmp_path).restore()
    assert "Not a directory" in caplog.text
    assert listed(tmp_path, "frames") == []


COLUMNS = SegmentFacts.__dataclass_fields__.keys() - {"opened_at", "sealed_at", "directory_change", "seek_points"}


@sqlite_only
def test_a_start_asks_for_the_last_rows_alone(market, files, facts, tmp_path, now):
    from recorder.manifest import inventory
    from recorder.models import Segment

    costs = []
    for ts in (range(0, 100_000, 1000), range(100_000, 2_000_000, 1000)):
        for kind in KINDS:
            made = (facts(t, kind=kind) for t in ts)
            Segment.objects.bulk_create(
                Segment(market=market, **{name: getattr(one, name) for name in COLUMNS}, created_at=one.created_at)
                for one in made
            )
            inventory.recount(market, kind)
        files()
        with Steps() as steps:
            files()
        assert listed(tmp_path)[-1] == ts[-1]
        costs.append(steps.count)
    few, many = costs
    assert many <= 1.3 * few, f"{few} steps with 100 segments of a kind, {many} with 2,000"


def test_facts_and_rows_are_listed_alike(sealed):
    from recorder.models import Segment

    assert manifest_form(sealed(1000)) == Segment.objects.get().manifest_form()
