"""The options in a source's setting."""

from __future__ import annotations

import pytest

from market.sources.options import Options
from market.sources.source import SourceError


def test_options_are_decoded_and_parsed_once() -> None:
    options = Options("trades:a b.csv?time=block%20time&late=2.5")
    assert (options.kind, options.path) == ("trades", "a b.csv")
    assert options.take("time", str, "") == "block time"
    assert options.take("late", float, 5.0) == 2.5
    assert options.take("silence", float, 60.0) == 60.0
    options.end("time, late")


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("x:y?late", "x:y: an option is name=value, got 'late'"),
        ("x:y?=3", "x:y: an option is name=value, got '=3'"),
        ("x:y?late=1&late=2", "x:y: option 'late' is there twice"),
        ("x:y?late=soon", "x:y: option late must be a number of seconds, got 'soon'"),
        ("x:y?lat=1", "x:y: there is no option 'lat', only late"),
    ],
)
def test_what_is_wrong_with_an_option_is_told_with_its_name(setting: str, told: str) -> None:
    with pytest.raises(SourceError) as caught:
        options = Options(setting)
        options.take("late", float, 5.0, "a number of seconds")
        options.end("late")
    assert str(caught.value) == told
