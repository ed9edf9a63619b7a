"""What a server answers at `/metrics`, read as Prometheus reads it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitoring.names import NAMES, Type
from tests.processes import PATIENCE_SECONDS, Live

ROOT = Path(__file__).resolve().parent.parent.parent


class Scrape:
    """One scrape: samples by name and labels."""

    def __init__(self, live: Live) -> None:
        answer = live.ask("/metrics")
        assert answer.status == 200, answer.body
        self.text = answer.body.decode()
        self.families = {family.name: family for family in text_string_to_metric_families(self.text)}

    def value(self, name: str, **labels: str) -> float | None:
        """The sum of the samples of this full name with these labels; None if there is none."""
        found = [
            sample.value
            for family in self.families.values()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return sum(found) if found else None

    @property
    def ours(self) -> dict[str, str]:
        """Type by name, as NAMES has them, of all that begin with our prefix."""
        prefix = "market_camera_"
        return {name.removeprefix(prefix): one.type for name, one in self.families.items() if name.startswith(prefix)}

    def labels_of(self, name: str) -> set[tuple[str, ...]]:
        family = self.families[f"market_camera_{name}"]
        return {tuple(sorted(set(sample.labels) - {"le"})) for sample in family.samples}

    def values_of(self, label: str) -> set[str]:
        """Every value that a label has in any sample."""
        samples = [sample for family in self.families.values() for sample in family.samples]
        return {sample.labels[label] for sample in samples if label in sample.labels}


def check_against_the_table(scrape: Scrape) -> set[str]:
    """Everything that was scraped is in the table, with its type and labels; returns the names."""
    for name, type in scrape.ours.items():
        assert name in NAMES, f"{name} is in no table"
        assert type == NAMES[name].type, name
        assert scrape.labels_of(name) == {tuple(sorted(NAMES[name].labels))}, name
    others = {name for name in scrape.families if not name.startswith("market_camera_")}
    assert all(name.startswith("process_") for name in others), others
    return set(scrape.ours)


def promtool(*arguments: str, text: str = "") -> str:
    """What promtool says where it finds nothing wrong; skips the test where there is none."""
    path = shutil.which("promtool")
    if path is None:
        pytest.skip("promtool is not on this machine (Debian: apt install prometheus)")
    done = subprocess.run([path, *arguments], input=text, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def names_in(expression: str) -> set[str]:
    """The names of our metrics in an expression of PromQL."""
    return set(re.findall(r"\bmarket_camera_\w+", expression))


def full_names() -> set[str]:
    """Every name by which a metric of the table can be queried."""
    found = set()
    for one in NAMES.values():
        ends = ("_bucket", "_sum", "_count") if one.type is Type.HISTOGRAM else ("",)
        found |= {f"{one.full}{end}" for end in ends}
    return found
