"""Which part of the past may be asked for, and what is said to a request that cannot be served."""

from __future__ import annotations

import pytest

from streaming.past.request import Bound, PastRequest, parse_past, speed_of
from streaming.protocol import StreamError

TEN = 1795860000.0  # 2026-11-28T10:00:00Z


@pytest.mark.parametrize(
    ("replay", "speed", "request_"),
    [
        ("0..", None, PastRequest(Bound(t=0))),
        ("5..5", "8", PastRequest(Bound(t=5), Bound(t=5), 8.0)),
        ("7..900719925474099", "0", PastRequest(Bound(t=7), Bound(t=900719925474099), 0.0)),
        ("20261128..", "0.25", PastRequest(Bound(t=20261128), speed=0.25)),
        ("2026-11-28T10:00:00Z..", None, PastRequest(Bound(ts=TEN))),
        ("2026-11-28T10:00..2026-11-28T12:00:00.5+01:00", None, PastRequest(Bound(ts=TEN), Bound(ts=TEN + 3600.5))),
        ("100..2026-11-28 10:00:00Z", None, PastRequest(Bound(t=100), Bound(ts=TEN))),
        ("2026-11-28..", None, PastRequest(Bound(ts=TEN - 36000))),
    ],
)
def test_a_part_of_the_past_is_asked_for(replay: str, speed: str | None, request_: PastRequest) -> None:
    assert parse_past(replay, speed) == request_


@pytest.mark.parametrize(
    ("replay", "speed", "detail"),
    [
        ("", None, "replay must be T0..T1 or T0.., each a t or a time such as 2026-11-28T10:00:00Z, got ''"),
        ("..5", None, "got '..5'"),
        ("5", None, "got '5'"),
        ("-1..", None, "got '-1'"),
        ("1...2", None, "got '.2'"),
        ("99999999999999999..", None, "got '99999999999999999'"),
        ("10:00..", None, "got '10:00'"),
        ("2026-11-28T10:00:00 01:00..", None, "got '2026-11-28T10:00:00 01:00'; a + in a query is written %2B"),
        ("9..8", None, "a replay must not end before it begins, got t from 9 to 8"),
        ("2026-11-29..2026-11-28", None, "got Unix seconds from 1795910400.0 to 1795824000.0"),
        ("0..", "", "speed must be 0 or from 0.001 to 1000000, got ''"),
        ("0..", "nan", "got 'nan'"),
        ("0..", "0.0001", "got 0.0001"),
        ("0..", "-1", "got '-1'"),
        ("0..", "1_0", "got '1_0'"),
        ("0..", "1000001", "got 1000001.0"),
    ],
)
def test_a_wrong_part_is_refused_with_the_value(replay: str, speed: str | None, detail: str) -> None:
    with pytest.raises(StreamError) as refused:
        parse_past(replay, speed)
    assert (refused.value.code, refused.value.close) == ("bad_parameter", 4400)
    assert refused.value.detail.endswith(detail)


@pytest.mark.parametrize("speed", [-1, 1e-9, 1e7, True, "8", None, float("nan"), [1], 10**400])
def test_a_speed_that_cannot_be_is_refused(speed: object) -> None:
    with pytest.raises(StreamError, match=r"speed must be 0 or from 0\.001 to 1000000, got "):
        speed_of(speed)
