"""Forked programs of the tests are as those that are started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.forks import ROOT, Forked, ran, spawn
from tests.processes import environment

TELLS = """
import json, os, resource, sys
files = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
print(json.dumps({
    "arguments": sys.argv[1:2], "cwd": os.getcwd(), "read": sys.stdin.read(), "said": os.environ.get("IG_SYMBOL"),
    "path": sys.path, "files": len(os.listdir("/proc/self/fd")), "session": os.getsid(0) == os.getpid(),
    "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE)[0], "optimize": sys.flags.optimize, "main": __name__,
    "modules": [*sys.modules],
    "loaded": [name for name, file in files.items() if file.startswith(sys.argv[2]) and "site-packages" not in file],
}))
print("and complains", file=sys.stderr)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return tmp_path / "program.py"


def command(program: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(program), *arguments]


def settings(directory: Path, **env: Any) -> dict[str, str]:
    return environment(directory / "store", directory / "db.sqlite3", **env)


def told(program: Path, options: dict[str, Any], **env: Any) -> dict[str, Any]:
    program.write_text(TELLS)
    done = ran(command(program, "one", str(ROOT)), settings(program.parent, **env), **options)
    assert (done.returncode, done.stderr) == (0, "and complains\n")
    return json.loads(done.stdout)


def test_it_has_what_it_was_given_and_nothing_of_the_tests(program: Path, tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.write_text("words")
    with words.open() as stdin:
        options = {"stdin": stdin, "cwd": tmp_path, "apart": True, "descriptors": 300}
        found = told(program, options, IG_SYMBOL="A-B")
    assert found["arguments"] == ["one"]
    assert (found["cwd"], found["read"], found["said"]) == (str(tmp_path), "words", "A-B")
    assert found["path"][0] == str(tmp_path)
    assert str(ROOT) not in found["path"]
    assert found["files"] == 4  # of which the last lists them
    assert (found["session"], found["descriptors"], found["main"]) == (True, 300, "__main__")


def test_no_module_of_the_project_is_loaded_before(program: Path) -> None:
    assert [name for name in told(program, {})["loaded"] if name.split(".")[0] not in ("__mp_main__", "tests")] == []


@pytest.mark.parametrize(
    ("text", "status"),
    [("pass", 0), ("raise SystemExit(3)", 3), ("1 / 0", 1), ("import os; os.kill(os.getpid(), 9)", -9)],
)
def test_its_end_is_told(program: Path, text: str, status: int) -> None:
    program.write_text(text)
    assert ran(command(program), settings(program.parent)).returncode == status


def test_it_is_ended_by_its_own_id(program: Path, tmp_path: Path) -> None:
    program.write_text("import time\nprint('here', flush=True)\nwhile True: time.sleep(60)")
    reading, output = os.pipe()
    process = spawn(command(program), settings(tmp_path), output=output, errors=2)
    os.close(output)
    with os.fdopen(reading) as said:
        assert isinstance(process, Forked)
        assert said.readline() == "here\n"
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.terminate()
        assert process.wait() == process.poll() == -signal.SIGTERM
        assert said.read() == ""
    process.kill()  # there is nobody to be ended any more


def test_an_interrupt_is_one(program: Path, tmp_path: Path) -> None:
    program.write_text(
        "import os, signal\ntry: os.kill(os.getpid(), signal.SIGINT)\nexcept KeyboardInterrupt: print(1)"
    )
    assert ran(command(program), settings(tmp_path)).stdout == "1\n"


def test_many_at_once_are_not_mistaken(program: Path, tmp_path: Path) -> None:
    program.write_text("import sys\nprint(sys.argv[1])\nsys.exit(int(sys.argv[1]))")
    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(lambda n: ran(command(program, str(n)), settings(tmp_path)), range(40)))
    assert [(one.returncode, one.stdout) for one in done] == [(n, f"{n}\n") for n in range(40)]


def test_what_python_takes_as_it_starts_makes_it_start(program: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("")
    found = told(program, {}, PYTHONOPTIMIZE="1", PYTHONPATH=str(tmp_path))
    assert found["optimize"] == 1
    assert "sitecustomize" in found["modules"]
