"""How much a client may say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from api_socket.rate_limit import MessageRate, Verdict

READ, REFUSE, IGNORE, CLOSE = Verdict.READ, Verdict.REFUSE, Verdict.IGNORE, Verdict.CLOSE


def judged(talk: MessageRate, *times: float) -> list[Verdict]:
    return [talk.judge(time) for time in times]


def test_a_hundred_a_second_are_read_for_ever() -> None:
    talk = MessageRate(100)
    assert {talk.judge(i * 0.0101) for i in range(5000)} == {READ}


def test_the_hundred_and_first_in_a_second_is_refused_and_said_once() -> None:
    talk = MessageRate(100)
    assert judged(talk, *(i * 0.005 for i in range(100))) == [READ] * 100
    assert judged(talk, 0.6, 0.7, 0.9) == [REFUSE, IGNORE, IGNORE]
    assert talk.judge(1.0) is READ


def test_if_it_goes_on_the_connection_ends() -> None:
    talk = MessageRate(100)
    verdicts = judged(talk, *[0.0] * 201)
    assert verdicts == [READ] * 100 + [REFUSE] + [IGNORE] * 99 + [CLOSE]


def test_whoever_talks_a_little_too_much_all_the_time_is_closed_in_the_end() -> None:
    talk = MessageRate(100)
    verdicts = judged(talk, *(i / 120 for i in range(120 * 20)))
    assert verdicts.count(REFUSE) > 1
    assert CLOSE in verdicts


def test_a_quiet_second_makes_good_for_what_was_too_much() -> None:
    talk = MessageRate(10)
    for second in range(0, 50, 2):
        verdicts = judged(talk, *[float(second)] * 15)
        assert verdicts == [READ] * 10 + [REFUSE] + [IGNORE] * 4


@given(st.lists(st.floats(0, 0.2), max_size=300))
def test_no_second_ever_holds_more_than_are_allowed(pauses: list[float]) -> None:
    talk, now, read = MessageRate(5), 0.0, []
    for pause in pauses:
        now += pause
        if talk.judge(now) is READ:
            read.append(now)
    assert all(later - earlier >= 1 for earlier, later in zip(read, read[5:], strict=False))
