"""What a forked process does not keep of the one it comes from."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from runtime.forked import keep_from_children


def in_child(holds: Callable[[], bool]) -> bool:
    """What a function says in a process forked from this one."""
    if not (child := os.fork()):
        os._exit(not holds())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_child_has_neither_file_nor_port(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("wb") as file, (tmp_path / "other").open("wb") as other, socket.socket() as port:
        keep_from_children(file)
        keep_from_children(port)
        assert in_child(lambda: file.closed and port.fileno() == -1)
        assert not in_child(lambda: other.closed)
        assert not file.closed
        assert port.fileno() != -1


def test_the_end_of_a_child_is_not_told_to_its_parent() -> None:
    """As a `multiprocessing.Pool` ends its workers, in the step of a model."""
    heard: list[signal.Signals] = []
    loop = asyncio.new_event_loop()
    loop.add_signal_handler(signal.SIGTERM, heard.append, signal.SIGTERM)
    try:
        if not (child := os.fork()):
            time.sleep(60)
            os._exit(0)
        os.kill(child, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
        loop.run_until_complete(asyncio.sleep(0))
        assert not heard
        signal.raise_signal(signal.SIGTERM)
        loop.run_until_complete(asyncio.sleep(0))
        assert heard
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        loop.close()


def test_ctrl_c_is_left_to_the_parent() -> None:
    def outlives() -> bool:
        signal.raise_signal(signal.SIGINT)
        program = [sys.executable, "-c", "import signal; print(signal.getsignal(signal.SIGINT).__name__)"]
        return subprocess.check_output(program) == b"default_int_handler\n"

    assert in_child(outlives)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
