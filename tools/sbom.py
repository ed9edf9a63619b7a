"""Makes the bill of materials, CycloneDX 1.6 in JSON: `make sbom`, or `python tools/sbom.py FILE`.

It names what the image holds: each Python package of requirements.lock with the hashes of its files, and each library
of the page in streaming/static/streaming/vendor/ with those that are inside its file. It is the same for the same tree.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "streaming/static/streaming/vendor"

#: The first line of a library's file, as tools/vendor.mjs writes it.
_HEAD = re.compile(r"/\*! (\S+) (\S+), made into .*?\.(?: Inside: (.*?)\.)? Licences beside this file\. \*/")


def bill() -> dict[str, Any]:
    """The bill of materials. Raises ValueError if it is not as its schema has it."""
    made = python_bill()
    made["metadata"]["component"] = itself()
    libraries = browser_libraries()
    made["components"] += libraries
    known = {each["bom-ref"] for each in made["components"]}
    made["dependencies"] = [
        {"ref": itself()["bom-ref"], "dependsOn": sorted(known)},
        *({"ref": ref} for ref in sorted(known)),
    ]
    # Here, since its checks of addresses take seconds to load, and what `tools/audit.py` needs of this file does not.
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(made))
    if error is not None:
        raise ValueError(f"the bill of materials is not CycloneDX 1.6: {error}")
    return made


def python_bill() -> dict[str, Any]:
    """What cyclonedx-py makes of the lock file; named by purl and without its lines, which hold all of it again."""
    options = ("--output-reproducible", "--short-PURLs", "--spec-version", "1.6", "--output-format", "JSON")
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", *options, "requirements.lock"]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    made: dict[str, Any] = json.loads(answer.stdout)
    for component in made["components"]:
        component["bom-ref"] = component["purl"]
        component.pop("description")
    return made


def itself() -> dict[str, Any]:
    version = tomllib.loads((ROOT / "client/pyproject.toml").read_text())["project"]["version"]
    return {"type": "application", "bom-ref": "market-camera", "name": "market-camera", "version": version}


def browser_libraries() -> list[dict[str, Any]]:
    """The vendored libraries, each once, and those that their files include."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(VENDOR.glob("*/*.js")):
        head = _HEAD.match(file.read_text(encoding="utf-8"))
        if head is None:
            raise ValueError(f"{file.relative_to(ROOT)} does not begin as tools/vendor.mjs writes it")
        name, version, inside = head.groups()
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        found[f"{name}@{version}"] = {
            **_library(name, version),
            "hashes": [{"alg": "SHA-256", "content": digest}],
        }
        for one in (inside or "").split(", "):
            if one and one not in found:
                found[one] = _library(*one.rsplit("@", 1))
    return [*found.values()]


def _library(name: str, version: str) -> dict[str, Any]:
    """Everything vendored is under the MIT license, as the README beside it says."""
    purl = f"pkg:npm/{name}@{version}"
    license = {"license": {"id": "MIT", "acknowledgement": "declared"}}
    return {
        **{"type": "library", "bom-ref": purl, "purl": purl, "name": name, "version": version},
        "licenses": [license],
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(bill(), indent=1, sort_keys=True) + "\n")
