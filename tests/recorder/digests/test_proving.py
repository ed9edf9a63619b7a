"""Proof of digests: what the recording gives is found right, and what somebody changed is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
import zstandard

from recorder.digests.chunk_row import CHUNK_BITS, DigestChunk
from recorder.digests.digest_files import digest_path
from recorder.digests.making import alone, make_digests, miss_lost
from recorder.digests.packing import pack_buckets, unpack_buckets
from recorder.digests.proving import DigestProof
from recorder.digests.pyramid import FINEST
from recorder.digests.roll_up import rolled_buckets
from recorder.models import Market, Segment
from recorder.recovery.reconcile import reconcile
from recorder.recovery.rewrite import mend
from tests.recorder.store import Store
from tests.recorder.tape import NOON

pytestmark = pytest.mark.django_db


def prove(store: Store) -> tuple[list[str], int, int]:
    proof = DigestProof(store.market, store.directory)
    return [": ".join(fault) for fault in proof.faults()], proof.proved, proof.unproved


def change(path: Path, before: bytes, after: bytes) -> None:
    text = zstandard.ZstdDecompressor().decompress(path.read_bytes())
    assert before in text
    path.write_bytes(zstandard.ZstdCompressor().compress(text.replace(before, after, 1)))


def digests(store: Store, kind: str) -> list[Path]:
    return [digest_path(store.directory, kind, path.name) for path in store.paths(kind)]


def test_digests_are_what_the_recording_gives(digested: Store) -> None:
    assert prove(digested) == ([], 6, 0)


def test_a_recording_without_digests_has_no_faults(store: Store) -> None:
    assert prove(store) == ([], 0, 0)
    assert not (store.directory / "digests").exists()


@pytest.mark.parametrize(("kind", "before", "after"), [
    ("metrics", b'"count":[32.0', b'"count":[31.0'),
    ("frames", b'"density":[', b'"density":[0.5,'),
])  # fmt: skip
def test_a_changed_one_is_found(digested: Store, kind: str, before: bytes, after: bytes) -> None:
    path = digests(digested, kind)[0]
    text = zstandard.ZstdDecompressor().decompress(path.read_bytes())
    if kind == "frames":
        begin = text.index(before) + len(before)
        before = before + text[begin : text.index(b",", begin)] + b","
    change(path, before, after)
    faults, proved, _ = prove(digested)
    assert faults[0].endswith("it is not what its segment gives; `manage.py digest --all` makes it anew")
    assert faults[0].startswith(f"digests/{kind}/segment_")
    assert proved == 5


def test_a_missing_and_an_old_one_are_found_and_made_again(digested: Store) -> None:
    digests(digested, "metrics")[0].unlink()
    change(digests(digested, "frames")[1], b'"version":1', b'"version":9')
    faults = prove(digested)[0]
    assert [fault.split(": ", 1)[1] for fault in faults if "rolled up" not in fault] == [
        "it is missing; `manage.py repair` has it made again",
        "it is of version 9, not 1; `manage.py repair` has it made again",
    ]
    assert miss_lost(digested.market, digested.directory) == 2
    make_digests(digested.market, digested.directory)
    assert prove(digested) == ([], 6, 0)


@pytest.mark.parametrize("level", [6, 12])
def test_what_is_rolled_up_wrongly_is_found(digested: Store, level: int) -> None:
    row = DigestChunk.objects.get(kind="metrics", level=level)
    buckets = unpack_buckets(bytes(row.data))
    stats = np.array(buckets.stats)
    stats[1, 0, 0] += 1
    DigestChunk.objects.filter(pk=row.pk).update(data=pack_buckets(replace(buckets, stats=stats)))
    faults = prove(digested)[0]
    assert faults[0] == (
        f"digests/metrics: what is rolled up in buckets of {1 << level:,} from t=0 is not what they say;"
        " `manage.py digest --all` makes it anew"
    )


@pytest.mark.parametrize("level", [6, 12])
def test_what_is_rolled_up_and_lost_is_found(digested: Store, level: int) -> None:
    DigestChunk.objects.filter(kind="frames", level=level).delete()
    assert prove(digested)[0][0] == (
        f"digests/frames: what is rolled up in buckets of {1 << level:,} from t=0 is missing;"
        " `manage.py repair` has it made again"
    )


@pytest.mark.parametrize("every", [40_000, 1 << 16, 100_000, 200_000])
def test_metrics_far_apart_lack_nothing_until_something_is_lost(market: Market, tmp_path: Path, every: int) -> None:
    store = Store(market, tmp_path)
    recording = store.recording()
    for t in range(0, 9 * every, every):
        recording.write(t, None, metric_at(t), None)
    recording.close()
    make_digests(market, tmp_path)
    assert prove(store) == ([], 1, 0)
    for row in DigestChunk.objects.filter(level=FINEST, number__in=(0, 8 * every >> FINEST + CHUNK_BITS)):
        row.delete()
        assert prove(store)[0][0].endswith("is missing; `manage.py repair` has it made again")
        assert miss_lost(market, tmp_path) == 1
        make_digests(market, tmp_path)
        assert prove(store) == ([], 1, 0)


def metric_at(t: int) -> bytes:
    state = {"price_norm": 0.5, "volatility": 0.1, "liquidity": 0.5, "imbalance": 0.0}
    return orjson.dumps({"type": "metric", "t": t, "ts": NOON + t, "s": state, "N": 1, "avg_exp": 0.0, "matches_n": 0})


def test_what_a_repaired_segment_has_lost_is_rolled_up_no_more(digested: Store) -> None:
    path = digested.paths("metrics")[0]
    lines = zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(b"".join(lines[40:50])))
    reconcile(digested.market, digested.directory, whole=True)
    assert len(mend(digested.market, digested.directory, "metrics")) == 1
    make_digests(digested.market, digested.directory)
    assert prove(digested) == ([], 6, 0)
    assert rolled_buckets(digested.market, "metrics", 6, 0, 199).numbers.tolist() == [1, 3]


def test_frames_whose_ticks_are_gone_cannot_be_proved(digested: Store) -> None:
    path = digested.paths("ticks")[0]
    Segment.objects.filter(kind="ticks", name=path.name).update(removed_at=digested.run.created_at)
    path.unlink()
    faults, proved, unproved = prove(digested)
    assert faults == []
    assert (proved, unproved) == (4, 2)


def test_none_is_looked_at_while_they_are_made(digested: Store) -> None:
    proof = DigestProof(digested.market, digested.directory)
    with alone(digested.directory):
        assert list(proof.faults()) == []
    assert proof.is_busy


def test_a_lost_database_takes_up_the_files_that_are_there(digested: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [bytes(row.data) for row in DigestChunk.objects.order_by("kind", "level", "number")]
    DigestChunk.objects.all().delete()
    Segment.objects.all().delete()
    reconcile(digested.market, digested.directory, whole=True)
    monkeypatch.setattr("recorder.digests.making.digest_of", None)
    assert make_digests(digested.market, digested.directory) == 6
    assert [bytes(row.data) for row in DigestChunk.objects.order_by("kind", "level", "number")] == before
