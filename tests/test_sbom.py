"""The bill of materials: valid CycloneDX, and complete for Python and the page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from tests.test_locks import locked
from tools import sbom


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return sbom.bill()


def purls(bill: dict[str, Any], kind: str) -> set[str]:
    return {one["purl"] for one in bill["components"] if one["purl"].startswith(f"pkg:{kind}/")}


def test_it_names_each_package_of_the_lock_file_with_its_hashes(bill: dict[str, Any]) -> None:
    wanted = {f"pkg:pypi/{canonicalize_name(one.name)}@{str(one.specifier)[2:]}" for one in locked("requirements.lock")}
    assert purls(bill, "pypi") == wanted
    for one in bill["components"]:
        held = [*one.get("hashes", []), *(h for place in one.get("externalReferences", []) for h in place["hashes"])]
        assert held or one["name"] in ("events", "graphology-utils"), one["name"]


def test_it_names_each_library_of_the_page_and_what_is_inside_its_file(bill: dict[str, Any]) -> None:
    rows = re.findall(r"^\| (\S+) \| (\d\S*) \| (\S+) \|.*$", (sbom.VENDOR / "README.md").read_text(), re.MULTILINE)
    inside = re.findall(r"(\S+@[\d.]+) \(MIT\)", (sbom.VENDOR / "README.md").read_text())
    assert {license for _, _, license in rows} == {"MIT"}
    assert purls(bill, "npm") == {f"pkg:npm/{name}@{version}" for name, version, _ in rows} | {
        f"pkg:npm/{one}" for one in inside
    }


def test_what_is_not_as_the_schema_has_it_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sbom, "python_bill", lambda: {"bomFormat": "other", "components": [], "metadata": {}})
    with pytest.raises(ValueError, match="is not CycloneDX"):
        sbom.bill()
