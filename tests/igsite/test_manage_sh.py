"""deploy/manage.sh: whose settings its commands have, and that they never have none without a word."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.processes import ROOT

UNITS = "units.env"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Where the script is called: not in its project, whose Python only says what it is given."""
    programs = {
        "project/deploy/manage.sh": (ROOT / "deploy/manage.sh").read_text().replace("/etc/market-camera.env", UNITS),
        "project/.venv/bin/python": '#!/bin/sh\necho "${PWD##*/} ${IG_SYMBOL:-} $*"\n',
        "bin/id": "#!/bin/sh\necho somebody\n",
    }
    settings = {
        UNITS: "IG_SYMBOL=OF-UNITS\n",
        "other.env": "# a host beside\nIG_SYMBOL=OTHER\n",
        "shrc": "alias ll='ls -l'\nexport PS1='> ' IG_SYMBOL=OF-SH\n",
    }
    made = tmp_path / "elsewhere"
    for path, text in [*((tmp_path / name, text) for name, text in programs.items()),
                       *((made / name, text) for name, text in settings.items())]:  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    return made


def manage(elsewhere: Path, **env: str) -> subprocess.CompletedProcess[str]:
    path = f"{elsewhere.parent}/bin:{os.environ['PATH']}"
    command = ["../project/deploy/manage.sh", "verify", "--deep"]
    return subprocess.run(command, cwd=elsewhere, env={"PATH": path, **env}, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("env", "symbol"),
    [
        ({}, "OF-UNITS"),
        ({"IG_SYMBOL": "OF-CALLER"}, "OF-CALLER"),
        ({"MARKET_CAMERA_ENV": "other.env"}, "OTHER"),
        ({"MARKET_CAMERA_ENV": "other.env", "ENV": "shrc"}, "OTHER"),
        ({"ENV": "other.env"}, "OTHER"),
        ({"ENV": "production"}, "OF-UNITS"),
        ({"ENV": "./shrc"}, "OF-UNITS"),
        ({"ENV": "$HOME/.shrc"}, "OF-UNITS"),
    ],
)
def test_a_command_has_the_settings_of_the_units_or_of_the_file_that_is_named(
    elsewhere: Path, env: dict[str, str], symbol: str
) -> None:
    done = manage(elsewhere, **env)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"project {symbol} manage.py verify --deep\n", "")


@pytest.mark.parametrize("env", [{"MARKET_CAMERA_ENV": "gone"}, {"ENV": "gone.env"}, {"ENV": "/nowhere/gone"}])
def test_no_command_runs_without_the_settings_that_were_named(elsewhere: Path, env: dict[str, str]) -> None:
    done = manage(elsewhere, **env)
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be read by somebody" in done.stderr
    assert "gone" in done.stderr


def test_a_command_on_the_defaults_says_so(elsewhere: Path) -> None:
    (elsewhere / UNITS).unlink()
    done = manage(elsewhere)
    assert (done.returncode, done.stdout) == (0, "project  manage.py verify --deep\n")
    assert f"there is no {elsewhere / UNITS}: what this shell does not set has its default" in done.stderr
