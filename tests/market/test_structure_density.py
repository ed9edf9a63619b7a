"""Structure density, each step against the equation written out slowly."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.model import structure_density
from market.model.structure_density import StateWindow

Row = tuple[float, float, float, float]


def literal_density(labels: list[int]) -> float:
    """Rule 7 as it is written."""
    held = [k for k in range(5) if labels.count(k) / len(labels) > 0.02]
    entropies = []
    for k in range(5):
        after = [second for first, second in pairwise(labels) if first == k]
        if after:
            shares = [after.count(j) / len(after) for j in range(5)]
            entropies.append(-sum(share * math.log2(share) for share in shares if share > 0))
    h = sum(entropies) / len(entropies) / math.log2(5) if entropies else 0.0
    largest = max(labels.count(k) for k in range(5)) / len(labels)
    return max(0.0, min(1.0, 0.4 * len(held) / 5 + 0.4 * h + 0.2 * (1 - largest)))


def literal_nearest(point: Any, centres: Any) -> int:
    distances = [sum((x - c) ** 2 for x, c in zip(point, centre, strict=True)) for centre in centres]
    return distances.index(min(distances))


def literal_k_means(points: list[Any], centres: list[Any]) -> tuple[list[Any], list[int]]:
    labels = [literal_nearest(point, centres) for point in points]
    while True:
        for k in range(len(centres)):
            own = [point for point, label in zip(points, labels, strict=True) if label == k]
            if own:
                centres[k] = [sum(axis) / len(own) for axis in zip(*own, strict=True)]
        before, labels = labels, [literal_nearest(point, centres) for point in points]
        if labels == before:
            return centres, labels


def blobs(generator: np.random.Generator, each: int = 40, spread: float = 0.01) -> np.ndarray:
    """Five clouds far from one another, `[4, 5 * each]`, in an order without pattern."""
    middles = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], float)
    points = np.repeat(middles, each, axis=0) + spread * generator.standard_normal((5 * each, 4))
    return np.ascontiguousarray(generator.permutation(points).T)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200))
def test_density_is_the_equation(labels: list[int]) -> None:
    assert structure_density.density(np.array(labels)) == pytest.approx(literal_density(labels), abs=1e-12)


def test_a_market_that_never_changes_has_the_least_density() -> None:
    assert structure_density.density(np.zeros(600, np.int64)) == pytest.approx(0.4 / 5)


def test_a_cycle_through_all_clusters_has_no_transition_entropy() -> None:
    labels = np.arange(1000) % 5
    assert structure_density.transition_entropy(labels) == 0.0
    assert structure_density.density(labels) == pytest.approx(0.4 + 0.2 * 0.8)


def test_every_transition_equally_often_has_entropy_one() -> None:
    every_pair = [label for first in range(5) for second in range(first, 5) for label in (first, second)]
    steps = np.random.default_rng(1).integers(0, 5, 200_000)
    assert structure_density.transition_entropy(steps) == pytest.approx(1.0, abs=1e-3)
    assert structure_density.transition_entropy(np.array(every_pair)) < 1.0


@pytest.mark.parametrize(("ones", "held"), [(2, 1), (3, 2)])
def test_a_cluster_counts_only_above_two_percent(ones: int, held: int) -> None:
    labels = np.array([1] * ones + [0] * (100 - ones))
    others = 0.4 * structure_density.transition_entropy(labels) + 0.2 * ones / 100
    assert structure_density.density(labels) == pytest.approx(0.4 * held / 5 + others)


@pytest.mark.parametrize("seed", range(5))
def test_k_means_is_lloyds_algorithm(seed: int) -> None:
    generator = np.random.default_rng(seed)
    points, start = generator.random((4, 120)), generator.random((5, 4))
    centres, labels = structure_density.k_means(points, start)
    expected_centres, expected_labels = literal_k_means(points.T.tolist(), start.tolist())
    assert labels.tolist() == expected_labels
    np.testing.assert_allclose(centres, expected_centres, atol=1e-12)


def test_k_means_leaves_its_starting_centres_alone() -> None:
    start = np.random.default_rng(0).random((5, 4))
    before = start.copy()
    structure_density.k_means(blobs(np.random.default_rng(1)), start)
    assert (start == before).all()


def test_an_empty_cluster_keeps_its_centre() -> None:
    points = blobs(np.random.default_rng(2))
    start = np.vstack([points[:, :4].T, [[50.0, 50.0, 50.0, 50.0]]])
    centres, labels = structure_density.k_means(points, start)
    assert centres[4].tolist() == [50.0] * 4
    assert 4 not in labels


def test_k_means_ends_even_where_it_would_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(3).random((4, 400))
    start = points[:, :5].T
    _, settled = structure_density.k_means(points, start)
    monkeypatch.setattr(structure_density, "MOST_ROUNDS", 1)
    _, stopped = structure_density.k_means(points, start)
    assert stopped.tolist() != settled.tolist()


@pytest.mark.parametrize("seed", range(10))
def test_scattered_centres_are_points_and_fall_into_different_clouds(seed: int) -> None:
    points = blobs(np.random.default_rng(seed))
    centres = structure_density.scattered_centres(points, np.random.default_rng(seed))
    assert all(centre in points.T.tolist() for centre in centres.tolist())
    _, labels = structure_density.k_means(points, centres)
    assert np.bincount(labels).tolist() == [40] * 5


def test_scattered_centres_depend_on_the_generator_alone() -> None:
    points = blobs(np.random.default_rng(4), spread=0.3)
    first, same, other = (
        structure_density.scattered_centres(points, np.random.default_rng(seed)).tolist() for seed in (5, 5, 6)
    )
    assert first == same
    assert first != other


def test_scattered_centres_favour_far_points_by_the_square_of_the_distance() -> None:
    """Of 9 points at 0, one at 1 and one at 2, the second centre is 2 four times as often as 1."""
    points = np.zeros((4, 11))
    points[0, 9], points[0, 10] = 1.0, 2.0
    seconds = [
        centres[1, 0]
        for centres in (
            structure_density.scattered_centres(points, np.random.default_rng(seed)) for seed in range(3000)
        )
        if centres[0, 0] == 0.0
    ]
    assert 0.0 not in seconds
    assert seconds.count(2.0) / len(seconds) == pytest.approx(0.8, abs=0.03)


class LowestDraw(np.random.Generator):
    """A generator that draws the least number there is."""

    def random(self, *_: Any, **__: Any) -> Any:
        return 0.0


def test_even_the_lowest_draw_gives_different_centres() -> None:
    points = np.zeros((4, 20))
    points[0, 10:] = np.arange(1, 11)
    centres = structure_density.scattered_centres(points, LowestDraw(np.random.PCG64(0)))
    assert len({tuple(centre) for centre in centres.tolist()}) == 5


def test_points_that_are_all_the_same_make_one_cluster() -> None:
    points = np.full((4, 501), 0.5)
    centres = structure_density.scattered_centres(points, np.random.default_rng(0))
    centres, labels = structure_density.k_means(points, centres)
    assert set(labels.tolist()) == {0}
    assert structure_density.density(labels) == pytest.approx(0.08)


def test_the_window_holds_the_last_5000_oldest_first() -> None:
    window = StateWindow()
    rows: list[Row] = [(i / 1e6, 0.1, 0.2, 0.3) for i in range(12_345)]
    for i, row in enumerate(rows, 1):
        window.add(row)
        if i in (1, 4_999, 5_000, 5_001, 10_000, 12_345):
            assert window.rows().tolist() == [list(row) for row in rows[max(0, i - 5_000) : i]]


@pytest.mark.parametrize("held", [0, 1, 4_999, 5_000, 7_001])
def test_a_window_made_from_rows_goes_on_like_the_one_they_came_from(held: int) -> None:
    first = StateWindow()
    for i in range(held):
        first.add((i / 1e6, 0.0, 0.0, 0.0))
    second = StateWindow(first.rows())
    for i in range(300):
        first.add((0.5, i / 1e6, 0.0, 0.0))
        second.add((0.5, i / 1e6, 0.0, 0.0))
    assert first.rows().tolist() == second.rows().tolist()


def test_points_are_columns_with_the_imbalance_moved_to_0_1() -> None:
    window = StateWindow()
    for row in [(0.5, 0.3, 0.6, -1.0), (0.4, 0.2, 0.7, 0.5)]:
        window.add(row)
    assert window.points().tolist() == [[0.5, 0.4], [0.3, 0.2], [0.6, 0.7], [0.0, 0.75]]
    assert window.rows()[:, 3].tolist() == [-1.0, 0.5]
