"""How much more work longer texts are: the same in one run on any machine."""

from __future__ import annotations

import time
from collections.abc import Callable


def growth(work: Callable[[str], object], form: str, blanks: str = " ", *, few: int, many: int) -> float:
    """How many times as much CPU as for `few` blanks in each place of the form this takes for `many`."""

    def seconds(count: int) -> float:
        text = form.replace("{}", blanks * count)
        begun = time.thread_time()
        for _ in range(5):
            work(text)
        return time.thread_time() - begun

    least, most = (min(seconds(count) for _ in range(3)) for count in (few, many))
    return most / least
