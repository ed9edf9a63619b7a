"""Tells which pinned packages have a known weakness: `make audit`.

Every package of the lock files and every library of the page is looked up in the list that comes along, without the
network. Where pip-audit is installed and reaches its service, that is asked about the Python packages too.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.locks import LOCKS  # noqa: E402
from tools.sbom import browser_libraries  # noqa: E402

#: `date`, when it was last looked through, and `advisories`, each an OSV record with what counts here.
STORED = ROOT / "tools/advisories.json"

_OLD_DAYS = 90
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)

Package = tuple[str, str, str]


def pinned() -> list[Package]:
    """(ecosystem, name, version) of everything: each version that a lock file names, and what the page brings."""
    found = {
        ("PyPI", _name(name), version) for lock in LOCKS for name, version in _PIN.findall((ROOT / lock).read_text())
    }
    return sorted(found | {("npm", one["name"], one["version"]) for one in browser_libraries()})


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def weaknesses(packages: Iterable[Package], advisories: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A sentence for each package that an advisory is about."""
    known = [*advisories]
    for ecosystem, name, version in packages:
        for advisory in known:
            for affected in advisory["affected"]:
                same = (affected["package"]["ecosystem"], affected["package"]["name"]) == (ecosystem, name)
                if same and any(_within(Version(version), one["events"]) for one in affected["ranges"]):
                    names = ", ".join([advisory["id"], *advisory.get("aliases", [])])
                    yield f"{name} {version}: {advisory['summary']} ({names})"


def _within(version: Version, events: list[dict[str, str]]) -> bool:
    """Whether a version lies in a range, by the rule of OSV: the last event at or before it decides."""
    inside = False
    for event in events:
        ((kind, text),) = event.items()
        if kind == "last_affected":
            inside = inside and version <= Version(text)
        elif version >= Version(text):
            inside = kind == "introduced"
    return inside


def asked_online() -> list[str] | None:
    """What pip-audit tells of the lock files; None if it is not installed, or its service is not reached."""
    said: list[str] = []
    for lock in LOCKS:
        command = ["-m", "pip_audit", "--requirement", lock, "--require-hashes", "--disable-pip", "--format", "json"]
        answer = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
        try:
            packages = json.loads(answer.stdout)["dependencies"]
        except ValueError:
            return None
        for package in packages:
            said += [f"{package['name']} {package['version']}: {one['id']}" for one in package.get("vulns", [])]
    return sorted(set(said))


def main(today: date) -> int:
    """Prints what was found; returns the status of the command."""
    stored = json.loads(STORED.read_text())
    found = [*weaknesses(pinned(), stored["advisories"])]
    age_days = (today - date.fromisoformat(stored["date"])).days
    old = " (look for newer ones: CONTRIBUTING.md)" if age_days > _OLD_DAYS else ""
    print(
        f"{len(stored['advisories'])} stored advisories of {stored['date']}{old}: {len(found)} concern what is pinned"
    )
    online = asked_online()
    print("pip-audit is not here, or does not reach its service" if online is None else f"pip-audit: {len(online)}")
    for sentence in (*found, *(online or [])):
        print(f"  {sentence}")
    return 1 if found or online else 0


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    sys.exit(main(date.today()))
