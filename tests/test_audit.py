"""The audit of dependencies: nothing pinned is known to be weak, and the comparison is that of OSV."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

from tools import audit

TODAY = date(2026, 11, 29)


def advisory(*events: dict[str, str], name: str = "lib", ecosystem: str = "PyPI") -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": [*events]}]
    package = {"ecosystem": ecosystem, "name": name}
    return {"id": "X-1", "aliases": ["CVE-1"], "summary": "bad", "affected": [{"package": package, "ranges": ranges}]}


@pytest.mark.parametrize(
    ("events", "weak", "sound"),
    [
        ([{"introduced": "0"}, {"fixed": "2.0"}], ["0.1", "1.9.9", "2.0rc1"], ["2.0", "2.0.1", "10"]),
        ([{"introduced": "1.5"}, {"fixed": "2.0"}], ["1.5", "1.10"], ["1.4", "2.0"]),
        ([{"introduced": "1.0"}, {"last_affected": "1.3"}], ["1.0", "1.3"], ["0.9", "1.3.1"]),
        ([{"introduced": "1"}, {"fixed": "2"}, {"introduced": "3"}, {"fixed": "4"}], ["1.5", "3"], ["2.5", "4"]),
        ([{"introduced": "1"}], ["1", "99"], ["0.9"]),
    ],
)
def test_a_version_is_judged_by_the_last_event_before_it(
    events: list[dict[str, str]], weak: list[str], sound: list[str]
) -> None:
    for version in weak + sound:
        found = [*audit.weaknesses([("PyPI", "lib", version)], [advisory(*events)])]
        assert found == ([f"lib {version}: bad (X-1, CVE-1)"] if version in weak else [])


def test_another_package_of_the_name_is_not_meant() -> None:
    affected = advisory({"introduced": "0"})
    assert [*audit.weaknesses([("npm", "lib", "1.0"), ("PyPI", "lib2", "1.0")], [affected])] == []


def test_all_that_is_pinned_is_looked_at_and_nothing_of_it_is_known_to_be_weak() -> None:
    packages = audit.pinned()
    assert {("PyPI", "django"), ("PyPI", "pytest"), ("npm", "sigma"), ("npm", "events")} <= {
        one[:2] for one in packages
    }
    stored = json.loads(audit.STORED.read_text())
    assert stored["advisories"]
    assert [*audit.weaknesses(packages, stored["advisories"])] == []
    older = [(ecosystem, name, "0.14.0") for ecosystem, name, _ in packages]
    assert [*audit.weaknesses(older, stored["advisories"])], "the list concerns nothing that is pinned"


def test_a_weak_pin_fails_and_no_network_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "asked_online", lambda: None)
    assert audit.main(TODAY) == 0
    assert "does not reach its service" in capsys.readouterr().out
    monkeypatch.setattr(audit, "pinned", lambda: [("PyPI", "django", "5.2.7")])
    assert audit.main(TODAY + timedelta(days=365)) == 1
    said = capsys.readouterr().out
    assert "CVE-2025-64459" in said
    assert "look for newer ones" in said


def test_what_pip_audit_knows_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "asked_online", lambda: ["django 5.2.19: X-2"])
    assert audit.main(TODAY) == 1
