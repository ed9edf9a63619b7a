"""Repair of damaged segments: written anew of what is known to be recorded, and what is missing is told."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.management import call_command

from recorder.manifest import inventory
from recorder.models import Segment
from recorder.recovery import rewrite
from recorder.recovery.reconcile import reconcile
from recorder.segment.layout import KINDS
from recorder.segment.repair import in_frames
from recorder.tape.high_water_mark import read_mark
from recorder.tape.history import History
from tests.recorder import damaging
from tests.recorder.made_once import made_once
from tests.recorder.store import Store
from tests.recorder.tape import decoded

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(market, tmp_path, settings) -> Store:
    """Four segments of each kind, the third behind a gap that was told while the market ran."""
    settings.CONFIG = replace(settings.CONFIG, store_dir=tmp_path)
    return made_once(market, tmp_path, recorded)


def recorded(store: Store) -> None:
    for gap in (0, 0, 7, 0):
        store.record(60, gap=gap)


#: Messages by t, and the t that are told as missing.
Told = tuple[dict[int, bytes], set[int]]


def told(store: Store) -> dict[str, Told]:
    """Of each kind the messages that a reader gets, and the t that are told as missing."""
    found = {}
    for kind in KINDS:
        messages = list(History("IG-USD", store.directory).messages([kind], -1, store.next_t - 1))
        lost = {t for one in messages if one.text is None for t in range(one.first_t, one.last_t + 1)}
        found[kind] = ({one.first_t: one.text for one in messages if one.text is not None}, lost)
    return found


def repair(store: Store) -> None:
    call_command("repair")


def verify(capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    call_command("verify", "--deep")
    return capsys.readouterr().out


def sizes(store: Store, kind: str) -> dict[str, int]:
    return {f"{kind}/{path.name}": path.stat().st_size for path in (store.directory / kind).glob("segment_*.zst")}


def contents(store: Store) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in store.directory.rglob("segment_*") if path.is_file()}


#: Damage that leaves a file, in a segment of one zstd frame.
ONE_FRAME = [
    damaging.flip_a_bit, damaging.flip_bits, damaging.cut, damaging.empty, damaging.zero, damaging.swap,
    damaging.make_a_directory, damaging.make_a_fifo,
]  # fmt: skip


@pytest.mark.parametrize("damage", ONE_FRAME)
def test_after_a_repair_a_store_is_whole_and_tells_what_it_lacks(store, capsys, damage):
    dice = random.Random(damage.__name__)
    recorded = told(store)
    for kind in KINDS:
        damage(dice.choice(store.paths(kind)), dice)
    damaged = told(store)
    repair(store)
    assert "no faults" in verify(capsys)
    repaired = told(store)
    for kind, (messages, lost) in repaired.items():
        assert_repaired(store, recorded[kind], damaged[kind], (messages, lost))
        right = (messages, lost) == recorded[kind]
        assert right == (damage is damaging.swap), "two that were exchanged are put right"
        entries = orjson.loads((store.directory / kind / "manifest.json").read_bytes())
        assert {entry["path"]: entry["bytes"] for entry in entries} == sizes(store, kind)
    before = contents(store)
    repair(store)
    assert contents(store) == before, "there is nothing more to do"


def assert_repaired(store: Store, recorded: Told, damaged: Told, repaired: Told) -> None:
    """What is given was recorded, what is not is told, and nothing is lost by a repair."""
    messages, lost = repaired
    damaging.assert_honest(recorded[0], messages, [(t, t) for t in lost], range(store.next_t))
    assert set(messages) >= set(damaged[0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_repair_of_one_kind_leaves_the_others_as_they_are(store, capsys, kind):
    recorded = told(store)
    damaging.cut(store.paths(kind)[1], random.Random(kind))
    repair(store)
    assert "no faults" in verify(capsys)
    repaired = told(store)
    assert [each for each in KINDS if repaired[each] != recorded[each]] == [kind]


#: Damage in the midst of a segment of several zstd frames.
MANY_FRAMES = [
    damaging.flip_a_bit, damaging.flip_a_header, damaging.cut, damaging.cut_between_frames, damaging.behead,
    damaging.take_out, damaging.zero,
]  # fmt: skip


@pytest.fixture
def in_many_frames(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Segments as above, in zstd frames of few lines."""
    for kind in KINDS:
        for path in store.paths(kind):
            lines = decoded(path).split(b"\n")[:-1]
            parts = [lines[at : at + 3] for at in range(0, len(lines), 3)]
            path.write_bytes(b"".join(b"".join(in_frames(part)) for part in parts))
    repair(store)
    assert min(len(row.seek_points) for row in Segment.objects.all()) >= 3
    return store


@pytest.mark.parametrize("damage", MANY_FRAMES)
def test_of_a_segment_of_many_frames_those_are_kept_that_are_whole(in_many_frames, capsys, damage):
    store, dice = in_many_frames, random.Random(damage.__name__)
    recorded = told(store)
    for kind in KINDS:
        for path in store.paths(kind)[1:]:
            damage(path, dice)
    damaged = told(store)
    repair(store)
    assert "no faults" in verify(capsys)
    repaired = told(store)
    for kind in KINDS:
        assert_repaired(store, recorded[kind], damaged[kind], repaired[kind])


def test_a_flipped_bit_that_means_nothing_costs_no_line(store, capsys):
    recorded, path = told(store), store.paths("ticks")[1]
    data = bytearray(path.read_bytes())
    data[4] ^= 0x10  # in the frame's descriptor: unused
    path.write_bytes(data)
    repair(store)
    assert "no faults" in verify(capsys)
    assert told(store) == recorded


@pytest.mark.parametrize("damage", [damaging.behead, damaging.cut, damaging.empty])
def test_a_copy_that_turns_up_later_takes_its_place_again(in_many_frames, capsys, damage):
    store = in_many_frames
    recorded, path = told(store), store.paths("ticks")[2]
    copy = path.read_bytes()
    damage(path, random.Random(1))
    repair(store)
    assert told(store) != recorded
    path.write_bytes(copy)
    repair(store)
    assert "no faults" in verify(capsys)
    assert told(store) == recorded


class Killed(BaseException):
    """The process ends here."""


def kill_at(patch: pytest.MonkeyPatch, place: Any, name: str, calls: int) -> None:
    """The process ends when it does this for the next time after so many."""
    left, real = [calls], getattr(place, name)

    def do(*args: Any, **options: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return real(*args, **options)

    patch.setattr(place, name, do)


@pytest.mark.parametrize("damage", [damaging.flip_a_bit, damaging.empty, damaging.swap, damaging.behead])
def test_killed_at_any_step_another_repair_ends_it(in_many_frames, capsys, monkeypatch, damage):
    store = in_many_frames
    recorded = told(store)["ticks"][0]
    damage(store.paths("ticks")[1], random.Random(3))
    originals = set(contents(store).values())
    steps = [(os, "link"), (os, "replace"), (rewrite, "save_facts"), (inventory, "follow")]
    if damage is damaging.swap:  # of two files, whose rows are right
        steps = [(os, "link"), (os, "link"), (os, "replace"), (os, "replace"), (inventory, "follow")]
    for number, (place, name) in enumerate(steps):
        with monkeypatch.context() as patch:
            kill_at(patch, place, name, calls=steps[:number].count((place, name)))
            with pytest.raises(Killed):
                repair(store)
        assert set(contents(store).values()) >= originals, "whatever was there can be read still"
        messages, lost = told(store)["ticks"]
        damaging.assert_honest(recorded, messages, [(t, t) for t in lost], range(store.next_t))
    repair(store)
    assert "no faults" in verify(capsys)
    assert (told(store)["ticks"][0] == recorded) == (damage is damaging.swap)


def test_a_start_leaves_the_row_of_a_damaged_segment_as_it_is(store):
    """By it readers know what is missing: of frames nothing else tells."""
    reconcile(store.market, store.directory)
    row = Segment.objects.filter(kind="frames").latest("start_t")
    damaging.cut(store.directory / row.path, random.Random(2))
    lost = told(store)["frames"][1]
    assert lost
    assert reconcile(store.market, store.directory).adopted == []
    assert told(store)["frames"][1] == lost
    Segment.objects.filter(pk=row.pk).update(missing=True)
    reconcile(store.market, store.directory, whole=True)
    assert not Segment.objects.get(pk=row.pk).missing, "its file is back"


def test_a_repair_says_what_was_damaged_and_what_is_missing(store, capsys):
    damaging.empty(store.paths("ticks")[1], random.Random(0))
    repair(store)
    out = capsys.readouterr().out
    name = Segment.objects.get(kind="ticks", name__endswith="_60.jsonl.zst").path
    assert (
        f"  {name}: was damaged (no whole zstd frame at byte 0: the file is empty), told as missing: t=60 to 119" in out
    )
    assert "1 damaged segments written anew" in out


def test_no_t_of_a_lost_segment_comes_again(store):
    """The last one is lost, and the market is streamed behind it."""
    damaging.empty(store.paths("ticks")[-1], random.Random(0))
    repair(store)
    assert History("IG-USD", store.directory).told_to() == store.next_t - 1
    assert read_mark(store.directory).last_t == store.next_t - 1
