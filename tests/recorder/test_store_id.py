"""The file that names a store: whole or not there, and never taken for more than it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recorder.errors import OtherStore, StoreError
from recorder.segment.writer import ZstdSegmentWriter
from recorder.store.store_id import is_store_id, keep_store_id, new_store_id, read_store_id
from recorder.tape.history import History
from tests.recorder.tape import Clock, message

OLD, NEW = "a" * 32, "b" * 32


def write_tape(directory: Path) -> None:
    """Ticks 0 to 29 in one segment."""
    writer = ZstdSegmentWriter("ticks", directory, 300, 3, clock=Clock())
    for t in range(30):
        writer.write_jsonline(message(t), t)
    writer.close()


def test_an_id_is_kept_and_another_takes_its_place(tmp_path: Path) -> None:
    assert read_store_id(tmp_path) is None
    for store_id in (OLD, NEW):
        keep_store_id(tmp_path, store_id)
        assert (tmp_path / "store_id").read_bytes() == store_id.encode() + b"\n"
        assert read_store_id(tmp_path) == store_id
    assert [path.name for path in tmp_path.iterdir()] == ["store_id"]


def test_no_two_ids_are_the_same() -> None:
    made = {new_store_id() for _ in range(100)}
    assert len(made) == 100
    assert all(map(is_store_id, made))


@pytest.mark.parametrize("content", [b"", b"\n", OLD[1:].encode(), OLD.upper().encode(), b"\xff" * 32, b"x" * 10_000])
def test_what_is_no_id_counts_for_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "store_id").write_bytes(content)
    assert read_store_id(tmp_path) is None


def test_a_directory_in_its_place_counts_for_none(tmp_path: Path) -> None:
    (tmp_path / "store_id").mkdir()
    assert read_store_id(tmp_path) is None
    with pytest.raises(StoreError):
        keep_store_id(tmp_path, OLD)


def test_a_write_that_fails_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_store_id(tmp_path, OLD)

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError):
        keep_store_id(tmp_path, NEW)
    assert read_store_id(tmp_path) == OLD


@pytest.mark.django_db
def test_a_reader_of_one_store_reads_nothing_of_the_next(tmp_path: Path) -> None:
    keep_store_id(tmp_path, OLD)
    write_tape(tmp_path)
    history = History("IG-USD", tmp_path).of_store(OLD)
    assert [one.first_t for one in history.messages(["ticks"], -1)] == list(range(30))
    assert history.last_t() == 29
    begun = history.messages(["ticks"], 9)
    assert next(begun).first_t == 10
    keep_store_id(tmp_path, NEW)
    assert next(begun).first_t == 11, "a file that is open is of the store it was opened in"
    for read in (lambda: list(history.messages(["ticks"], -1)), history.last_t):
        with pytest.raises(OtherStore) as caught:
            read()
        assert caught.value.store_id == NEW
    assert History("IG-USD", tmp_path).last_t() == 29, "who knows no id reads whatever is there"


@pytest.mark.django_db
def test_a_store_that_was_taken_away_is_no_other_yet(tmp_path: Path) -> None:
    keep_store_id(tmp_path, OLD)
    write_tape(tmp_path)
    (tmp_path / "store_id").unlink()
    assert History("IG-USD", tmp_path, OLD).last_t() == 29
