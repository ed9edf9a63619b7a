"""The commands `runmarket` and `live` as a user meets them: options, progress, errors, exit status."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command

from tests.processes import PATIENCE_SECONDS, ROOT, Live, Site, environment, free_port

Run = Callable[..., subprocess.CompletedProcess[str]]

#: What a market that runs flat out may make while an answer is made: some hundred milliseconds' worth.
TICKS_AN_ANSWER = 500


def test_ticks_are_made_counted_and_the_command_ends(run_command: Run, site: Site) -> None:
    made = run_command("runmarket", "--ticks", "300", "--speed", "0")
    assert made.returncode == 0
    assert re.search(r" 300/300 \[.* ticks/s\]$", made.stderr.strip())
    assert site.sealed
    assert len(site.messages("ticks")) == 300


def test_ticks_are_made_at_the_pace_that_is_asked_for(run_command: Run) -> None:
    made = run_command("runmarket", "--ticks", "40", "--speed", "8")  # 80 a second
    rate = float(re.findall(r"([0-9.]+) ticks/s", made.stderr)[-1])
    assert rate < 85


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--ticks", "0"], "--ticks must be at least 1, got 0"),
        (["--ticks", "-5"], "--ticks must be at least 1, got -5"),
        (["--ticks", "many"], "invalid int value: 'many'"),
        (["--speed", "-1"], "--speed must be a number from 0 to 1e+06, got '-1'"),
        (["--speed", "nan"], "--speed must be a number from 0 to 1e+06, got 'nan'"),
        (["--speed", "fast"], "--speed must be a number from 0 to 1e+06, got 'fast'"),
        (["--symbol", "../x"], "--symbol must be 1 to 32 of"),
        (["--symbol", ""], "--symbol must be 1 to 32 of"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_bad_option_is_told_in_a_sentence(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError) as told:
        call_command("runmarket", *arguments)
    assert said in str(told.value)


def test_several_bad_options_are_said_at_once_and_end_the_start(run_command: Run, site: Site) -> None:
    made = run_command("runmarket", "--speed", "x", "--source", "file:", "--symbol", "/")
    assert made.returncode == 1
    assert all(option in made.stderr for option in ("--speed", "--source", "--symbol"))
    assert "Traceback" not in made.stderr
    assert not list(site.store.glob("*/segment_*"))


@pytest.mark.parametrize("command", ["live", "migrate"])
def test_bad_settings_end_the_start_with_every_problem(run_command: Run, command: str) -> None:
    made = run_command(command, IG_CAM_W="0", IG_SEED="x", IG_NO_SUCH="1", IG_SPEED="nan", PORT="70000")
    assert made.returncode == 1
    assert "5 problems" in made.stderr
    for problem in (
        "IG_CAM_W must be an integer from 1 to 100000, got '0'",
        "IG_SEED must be an integer from 0 to 9223372036854775807, got 'x'",
        "IG_SPEED must be a number from 0 to 1e+06, got 'nan'",
        "PORT must be an integer from 1 to 65535, got '70000'",
        "IG_NO_SUCH is not a setting of Market Camera",
    ):
        assert problem in made.stderr
    assert "Traceback" not in made.stderr


@pytest.mark.parametrize("command", ["live", "runmarket"])
def test_a_store_that_cannot_be_written_ends_the_start_with_its_path(site: Site, command: str) -> None:
    site.store.write_text("a file where the directory should be")
    made = site.run(command, PORT=free_port())
    assert made.returncode == 1
    assert f"{site.store} cannot be written" in made.stderr
    assert "Traceback" not in made.stderr


def test_a_kinds_directory_that_cannot_be_written_ends_the_run(site: Site) -> None:
    site.store.mkdir()
    (site.store / "frames").write_text("a file where the directory should be")
    made = site.run("runmarket", "--ticks", "50", "--speed", "0", IG_CAM_W=10)
    assert made.returncode == 1
    assert f"{site.store}/frames" in made.stderr
    assert "Traceback" not in made.stderr


def test_a_port_in_use_ends_the_start_with_its_number(site: Site) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        made = site.run("live", PORT=port)
    assert made.returncode == 1
    assert str(port) in made.stderr
    assert "in use" in made.stderr
    assert "Traceback" not in made.stderr
    assert not list(site.store.glob("*/*_pending*"))


def test_live_says_where_to_look(start_live: Callable[..., Live]) -> None:
    live = start_live()
    said = live.log()
    for path in ("/live/", "/replay/", "/admin/"):
        assert f"http://localhost:{live.port}{path}" in said
        assert live.ask(path).status in (200, 302)
    assert "createsuperuser" in said


@pytest.mark.long
def test_the_server_answers_at_once_while_the_market_runs_flat_out(start_live: Callable[..., Live]) -> None:
    live = start_live("live", "--speed", "0", IG_CAM_W=50)
    begun, asked = live.wait_for_ticks(500), ("/health", "/", "/live/", "/incremental?limit=10") * 5
    for path in asked:
        assert live.ask(path).status == 200
    made = live.wait_for_ticks(begun) - begun
    assert made < TICKS_AN_ANSWER * len(asked)


def test_only_one_market_is_written_by_one_process(site: Site, start_live: Callable[..., Live]) -> None:
    start_live()
    second = site.run("runmarket", "--ticks", "10", "--speed", "0")
    assert second.returncode == 1
    assert "IG-USD" in second.stderr
    assert "Traceback" not in second.stderr
    other = site.run("runmarket", "--ticks", "10", "--speed", "0", "--symbol", "OTHER")
    assert other.returncode == 0


#: What serves pages and clients, or is a service's own.
OF_OTHERS = {"celery", "contracts", "httpx", "recorder.admin", "streaming.http.views", "twisted"}


def test_a_command_without_pages_loads_no_page(new_site: Callable[[], Site]) -> None:
    """Each process that a user, a timer or a server starts would pay for it, a second of the processor."""
    site = new_site()
    code = (
        "import sys\n"
        "from django.core.management import execute_from_command_line\n"
        "execute_from_command_line(['manage.py', 'runmarket', '--ticks', '3', '--speed', '0'])\n"
        "print(*sorted(sys.modules), sep='\\n')\n"
    )
    settings = environment(site.store, site.database, DJANGO_SETTINGS_MODULE="igsite.settings", PYTHONPATH=str(ROOT))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=settings,
        cwd=site.directory,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    loaded = set(done.stdout.split())
    assert "camera.window" in loaded
    assert loaded & OF_OTHERS == set()
