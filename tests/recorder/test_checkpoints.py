"""Checkpoints on disk: whole or not at all, the newest first, old ones let go."""

from __future__ import annotations

import pytest
import zstandard

from recorder.errors import StoreError
from recorder.recovery.checkpoints import Checkpoint, Checkpoints


def checkpoint(next_t, first_t=0, **changes):
    values = {"run": {"first_t": first_t}, "next_t": next_t, "source": "s" * 50, "window_ticks": 3}
    return Checkpoint(**values | {"mid_before": 50.5, "filmed": True} | changes)


@pytest.fixture
def kept(tmp_path):
    return Checkpoints(tmp_path)


def positions(kept):
    return [(one.run["first_t"], one.next_t) for one in kept.newest_first()]


def paths(tmp_path):
    return sorted((tmp_path / "checkpoints").iterdir())


def test_what_is_saved_is_read_back(kept):
    saved = [checkpoint(0), checkpoint(9, mid_before=None, filmed=False, ended=True)]
    for one in saved:
        kept.save(one)
    assert list(kept.newest_first()) == saved[::-1]


def test_a_store_without_any_has_none(kept):
    assert positions(kept) == []


def test_they_are_ordered_by_run_then_t_as_numbers(kept):
    for first_t, next_t in [(0, 9), (0, 100), (1000, 1000), (200, 999)]:
        kept.save(checkpoint(next_t, first_t))
    assert positions(kept) == [(1000, 1000), (200, 999), (0, 100), (0, 9)]


def test_of_the_newest_run_the_first_and_the_seven_last_are_kept(kept, tmp_path):
    for t in range(20):
        kept.save(checkpoint(t))
    assert positions(kept) == [(0, t) for t in (*range(19, 12, -1), 0)]
    for t in range(50, 58):
        kept.save(checkpoint(t, 50))
    assert positions(kept) == [(50, t) for t in range(57, 49, -1)]


def test_those_of_tapes_that_are_gone_starve_no_new_run(kept):
    for t in range(0, 90, 10):
        kept.save(checkpoint(500 + t, 500))
        kept.save(checkpoint(t, 0))
    kept.forget_behind(0, 0)
    assert positions(kept) == []
    for t in (0, 4, 8):
        kept.save(checkpoint(t, 0))
    assert positions(kept) == [(0, 8), (0, 4), (0, 0)]


def test_those_up_to_where_a_run_goes_on_are_kept(kept):
    for t in range(8):
        kept.save(checkpoint(t))
    kept.forget_behind(0, 3)
    assert positions(kept) == [(0, t) for t in (3, 2, 1, 0)]


def test_a_run_without_a_tick_leaves_nothing_that_could_be_missed(kept, caplog):
    kept.save(checkpoint(7, 7))
    kept.forget_behind(7, -1)
    assert (positions(kept), caplog.messages) == ([], [])
    kept.save(checkpoint(9, 7))
    kept.forget_behind(7, -1)
    assert [message.partition(" goes: ")[2] for message in caplog.messages] == ["the tapes it stands behind are gone"]


def test_what_a_crash_left_half_written_goes_with_the_next(kept, tmp_path):
    kept.save(checkpoint(1))
    (tmp_path / "checkpoints" / "checkpoint_0_7.json.new").write_bytes(b"half")
    assert positions(kept) == [(0, 1)]
    kept.save(checkpoint(2))
    assert [path.name for path in paths(tmp_path)] == ["checkpoint_0_1.json.zst", "checkpoint_0_2.json.zst"]


def test_torn_at_any_byte_it_is_logged_and_left_out(kept, tmp_path, caplog):
    kept.save(checkpoint(1))
    kept.save(checkpoint(2))
    newest = paths(tmp_path)[-1]
    whole = newest.read_bytes()
    for size in range(len(whole)):
        newest.write_bytes(whole[:size])
        caplog.clear()
        assert positions(kept) == [(0, 1)]
        assert "checkpoint_0_2.json.zst cannot be used: " in caplog.text


def test_a_changed_byte_is_never_taken_for_good(kept, tmp_path):
    kept.save(checkpoint(1))
    (path,) = paths(tmp_path)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        assert list(kept.newest_first()) in ([], [checkpoint(1)])


@pytest.mark.parametrize(
    "body", [b"[]", b"1", b"{}", b'{"version":99}', b'{"version":1}', b'{"version":1,"x":1}', b"x"]
)
def test_what_is_no_checkpoint_is_left_out(kept, tmp_path, body):
    kept.save(checkpoint(1))
    (tmp_path / "checkpoints" / "checkpoint_0_2.json.zst").write_bytes(zstandard.compress(body))
    assert positions(kept) == [(0, 1)]


def test_names_that_are_none_are_nobodys(kept, tmp_path):
    kept.save(checkpoint(1))
    for name in ("checkpoint_0_01.json.zst", "checkpoint_0_2.json", "checkpoint_-1_2.json.zst", "notes"):
        (tmp_path / "checkpoints" / name).write_bytes(b"x")
    assert positions(kept) == [(0, 1)]


def test_a_disk_that_does_not_take_it_leaves_the_last_one(kept, tmp_path, monkeypatch):
    import os

    kept.save(checkpoint(1))

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"checkpoint_0_2\.json\.zst: No space left on device"):
        kept.save(checkpoint(2))
    monkeypatch.undo()
    assert positions(kept) == [(0, 1)]
