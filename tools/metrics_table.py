"""Prints the table of metrics as it stands in docs/monitoring.md: `python tools/metrics_table.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from monitoring.names import NAMES


def metrics_table() -> str:
    """Every metric as a Markdown table."""
    rows = ["| name | type | labels | known from | meaning |", "|---|---|---|---|---|"]
    for one in NAMES.values():
        labels = ", ".join(f"`{label}`" for label in one.labels) or "–"
        rows.append(f"| `{one.full}` | {one.type} | {labels} | {one.known} | {one.help} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(metrics_table(), end="")
