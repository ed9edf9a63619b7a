"""A setting's text made a value: each parser raises ValueError with what the text must be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url

from market.timestamps import EXPECTED, guessed_unit, is_moment
from recorder.cold.address import parse_address
from recorder.segment.layout import SYMBOL_PATTERN
from runtime.addresses import Network, parse_network
from streaming.protocol import KINDS

#: A PostgreSQL host that vanished without a word is given up after some seconds, not after TCP's quarter of an hour.
_PATIENCE = {
    "connect_timeout": "5",
    "tcp_user_timeout": "10000",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
}

#: Both of a machine's own addresses, 127.0.0.1 and ::1.
LOCALHOST = "localhost"

#: What paths that do not begin with a slash begin at.
BASE_DIR = Path(__file__).resolve().parent.parent

_SQLITE = "django.db.backends.sqlite3"

#: A path, and options behind it as other programs take them, which have no effect here.
_SQLITE_URL = re.compile(r"[^?#]+(\?(\w+=[^?#/]*)?)?")

_QUEUE = re.compile(r"[A-Za-z0-9._-]{1,50}", re.ASCII)
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)


def integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not _INTEGER.fullmatch(text) or not low <= int(text) <= high:
            raise ValueError(f"must be an integer from {low} to {high}")
        return int(text)

    return parse


def queue(text: str) -> str:
    """The name of a queue of tasks."""
    if not _QUEUE.fullmatch(text):
        raise ValueError("must be 1 to 50 of A-Z a-z 0-9 . _ -")
    return text


def number(low: float, high: float, *, above: bool = False) -> Callable[[str], float]:
    """A finite number from low (or above low) to high; NaN fails every comparison and so is refused."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (low < value <= high if above else low <= value <= high):
            raise ValueError(f"must be a number {'above' if above else 'from'} {low:g} to {high:g}")
        return value

    return parse


def moment(text: str) -> float:
    """Unix seconds of a time that can be."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not is_moment(value):
        raise ValueError(f"must be {EXPECTED}{guessed_unit(value)}")
    return value


def path(text: str) -> Path:
    if "\0" in text:
        raise ValueError("must be a path")
    try:
        return (BASE_DIR / Path(text).expanduser()).resolve()
    except RuntimeError:
        raise ValueError("begins with ~ and names nobody who has a home here") from None


def new_file(text: str) -> Path:
    found = path(text)
    if found.is_dir() or not found.parent.is_dir():
        raise ValueError("must be a file in a directory that exists")
    try:
        found.open("ab").close()
    except OSError as error:
        raise ValueError(f"must be a file that can be written ({error.strerror})") from None
    return found


def symbol(text: str) -> str:
    if not SYMBOL_PATTERN.fullmatch(text):
        raise ValueError("must be 1 to 32 of A-Z a-z 0-9 . _ - and begin with a letter or digit")
    return text


def source(text: str) -> str:
    if not re.match(r"[a-z][a-z0-9_-]*(\?.|:.|$)", text):
        raise ValueError("must be simulator, file:PATH, ws://… or another source of docs/sources.md")
    return text


def networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(parse_network(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"must be addresses or networks, separated by commas ({error})") from None


def header(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", text):
        raise ValueError("must be the name of a header")
    return text.lower()


def bind(text: str) -> str:
    if text != LOCALHOST:
        try:
            ip_address(text)
        except ValueError:
            raise ValueError(f"must be {LOCALHOST} or an IP address of this machine; 0.0.0.0 is all of IPv4") from None
    return text


def hosts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def modules(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names or not all(part.isidentifier() for name in names for part in name.split(".")):
        raise ValueError("must be names of modules, separated by commas")
    return names


def stream_types(text: str) -> tuple[str, ...]:
    types = tuple(part.strip() for part in text.split(","))
    if not set(types) <= set(KINDS):
        raise ValueError(f"must be some of {', '.join(KINDS)}, separated by commas")
    return types


def text(text: str) -> str:
    return text


def redis_url(text: str) -> str:
    if not re.match(r"(rediss?|unix)://.", text):
        raise ValueError("must begin with redis://, rediss:// or unix://")
    try:
        urlsplit(text).port  # noqa: B018
    except ValueError:  # its own words may hold a part of the password
        raise ValueError("must be redis://USER:PASSWORD@HOST:PORT/NUMBER, with a / in the password as %2F") from None
    return text


def cold_store(text: str) -> str:
    parse_address(text)
    return text


def agent_url(text: str) -> str:
    """A template of addresses; the name, which is a stranger's, must not choose the host."""
    expected = "must be http:// or https://, a host, and behind it an address with {name}"
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        raise ValueError(expected) from None
    behind = f"{parts.path}?{parts.query}#{parts.fragment}"
    if parts.scheme not in ("http", "https") or not host or "{" in parts.netloc or "{name}" not in behind:
        raise ValueError(expected)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be percent-encoded where it has other characters than an address")
    return text


def one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be {' or '.join(words)}")
        return text

    return parse


def switch(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("must be 0 or 1")
    return text == "1"


def database(text: str) -> dict[str, Any]:
    """A `DATABASES` entry from `postgres://user:password@host:port/name` or `sqlite:///PATH`. Raises ValueError."""
    try:
        found = dict[str, Any](dj_database_url.parse(text))
    except ValueError:  # its own words name databases that are none of ours
        found = {"NAME": ""}
    if not found["NAME"] or not re.match("(sqlite:///|postgres(ql)?://).", text, re.IGNORECASE):
        raise ValueError("must be postgres://USER:PASSWORD@HOST/NAME or sqlite:///PATH, each part percent-encoded")
    if found["ENGINE"] == _SQLITE:
        if not _SQLITE_URL.fullmatch(text):  # the path would end there
            raise ValueError("must have # as %23 and ? as %3F in the PATH of sqlite:///PATH")
        return sqlite(found["NAME"])
    options = {**_PATIENCE, **found.get("OPTIONS", {})}
    host, port = found["HOST"] or options.pop("host", ""), found["PORT"] or options.pop("port", "")
    return found | {"HOST": host, "PORT": str(port), "OPTIONS": options}


def sqlite(name: str) -> dict[str, Any]:
    """A `DATABASES` entry from a path."""
    return {"ENGINE": _SQLITE, "NAME": path(name)}
