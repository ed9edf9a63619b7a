"""Prints the tables of error codes and close codes of docs/protocol.md: `python tools/error_tables.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from contracts.errors import CLOSE_CODES, CODES


def error_table() -> str:
    """Each code of an error with its statuses over HTTP; none if only sockets have it."""
    rows = [f"| `{code}` | {', '.join(map(str, one.statuses))} | {one.when} |" for code, one in CODES.items()]
    return "\n".join(["| code | HTTP | when |", "|---|---|---|", *rows]) + "\n"


def close_table() -> str:
    """Each code with which a socket is closed."""
    rows = [f"| {code} | {text} |" for code, text in CLOSE_CODES.items()]
    return "\n".join(["| close code | what it says |", "|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    print(error_table(), close_table(), sep="\n", end="")
