"""`manage.py check --deploy`: clean for a deployment, and in plain words for what is none."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.conf import LazySettings

from igsite import checks
from igsite.config import Config
from tests.processes import ROOT

Run = Callable[..., subprocess.CompletedProcess[str]]

#: As in deploy/market-camera.env; nothing of it is asked.
SERVICE = {
    "DATABASE_URL": "postgres://market:secret@127.0.0.1:1/market",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "IG_SYMBOL": "IG-USD",
    "IG_SECRET_KEY": "h4nTQzZtV0k7pXw2sLr9yBf3mGd6cJa8eKu1iNo5vMq0tRhWxP",
    "IG_ALLOWED_HOSTS": "market.example.org",
    "IG_TRUSTED_PROXIES": "127.0.0.1",
    "IG_TLS": "1",
}


def check(run_command: Run, **env: Any) -> str:
    done = run_command("check", "--deploy", "--fail-level", "WARNING", **{**SERVICE, **env})
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr + f"status {done.returncode}"


def test_a_deployment_is_clean(run_command: Run) -> None:
    said = check(run_command)
    assert "System check identified no issues" in said
    assert said.endswith("status 0")


@pytest.mark.parametrize(
    ("env", "ids", "words"),
    [
        (
            {"IG_TLS": "", "IG_ALLOWED_HOSTS": "", "IG_SECRET_KEY": "short"},
            {
                *("igsite.W002", "igsite.W003", "igsite.W004"),
                *("security.W004", "security.W008", "security.W009", "security.W012", "security.W016"),
            },
            [
                *("IG_TLS is not set", "set IG_TLS=1", "IG_ALLOWED_HOSTS is not set", "IG_SECRET_KEY is too short"),
                "50",
            ],
        ),
        (
            {"IG_TRUSTED_PROXIES": "", "IG_ALLOWED_HOSTS": "*", "IG_DEBUG": "1"},
            {"igsite.W001", "igsite.W003", "igsite.W005", "security.W018"},
            [
                *("again and again", "Set IG_TRUSTED_PROXIES"),
                *("IG_ALLOWED_HOSTS is *", "IG_DEBUG=1 shows error pages"),
            ],
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_missing_is_said_in_words(
    run_command: Run, env: dict[str, str], ids: set[str], words: list[str]
) -> None:
    said = check(run_command, **env)
    assert {one for one in said.replace("(", " ").replace(")", " ").split() if ".W" in one} == ids
    assert all(word in said for word in words)
    assert "HINT" in said
    assert said.endswith("status 1")


def test_a_key_that_each_host_makes_for_itself_is_told(settings: LazySettings) -> None:
    settings.CONFIG = replace(Config(), secret_key=None)
    (warning,) = [one for one in checks.check_deployment() if one.id == "igsite.W004"]
    assert warning.msg.startswith("IG_SECRET_KEY is not set: each host makes a key of its own")


def test_the_file_of_settings_that_is_deployed_has_all_of_it() -> None:
    lines = (ROOT / "deploy" / "market-camera.env").read_text().splitlines()
    names = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    assert names >= {*SERVICE} - {"IG_SYMBOL"}
