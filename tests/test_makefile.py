"""What `make run` does before it starts anything: with a stub for Python, and for the one that it makes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.processes import ROOT
from tests.services import program

#: Each tells what it was called with. The first makes an environment whose Python has pip.
_PYTHON = """\
#!/bin/sh
echo "$*" >>calls
if [ "$1 $2" = "-m venv" ]; then
    mkdir -p .venv/bin
    printf '#!/bin/sh\\necho "made: $*" >>calls\\n' >.venv/bin/python
    chmod +x .venv/bin/python
fi
"""


def test_what_an_interrupted_start_left_is_made_anew_by_a_python_in_any_folder(tmp_path: Path) -> None:
    python = tmp_path / "my programs" / "python3"
    python.parent.mkdir()
    python.write_text(_PYTHON)
    python.chmod(0o755)
    for project, named in ((tmp_path / "one", str(python)), (tmp_path / "two", "~/my programs/python3")):
        _begin(project)
        assert _installs_with(project, named) == ["-m venv --clear .venv"]
        (project / ".venv/ready").unlink()
        assert _installs_with(project, named) == []  # it is whole now
        shutil.rmtree(project / ".venv")
        assert _installs_with(project, named) == ["-m venv .venv"]


def _begin(project: Path) -> None:
    """A checkout in which `venv` had got as far as bin/python, which has no pip."""
    for name in ("requirements.txt", "requirements.lock", "client/pyproject.toml", ".venv/pyvenv.cfg"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
    shutil.copy(ROOT / "Makefile", project)
    (project / ".venv/bin").mkdir()
    (project / ".venv/bin/python").write_text("#!/bin/sh\nexit 1\n")
    (project / ".venv/bin/python").chmod(0o755)


def _installs_with(project: Path, python: str) -> list[str]:
    """Has the requirements installed; what Python was asked beside its version."""
    (project / "calls").write_text("")
    command = [program("make"), "LOCKED=", "VENV=.venv", f"PYTHON={python}", f"HOME={project.parent}", ".venv/ready"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    version, *calls = (project / "calls").read_text().splitlines()
    assert version.startswith("-c import sys")
    assert calls.pop() == "made: -m pip install --quiet --disable-pip-version-check -r requirements.txt -e ./client"
    return [call for call in calls if not call.startswith("made: ")]
