"""A store of a bench's own: how processes are told of it, and how it is filled."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(directory: Path, **more: str) -> dict[str, str]:
    """For a process that keeps its store and rows in a directory, whatever the caller's own settings are."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("IG_")}
    return inherited | {
        "DJANGO_SETTINGS_MODULE": "igsite.settings",
        "IG_CAM_STORE_DIR": str(directory / "store"),
        "DATABASE_URL": f"sqlite:///{directory}/rows.sqlite3",
        "IG_SECRET_KEY": "only here",
        **more,
    }


def fill(recorded: Iterator[int], ticks: int) -> None:
    """In a process of its own, with `environment`: makes the tables, then lets `recorded` record that many ticks. It
    says how many are done, and is first asked when Django is ready."""
    import django

    django.setup()
    from django.core.management import call_command

    from runtime.progress import Progress

    call_command("migrate", verbosity=0)
    with Progress(ticks, "ticks") as progress:
        for done in recorded:
            progress.at(done)
