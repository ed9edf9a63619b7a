"""The version of the server and of its client, which are released together."""

from __future__ import annotations

import tomllib
from pathlib import Path

from streaming.http.views import VERSION

ROOT = Path(__file__).resolve().parent.parent


def test_there_is_one_version_in_one_place() -> None:
    places = [*ROOT.glob("*.toml"), *ROOT.glob("client/*.toml"), *ROOT.glob("[a-z]*/**/*.py")]
    naming = {str(path.relative_to(ROOT)) for path in places if f'"{VERSION}"' in path.read_text()}
    assert naming == {"client/pyproject.toml"}
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dynamic"] == ["version"]
