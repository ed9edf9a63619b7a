"""A moment of market time is found in a recording, whatever is missing there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from recorder.segment.checked_lines import Line
from recorder.segment.layout import gap_line
from recorder.tape.time_search import first_t_from, last_t_to


class Recording:
    """Answers as a `History` does; `ts` are the market times of its ticks by t, None a tick without one."""

    def __init__(self, ts: dict[int, float | None]) -> None:
        self.ts, self.visits = ts, 0

    def first_t(self) -> int | None:
        return min(self.ts, default=None)

    def last_t(self) -> int | None:
        return max(self.ts, default=None)

    def lines(self, kind: str, after_t: int, to_t: int | None = None) -> Iterator[Line]:
        self.visits += 1
        for t, ts in self.ts.items():
            if t <= after_t:
                continue
            if to_t is not None and t > to_t:
                return
            if t and t - 1 not in self.ts:
                yield Line(t - 1, t - 1, gap_line(kind, t - 1, t - 1, "lost"))
            yield Line(t, t, b'{"type":"tick","t":%d%b}' % (t, b"" if ts is None else b',"ts":%f' % ts))


WHOLE = Recording({t: 1000.0 + t / 10 for t in range(5000)})
#: Ticks 3000 to 3999 are gone, some have no time, and the market was down for an hour after 4499.
TORN = Recording(
    {t: None if t % 7 == 0 else 1000.0 + t / 10 + 3600 * (t >= 4500) for t in range(100, 5000) if not 3000 <= t < 4000}
)


@pytest.mark.parametrize(
    ("recording", "ts", "first", "last"),
    [
        (WHOLE, 0.0, 0, -1),
        (WHOLE, 1000.0, 0, 0),
        (WHOLE, 1234.5, 2345, 2345),
        (WHOLE, 1234.55, 2346, 2345),
        (WHOLE, 1499.9, 4999, None),
        (WHOLE, 1500.0, None, None),
        (TORN, 0.0, 100, 99),
        (TORN, 1120.0, 1200, 1200),
        (TORN, 1350.0, 4000, 3999),  # 4000 is the first that is left
        (TORN, 3000.0, 4500, 4499),
        (Recording({}), 5.0, None, None),
        (Recording({4: 1.0}), 1.0, 4, None),
    ],
)
def test_the_ticks_around_a_moment_are_found(
    recording: Recording, ts: float, first: int | None, last: int | None
) -> None:
    recording.visits = 0
    assert first_t_from(recording, ts) == first  # type: ignore[arg-type]
    assert last_t_to(recording, ts) == last  # type: ignore[arg-type]
    assert recording.visits <= 14, "each half is asked about once"
