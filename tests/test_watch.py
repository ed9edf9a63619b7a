"""What deploy/watch.py says of many clients: lost, repeated, or told that the market has another recording."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from deploy import watch

OLD, NEW = "a" * 32, "b" * 32


@pytest.fixture
def book() -> watch.Book:
    return watch.Book()


@pytest.fixture
def client(book: watch.Book) -> watch.Client:
    return watch.Client("ws://127.0.0.1/ws/stream", book, None, None, asyncio.Semaphore())


def hear(client: Any, *ts: int) -> None:
    for t in ts:
        client._take(f'{{"type":"tick","t":{t},"ts":1.5}}')


def test_what_is_missing_and_what_comes_twice_is_counted(book: watch.Book, client: watch.Client) -> None:
    hear(client, 7, 8, 8, 12, 13)
    assert (book.lost, book.repeated, client.last_t) == (3, 1, 13)


def test_another_recording_is_told_and_neither_lost_nor_repeated(
    book: watch.Book, client: watch.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    client._take(f'{{"type":"caught_up","t":50,"store":"{OLD}"}}')
    hear(client, 51, 52)
    assert client._address().endswith(f"since=52&store={OLD}")
    told = f'{{"type":"gap","kind":"tick","from_t":53,"to_t":53,"reason":"store_changed","store":"{NEW}"}}'
    client._take(told)
    assert told in capsys.readouterr().err
    assert client._address().endswith("types=tick"), "a connection that breaks now has nothing of it yet"
    hear(client, 0, 1)
    assert client._address().endswith(f"since=1&store={NEW}")
    assert (book.begun_anew, book.lost, book.repeated, book.gaps) == (1, 0, 0, 0)
    assert " 1 begun anew" in watch.summary([client], book)
