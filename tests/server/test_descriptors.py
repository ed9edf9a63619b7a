"""What connections may take of a process's file descriptors."""

from __future__ import annotations

import json
import logging
import resource
import subprocess
import sys
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.admission.admission import Capacity
from server.admission.descriptors import Grant, Wanted, capacity, raise_limit
from tests.processes import ROOT

DEFAULT = Wanted(1000, 100, api_sockets=1000, requests=256, requests_of_an_address=64)


def test_with_enough_descriptors_connections_are_what_the_settings_want() -> None:
    assert capacity(65_536, DEFAULT) == Capacity(
        2256, 1164, sockets=2000, spare=32, requests=256, requests_per_address=64
    )


def test_with_few_descriptors_everything_is_scaled() -> None:
    assert capacity(1024, DEFAULT) == Capacity(640, 330, sockets=567, spare=32, requests=224, requests_per_address=64)


def test_without_settings_all_that_descriptors_allow() -> None:
    assert capacity(1024) == Capacity(640, 640, sockets=640, spare=32, requests=224, requests_per_address=224)


def test_with_little_memory_everything_is_scaled_to_it() -> None:
    needed = 2000 * 640 * 1024 + 256 * 1280 * 1024
    assert replace(DEFAULT, memory_bytes=needed).within_memory() == replace(DEFAULT, memory_bytes=needed)
    half = replace(DEFAULT, memory_bytes=needed // 2)
    assert half.within_memory() == replace(half, **halved(DEFAULT))
    assert capacity(65_536, half) == Capacity(1128, 582, sockets=1000, spare=32, requests=128, requests_per_address=32)
    assert capacity(65_536, replace(DEFAULT, memory_bytes=0)) == Capacity(
        3, 3, sockets=2, spare=32, requests=1, requests_per_address=1
    )


def halved(wanted: Wanted) -> dict[str, int]:
    return {name: value // 2 for name, value in asdict(wanted).items() if name != "memory_bytes"}


@given(st.integers(64, 1 << 20), *[st.integers(1, 1 << 20)] * 4)
def test_there_is_always_room_for_somebody_and_never_more_than_descriptors(
    limit: int, sockets: int, of_an_address: int, api_sockets: int, requests: int
) -> None:
    found = capacity(limit, Wanted(sockets, of_an_address, api_sockets, requests, requests))
    assert min(found.total, found.per_address, found.sockets, found.requests) >= 1
    assert found.sockets <= found.total
    assert found.total + found.spare + found.requests <= max(limit - 128, 16 + 32 + 16)
    assert 0 < Grant(limit, None, found).most_in_use <= limit


def test_the_limits_are_said_in_one_line_and_a_warning_where_the_settings_want_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    little = replace(DEFAULT, memory_bytes=100 << 20)
    for limit, wanted in ((65_536, DEFAULT), (1024, DEFAULT), (65_536, little)):
        Grant(limit, wanted, capacity(limit, wanted)).report()
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "65536 file descriptors: 2256 connections, 1164 from one address, 256 requests at a time"),
        (
            "WARNING",
            "1024 file descriptors: 640 connections, 330 from one address, 224 requests at a time, 567 WebSockets,"
            " where the settings allow 2000: raise the limit (ulimit -n, LimitNOFILE=)",
        ),
        (
            "WARNING",
            "65536 file descriptors: 142 connections, 73 from one address, 16 requests at a time, 126 WebSockets, where"
            " the settings allow 2000: 100 MiB of memory are for clients (IG_CLIENT_MEMORY_MB)",
        ),
    ]


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    lines = [
        "import json, resource",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300))",
        "from server.admission.descriptors import granted",
        "print(json.dumps([granted().limit, *resource.getrlimit(resource.RLIMIT_NOFILE)]))",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, check=True, capture_output=True)
    assert json.loads(done.stdout) == [300, 300, 300]


@pytest.mark.parametrize(
    ("most", "begun", "limit"), [(10_240, 256, 10_240), (65_536, 256, 65_536), (10_240, 12_000, 12_000)]
)
def test_a_system_that_reports_no_limit_and_refuses_that_grants_a_number(
    monkeypatch: pytest.MonkeyPatch, most: int, begun: int, limit: int
) -> None:
    """As macOS does."""
    soft = [begun]

    def set_limit(_: int, limits: tuple[int, int]) -> None:
        if not 0 <= limits[0] <= most:
            raise ValueError("current limit exceeds maximum limit")
        soft[0] = limits[0]

    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft[0], resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", set_limit)
    assert (raise_limit(), soft) == (limit, [limit])
