"""Standard input as a source: what comes through a pipe, how far it is read ahead, and how it ends."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from itertools import islice

import pytest

from market.model.simulator import Simulator
from market.sources.named import source_from
from market.sources.options import SourceSettings
from market.sources.source import Source, SourceError
from tests.processes import PATIENCE_SECONDS, wait_until


def tape(ticks: int) -> list[bytes]:
    simulator = Simulator(1)
    return [simulator.step().to_json() + b"\n" for _ in range(ticks)]


class Pipe:
    """What another program writes into, and the source at its other end."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self.source = source_from("stdin", SourceSettings())

    def write(self, text: bytes) -> None:
        assert os.write(self._handle, text) == len(text)

    def end(self) -> None:
        os.close(self._handle)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        made = Pipe(writing)
        yield made
        made.source.close()
        wait_until(lambda: not reading_threads(), "the reader's end")


def reading_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "stdin"]


def arrived(source: Source) -> bool:
    return source.wait(PATIENCE_SECONDS)


def test_every_line_is_a_tick_and_the_end_of_input_the_end(pipe: Pipe) -> None:
    lines = tape(30)
    pipe.write(b"\n" + b"".join(lines)[:-1])
    pipe.end()
    assert [tick.to_json() + b"\n" for tick in pipe.source] == lines
    assert pipe.source.wait(0.0)
    assert (pipe.source.sets_pace, pipe.source.replayable) == (True, False)


def test_a_tick_arrives_with_the_end_of_its_line(pipe: Pipe) -> None:
    (line,) = tape(1)
    pipe.write(line[:-1])
    assert not pipe.source.wait(0.05)
    pipe.write(b"\n")
    assert arrived(pipe.source)
    assert next(iter(pipe.source)).t == 0
    pipe.end()


def test_a_writer_that_is_too_fast_has_to_wait(pipe: Pipe) -> None:
    line = tape(1)[0].replace(b'"t":0', b'"t":%d')
    assert not pipe.source.wait(0.0)
    written = 70
    pipe.write(b"".join(line % t for t in range(written)))
    wait_until(lambda: pipe.source._reader._queue.full(), "the reader to be as far ahead as it may")
    os.set_blocking(pipe._handle, False)
    with pytest.raises(BlockingIOError):
        while written < 100_000:
            pipe.write(line % written)
            written += 1
    assert written < 1_000
    taken = [tick.t for tick in islice(pipe.source, written)]
    assert taken == list(range(written)), "and nothing is lost"
    pipe.end()


def test_whoever_waits_is_let_go_when_it_is_closed(pipe: Pipe) -> None:
    taken: list[int] = []
    thread = threading.Thread(target=lambda: taken.extend(tick.t for tick in pipe.source))
    thread.start()
    pipe.write(b"".join(tape(2)))
    wait_until(lambda: taken == [0, 1], "two ticks")
    pipe.source.close()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
    pipe.end()


def test_a_bad_line_is_an_error_with_its_number_after_the_ticks_before_it(pipe: Pipe) -> None:
    lines = tape(3)
    pipe.write(b"".join([*lines[:2], b"\n", lines[2].replace(b'"t":2', b'"t":1')]))
    pipe.end()
    ticks = iter(pipe.source)
    assert [next(ticks).t, next(ticks).t] == [0, 1]
    with pytest.raises(SourceError, match=r"^stdin:4: t must rise, got 1 after 1$"):
        next(ticks)


def test_options(pipe: Pipe) -> None:
    assert source_from("stdin", SourceSettings()).price_range == (40_000.0, 60_000.0)
    assert source_from("stdin?price_range=0.5,1e3", SourceSettings()).price_range == (0.5, 1000.0)
    pipe.end()


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("stdin?price_range=5", "stdin: option price_range must be two prices, LOW,HIGH, got '5'"),
        ("stdin?price_range=5,5", "stdin: option price_range must be two prices, LOW,HIGH, got '5,5'"),
        ("stdin?price_range=1,inf", "stdin: option price_range must be two prices, LOW,HIGH, got '1,inf'"),
        ("stdin?low=a:b", "stdin: there is no option 'low', only price_range"),
    ],
)
def test_an_option_that_cannot_be_is_refused(setting: str, text: str) -> None:
    with pytest.raises(SourceError) as caught:
        source_from(setting, SourceSettings())
    assert str(caught.value) == text


def test_a_closed_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(SourceError, match=r"^stdin: standard input is closed$"):
        source_from("stdin", SourceSettings())
