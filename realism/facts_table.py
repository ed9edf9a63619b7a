"""Findings as lines of text: one a fact and horizon."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from realism.facts import Finding

_LINE = "{:<25} {:<3} {:>8} {:>9} {:>19}   {:<15} {:<7} {}"


def table_of(findings: Iterable[Finding]) -> Iterator[str]:
    """The lines of a table; a dash where a value is undefined."""
    yield _LINE.format("fact", "of", "returns", "value", "95 % band", "usual", "verdict", "source").rstrip()
    for one in findings:
        least, most = one.fact.usual
        cells = one.fact.name, one.horizon, f"{one.n:,}", _text(one.estimate.value)
        band = f"{_text(one.estimate.low)} to {_text(one.estimate.high)}"
        yield _LINE.format(*cells, band, f"{least:g} to {most:g}", one.verdict, one.fact.source)


def _text(value: float) -> str:
    return "–" if value != value else f"{value:.3f}"
