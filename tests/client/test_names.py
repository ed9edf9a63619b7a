"""The names of the SDK: each is there, type checkers know the same, and none is loaded before it is asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import marketcamera

STUB = Path(marketcamera.__file__).with_suffix(".pyi")


def test_type_checkers_are_told_the_same_names_and_homes() -> None:
    told = [one for one in ast.parse(STUB.read_text()).body if isinstance(one, ast.ImportFrom)]
    homes = {alias.asname: one.module for one in told for alias in one.names}
    assert sorted(str(name) for name in homes) == marketcamera.__all__
    for name, home in homes.items():
        assert getattr(marketcamera, str(name)) is getattr(import_module(str(home)), str(name))
    assert set(marketcamera.__all__) <= set(dir(marketcamera))


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'get_prices'"):
        marketcamera.get_prices  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'get_prices'"):
        from marketcamera import get_prices  # type: ignore[attr-defined]  # noqa: F401


@pytest.mark.parametrize(
    ("code", "loaded"),
    [
        ("import marketcamera.tables.columns", False),
        ("import marketcamera.errors", False),
        ("from marketcamera import get_price", True),
        ("import marketcamera; marketcamera.bars.prices.get_price", True),
    ],
)
def test_an_http_client_is_loaded_by_what_needs_it(code: str, loaded: bool) -> None:
    said = f"import sys; {code}; print('httpx' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", said], text=True).strip() == str(loaded)
