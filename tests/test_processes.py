"""What the tests' own processes are given."""

from __future__ import annotations

import os
import random

import pytest

from tests import processes


def test_no_port_is_given_twice_to_one_test_process_or_to_two(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = [processes.free_port() for _ in range(20)]
    assert len(set(ports)) == 20
    dice, tried = random.Random(1), iter(ports)
    monkeypatch.setattr(random, "randrange", lambda begin, end: next(tried, None) or dice.randrange(begin, end))
    assert processes.free_port() not in ports
    tried = iter(ports)
    if not (other := os.fork()):
        processes._given.clear()
        os._exit(processes.free_port() in ports)
    assert os.waitpid(other, 0)[1] == 0
