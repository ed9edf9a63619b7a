"""Prints the table of settings as it stands in docs/settings.md: `python tools/settings_table.py`."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from igsite.config import Config
from igsite.parsers import BASE_DIR


def settings_table() -> str:
    """Every setting as a Markdown table, as it stands in docs/settings.md."""
    rows = ["| name | default | meaning |", "|---|---|---|"]
    for setting in fields(Config):
        default = setting.default
        if default is None:
            shown = "unset"
        elif isinstance(default, Path):
            shown = f"`{default.relative_to(BASE_DIR)}`"
        elif isinstance(default, tuple):
            shown = f"`{', '.join(map(str, default))}`" if default else "none"
        else:
            shown = f"`{int(default)}`" if isinstance(default, bool) else f"`{default}`"
        rows.append(f"| `{setting.metadata['env']}` | {shown} | {setting.metadata['help']} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(settings_table(), end="")
