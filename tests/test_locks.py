"""The lock files are in step with the requirements files, and nothing in the image or in CI comes without a hash."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.locks import LOCKS

ROOT = Path(__file__).resolve().parent.parent

#: What `make run` and `make test` may run on.
PYTHONS = ("3.11.9", "3.12.0", "3.13.0")
PROCESSORS = ("x86_64", "aarch64")


def required(name: str) -> dict[str, str]:
    """The version of each package that a requirements file names, with those that it includes."""
    found: dict[str, str] = {}
    for line in (ROOT / name).read_text().splitlines():
        if line.startswith("-r "):
            found |= required(line.removeprefix("-r ").strip())
        elif line and not line.startswith("#"):
            requirement = Requirement(line)
            found[canonicalize_name(requirement.name)] = str(requirement.specifier)
    return found


def locked(name: str) -> dict[Requirement, list[str]]:
    """The hashes of each requirement of a lock file."""
    entries = (ROOT / name).read_text().replace("\\\n", "").splitlines()
    parted = [entry.split("--hash=") for entry in entries if not entry.lstrip().startswith("#")]
    return {Requirement(text.strip()): [one.strip() for one in hashes] for text, *hashes in parted}


def installed(lock: dict[Requirement, list[str]], python: str, processor: str) -> dict[str, str]:
    """The version of each package that a Linux machine gets."""
    machine = {
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        **{"platform_machine": processor, "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
        **{"platform_python_implementation": "CPython", "implementation_name": "cpython", "extra": ""},
    }
    meant = (one for one in lock if one.marker is None or one.marker.evaluate(machine))
    return {canonicalize_name(one.name): str(one.specifier) for one in meant}


@pytest.mark.parametrize("name", LOCKS)
def test_a_machine_gets_from_a_lock_file_exactly_what_the_requirements_name(name: str) -> None:
    wanted = {package: version for one in LOCKS[name] for package, version in required(one).items()}
    assert wanted
    lock = locked(name)
    for python in PYTHONS:
        for processor in PROCESSORS:
            assert installed(lock, python, processor) == wanted, "run `make locks`, or name what others need"


@pytest.mark.parametrize("name", LOCKS)
def test_each_has_hashes_of_files_and_no_place_to_get_them_from(name: str) -> None:
    assert all(hashes and all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes)
               for hashes in locked(name).values())  # fmt: skip
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted", (ROOT / name).read_text())


def test_the_image_installs_nothing_without_a_hash() -> None:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    installs = re.findall(r"pip install [^&\n]*", text)
    assert len(installs) == 2
    for install in installs:
        assert "--require-hashes" in install or "--no-deps --no-build-isolation ./client" in install


def test_ci_asks_for_the_hashes() -> None:
    script = (ROOT / ".ci/run").read_text()
    assert script.index("export LOCKED=1") < script.index("make lint")
