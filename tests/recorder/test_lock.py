"""The lock of a store: one writer on a host, free again at once whatever ended the last one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from recorder.errors import StoreError
from recorder.store.lock import MarketHeld, StoreLock, is_held
from recorder.store.store_paths import locked
from tests.processes import ROOT

HOLD = """
import sys
from pathlib import Path
from recorder.store.lock import StoreLock
lock = StoreLock(Path(sys.argv[1]), "IG-USD", "the other one")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_second_writer_is_told_who_the_first_is(tmp_path, other):
    for _ in range(2):
        with pytest.raises(MarketHeld, match=r"^the market IG-USD is held by the other one$"):
            StoreLock(tmp_path, "IG-USD", "me")
    assert is_held(tmp_path)


def test_a_killed_holder_holds_nothing(tmp_path, other):
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert not is_held(tmp_path)
    StoreLock(tmp_path, "IG-USD", "me").release()


def test_a_killed_holder_holds_nothing_by_a_process_that_it_forked(tmp_path):
    """Workers of a plug-in's pool do not see that their market was killed."""
    told = 'print("held", flush=True)'
    forks = HOLD.replace(told, f"import os, time\nif not os.fork():\n    {told}\n    time.sleep(600)")
    holder = subprocess.Popen(
        [sys.executable, "-c", forks, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        holder.kill()
        holder.wait()
        assert not is_held(tmp_path)
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.communicate()


def test_a_released_lock_is_free(tmp_path):
    lock = StoreLock(tmp_path, "IG-USD", "me")
    assert is_held(tmp_path)
    lock.release()
    assert not is_held(tmp_path)
    with locked(tmp_path, "IG-USD"):
        with pytest.raises(MarketHeld, match=f"process {os.getpid()} on "):
            StoreLock(tmp_path, "IG-USD", "another")
    assert not is_held(tmp_path)


def test_a_shorter_name_leaves_nothing_of_a_longer_one(tmp_path):
    StoreLock(tmp_path, "IG-USD", "a very long name").release()
    lock = StoreLock(tmp_path, "IG-USD", "me")
    assert (tmp_path / "writer.lock").read_text() == "me"
    lock.release()


def test_a_holder_that_left_no_name_is_another_process(tmp_path):
    lock = StoreLock(tmp_path, "IG-USD", "")
    with pytest.raises(MarketHeld, match="held by another process"):
        StoreLock(tmp_path, "IG-USD", "me")
    lock.release()


def test_a_lock_whose_file_is_gone_or_replaced_does_not_stand(tmp_path):
    lock = StoreLock(tmp_path, "IG-USD", "me")
    assert lock.stands
    (tmp_path / "writer.lock").unlink()
    assert not lock.stands
    second = StoreLock(tmp_path, "IG-USD", "another")
    assert second.stands
    assert not lock.stands
    lock.release()
    second.release()


def test_a_store_that_is_not_there_cannot_be_locked_and_is_not_held(tmp_path):
    with pytest.raises(StoreError, match="No such file or directory"):
        StoreLock(tmp_path / "none", "IG-USD", "me")
    assert not is_held(tmp_path / "none")


ASK = """
import sys
from pathlib import Path
from recorder.store.lock import is_held
directory = Path(sys.argv[1])
print("asking", flush=True)
while True:
    is_held(directory)
"""


def test_asking_whether_a_store_is_held_keeps_no_writer_out(tmp_path):
    StoreLock(tmp_path, "IG-USD", "the first").release()
    asking = [
        subprocess.Popen([sys.executable, "-c", ASK, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)
    ]
    try:
        for process in asking:
            assert process.stdout.readline() == b"asking\n"
        for writer in range(100):
            StoreLock(tmp_path, "IG-USD", f"writer {writer}").release()
    finally:
        for process in asking:
            process.kill()
            process.communicate()


def test_of_writers_that_begin_at_once_exactly_one_gets_the_store(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        for _ in range(50):
            taken = list(pool.map(lambda _: _taken(tmp_path), range(4)))
            locks = [lock for lock in taken if lock is not None]
            assert len(locks) == 1
            locks[0].release()


def _taken(directory):
    try:
        return StoreLock(directory, "IG-USD", "me")
    except MarketHeld:
        return None
