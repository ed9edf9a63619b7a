"""Addresses of cold stores: what they say, and what none can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.cold.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "address", "shown"),
    [
        ("s3://ticks", Address("ticks"), "s3://ticks"),
        ("s3://ticks/a/b-1/", Address("ticks", "a/b-1"), "s3://ticks/a/b-1"),
        (
            "s3://ticks/a?endpoint=http://10.0.0.1:9000/",
            Address("ticks", "a", "http://10.0.0.1:9000"),
            "s3://ticks/a at http://10.0.0.1:9000",
        ),
        ("file:///mnt/cold%20store", Address(directory=Path("/mnt/cold store")), "file:///mnt/cold store"),
    ],
)
def test_an_address_says_where_the_bucket_is(text: str, address: Address, shown: str) -> None:
    assert parse_address(text) == address
    assert str(address) == shown


@pytest.mark.parametrize(
    "text",
    [
        *("", "ticks", "http://ticks/a", "s3://", "s3:///a", "s3://Ticks", "s3://key:secret@ticks/a", "s3://ticks:80/"),
        *("s3://ticks/a/../b", "s3://ticks/a//b", "s3://ticks/a b", "s3://ticks#a?endpoint=x", "s3://ticks?region=x"),
        *("s3://ticks?endpoint=", "s3://ticks?endpoint=host:80", "s3://ticks?endpoint=http://k:secret@host"),
        *("s3://ticks?endpoint=http://host:no", "s3://ticks?endpoint=http://[::1", "s3://ticks?endpoint"),
        *("s3://ticks?endpoint=http://a&endpoint=http://b", "file://host/a", "file:a", "file:///a?b", "file:///a%00"),
    ],
)
def test_what_is_no_address_is_refused_without_its_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be s3://BUCKET/PREFIX\?endpoint=https://HOST:PORT, or file:///DIR"):
        parse_address(text)
