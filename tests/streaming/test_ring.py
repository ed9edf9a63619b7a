"""The ring: the newest moments in memory, within two bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streaming.protocol import Moment
from streaming.ring import Ring


def moment(t: int, size: int = 1, frame: bytes | None = None, metric: bytes | None = None) -> Moment:
    return Moment(t, b"x" * size, metric, frame)


def filled(ticks: int, most_ticks: int = 100, most_bytes: int = 1 << 20) -> Ring:
    ring = Ring(most_ticks, most_bytes)
    for t in range(ticks):
        ring.append(moment(t))
    return ring


def test_an_empty_ring_knows_nothing() -> None:
    ring = Ring(10, 1000)
    assert (len(ring), ring.bytes, ring.first_t, ring.last_t) == (0, 0, None, None)
    assert ring.after(-1, 10) == []
    assert ring.newest("tick") is None


def test_the_oldest_go_when_there_are_too_many() -> None:
    ring = filled(25, most_ticks=10)
    assert (len(ring), ring.first_t, ring.last_t, ring.bytes) == (10, 15, 24, 10)


def test_the_oldest_go_when_they_are_too_large() -> None:
    ring = Ring(1000, 100)
    for t in range(10):
        ring.append(moment(t, size=30))
    assert (ring.first_t, ring.last_t, ring.bytes) == (7, 9, 90)


def test_one_moment_larger_than_the_bound_is_kept_alone() -> None:
    ring = Ring(1000, 100)
    ring.append(moment(0, size=10))
    ring.append(moment(1, size=500))
    assert (ring.first_t, len(ring), ring.bytes) == (1, 1, 500)
    ring.append(moment(2, size=10))
    assert (ring.first_t, len(ring), ring.bytes) == (2, 1, 10)


def test_after_gives_what_is_newer_oldest_first() -> None:
    ring = filled(100)
    assert [m.t for m in ring.after(-1, 3)] == [0, 1, 2]
    assert [m.t for m in ring.after(10, 3)] == [11, 12, 13]
    assert [m.t for m in ring.after(90, 3)] == [91, 92, 93]
    assert [m.t for m in ring.after(96, 30)] == [97, 98, 99]
    assert ring.after(99, 5) == ring.after(10**18, 5) == []
    assert ring.after(5, 0) == []


def test_the_newest_frame_outlives_its_moment_in_the_ring() -> None:
    ring = Ring(5, 1000)
    ring.append(moment(0, frame=b"frame of 0", metric=b"metric of 0"))
    for t in range(1, 20):
        ring.append(moment(t, metric=b"metric" if t == 15 else None))
    assert ring.first_t == 15
    assert ring.newest("frame") == (0, b"frame of 0")
    assert ring.newest("metric") == (15, b"metric")
    assert ring.newest("tick") == (19, b"x")


@given(
    steps=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 50)), max_size=60),
    most_ticks=st.integers(1, 20),
    most_bytes=st.integers(1, 300),
    asked=st.integers(-2, 200),
    most=st.integers(0, 30),
)
def test_the_ring_is_the_longest_tail_that_fits(
    steps: list[tuple[int, int]], most_ticks: int, most_bytes: int, asked: int, most: int
) -> None:
    ring = Ring(most_ticks, most_bytes)
    given_so_far: list[Moment] = []
    t = 0
    for advance, size in steps:
        t += advance
        given_so_far.append(moment(t, size))
        ring.append(given_so_far[-1])
        kept = ring.after(-1, 1000)
        assert kept == given_so_far[len(given_so_far) - len(kept) :]
        weight = sum(m.size for m in kept)
        assert weight == ring.bytes
        assert len(kept) <= most_ticks
        assert weight <= most_bytes or len(kept) == 1
    newer = [m.t for m in ring.after(-1, 1000) if m.t > asked]
    assert [m.t for m in ring.after(asked, most)] == newer[:most]
