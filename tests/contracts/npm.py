"""Packages of npm for tests, installed into a scratch directory that stays for the next time."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from tests import services


def installed(*packages: str) -> Path:
    """The directory that holds `node_modules` with these, in exact versions; the test is skipped without npm."""
    name = "".join(one for one in "-".join(packages) if one.isalnum() or one == "-")
    directory = Path(tempfile.gettempdir()) / f"npm-{name}"
    if not (directory / "installed").exists():
        directory.mkdir(exist_ok=True)
        (directory / "package.json").write_text('{"private": true}')
        flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0", "--fetch-timeout=20000"]
        try:
            subprocess.run(["npm", "install", *flags, *packages], cwd=directory, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            services.missing(f"{' and '.join(packages)}, which npm could not install")
        (directory / "installed").touch()
    return directory
