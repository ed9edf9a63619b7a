"""Makes the lock files from the requirements files: `make locks`. It needs uv (`pip install uv`) and the network.

A lock file has every package with the hashes of all its files, so it holds for each Python and processor. Packages that
only follow from others keep their versions as long as they fit; `--upgrade` takes the newest.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: The requirements files of each lock file.
LOCKS = {
    "requirements.lock": ("requirements.txt", "requirements-export.txt", "requirements-build.txt"),
    "requirements-dev.lock": ("requirements-dev.txt",),
}

#: Nothing of the index in use: another machine may use another one.
_OPTIONS = ("--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate", "--quiet")


def make(lock: str, *more: str) -> None:
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    if not Path(uv).exists():
        sys.exit("uv makes the lock files and was not found: pip install uv")
    command = [uv, "pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes", *_OPTIONS, *more]
    subprocess.run([*command, *LOCKS[lock], "--output-file", lock], cwd=ROOT, check=True)


if __name__ == "__main__":
    for name in LOCKS:
        make(name, *sys.argv[1:])
