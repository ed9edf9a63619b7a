"""Progress of long work: one line that changes on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
from io import StringIO

import pytest

from runtime.progress import Progress


class Screen(StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def shown(monkeypatch: pytest.MonkeyPatch, *, terminal: bool, total: int | None = 1000) -> str:
    """What is seen of a thousand ticks, eight a second."""
    now, screen = [0.0], Screen(terminal)
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    monkeypatch.setattr(sys, "stderr", screen)
    with Progress(total, "ticks") as progress:
        for done in range(1, 1001):
            now[0] += 0.125
            progress.at(done, 1000)
    return screen.getvalue()


def test_on_a_terminal_one_line_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, terminal=True)
    assert text.count("\n") == 1
    assert text.count("\r") > 100
    assert "500/1000 [01:02<01:02,  8.00 ticks/s]" in text


@pytest.mark.parametrize("total", [1000, None])
def test_in_a_log_there_is_a_line_each_ten_seconds(monkeypatch: pytest.MonkeyPatch, total: int | None) -> None:
    lines = shown(monkeypatch, terminal=False, total=total).splitlines()
    assert 12 <= len(lines) <= 15  # at the beginning, each ten of the 125 seconds, and at the end
    assert "1000/1000 [02:05<00:00,  8.00 ticks/s]" in lines[-1]
    assert "\r" not in "".join(lines)
