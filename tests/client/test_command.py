"""The command told nonsense, cut off and interrupted: a sentence and an exit status, never a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketcamera.command import _progress, main
from tests.client.test_hostile_stream import answering_http
from tests.examples import at_most
from tests.processes import PATIENCE_SECONDS, ROOT, Live, Process, Site, free_port, wait_until

URLS = ["", "localhost", "http://", "ws://[", "http://x:99999", "ftp://x", "http://a b", "ws://\ud800", "http://x\n"]
COMMANDS = ["tail", "record", "price", "status", "news"]
OPTIONS = ["--count", "--types", "--since", "--to", "--frequency", "--end", "--symbol", "--url"]
VALUES = st.one_of(
    st.sampled_from(["0", "-1", "1", "1e3", str(10**30), "tick", "tick,tick", "news", "1m", "30m", "2026-13-01", "-"]),
    st.text(max_size=6).filter(lambda text: not text.startswith("-")),
)


@pytest.fixture(scope="module")
def refusing() -> Iterator[str]:
    with answering_http(lambda path: (404, b"nothing here")) as url:
        yield url


@settings(max_examples=at_most(80), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    command=st.sampled_from(COMMANDS),
    options=st.dictionaries(st.sampled_from(OPTIONS), VALUES, max_size=4),
    positional=st.lists(VALUES, max_size=2),
    url=st.sampled_from([None, None, None, *URLS]),
)
def test_nonsense_is_told_in_a_sentence(
    refusing: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    options: dict[str, str],
    positional: list[str],
    url: str | None,
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [part for option in options.items() for part in option]
    try:
        status = main([command, *positional, *arguments, "--url", url or refusing])
    except SystemExit as usage:
        assert usage.code == 2
        capsys.readouterr()
        return
    assert status in (0, 1)
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert status == 0 or said.splitlines()[-1].startswith("marketcamera: "), said


@pytest.mark.parametrize("count", ["many", "0", "-1", "1.5"])
def test_what_a_count_must_be_is_told(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["tail", f"--count={count}"])
    assert f"argument --count: must be an integer, 1 or more, got '{count}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"[]", b'"well"', b'{"ok":true}', b'{"ok":true,"meta":7,"current_segment":null}',
        b'{"ok":true,"meta":{"running":true,"ticks":"many"},"current_segment":null}',
        b'{"ok":true,"meta":{"running":true,"ticks":1},"current_segment":{"lines":1}}',
    ],
)  # fmt: skip
def test_a_server_that_is_another_is_told(answer: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    with answering_http(lambda path: (200, answer)) as url:
        assert main(["status", "--url", url]) == 1
    assert "the answer was 200, no word of health" in capsys.readouterr().err


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Live]:
    site = Site(tmp_path_factory.mktemp("command"), migrated_database)
    try:
        live = site.serve(IG_SPEED=20, IG_CAM_W=20, IG_CAM_STRIDE=5)
        live.wait_for_ticks(50)
        yield live
    finally:
        site.end()


def started(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "client" / "src")}
    command = [sys.executable, "-m", "marketcamera", *arguments]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize("lines", [0, 30])
def test_a_reader_that_has_seen_enough_ends_it(live: Live, lines: int) -> None:
    process = started("tail", "--since", "-1", "--url", live.url, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    for _ in range(lines):
        assert process.stdout.readline().startswith("{")
    process.stdout.close()
    assert process.wait(PATIENCE_SECONDS) == 0
    assert process.stderr.read() == ""


@pytest.mark.parametrize(
    "command",
    [
        ("tail", "--count", "3"),
        pytest.param(("price", "IG-USD", "--frequency", "1s"), marks=pytest.mark.long),
        pytest.param(("status",), marks=pytest.mark.long),
    ],
)
def test_an_output_that_is_full_or_gone_is_told(live: Live, command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        process = started(*command, "--url", live.url, stdout=full)
        assert process.wait(PATIENCE_SECONDS) == 1
    assert process.stderr is not None
    assert process.stderr.read() == "marketcamera: [Errno 28] No space left on device\n"
    reader, writer = os.pipe()
    os.close(reader)
    process = started(*command, "--url", live.url, stdout=writer)
    os.close(writer)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""


@pytest.mark.parametrize("url", ["live", "nowhere"])
def test_an_interrupt_ends_it(live: Live, tmp_path: Path, url: str) -> None:
    where = live.url if url == "live" else f"http://127.0.0.1:{free_port()}"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "client" / "src")}
    command = [sys.executable, "-u", "-m", "marketcamera", "tail", "--url", where]
    process = Process(command, environment, tmp_path / "tail.log")
    wait_until(process.log, "the first word")
    assert process.stop(signal.SIGINT) == 130
    assert "Traceback" not in process.log()


class GoneReader(StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize(("stderr", "told"), [(StringIO(), "3/3 ["), (GoneReader(), "")])
def test_progress_in_a_log_ends_nothing_when_its_reader_is_gone(
    stderr: StringIO, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stderr)
    with _progress(0, 3) as progress:
        progress.update(3)
    assert told in stderr.getvalue()
    assert "\r" not in stderr.getvalue()
