"""A process of many threads keeps few heaps, and knows how much memory there is for its clients."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from server.memory import for_clients, group_limits
from tests.processes import PATIENCE_SECONDS, ROOT, Live

#: Sixteen threads at once take memory; then glibc says of which heaps.
PROGRAM = """
import ctypes, sys, threading
from server.memory import give_back_what_is_freed
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
if sys.argv[1] == "set":
    give_back_what_is_freed()
meet = threading.Barrier(16)
def take():
    meet.wait()
    for _ in range(1000):
        libc.malloc(5000)
threads = [threading.Thread(target=take) for _ in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc.malloc_stats()
"""


def heaps(how: str) -> int:
    command = [sys.executable, "-c", PROGRAM, how]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert ran.returncode == 0, ran.stderr
    return sum(line.startswith("Arena ") for line in ran.stderr.splitlines())


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_stats"), reason="this C library is not glibc")
def test_threads_share_two_heaps() -> None:
    assert heaps("unset") > 2, "else there is nothing to be set any more"
    assert heaps("set") == 2


#: Batches for clients that catch up, and of how many more blocks glibc says that they have pages of their own.
BATCHES = """
import ctypes
from server.memory import give_back_what_is_freed
libc = ctypes.CDLL(None)
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in ("heap", "free", "fast", "mapped", *"abcdef")]
libc.mallinfo2.restype = Info
give_back_what_is_freed()
before = libc.mallinfo2().mapped
batches = [bytes(40_000) for _ in range(20)]
print(libc.mallinfo2().mapped - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="this C library is no glibc of today")
def test_batches_leave_no_holes_in_a_heap() -> None:
    ran = subprocess.run([sys.executable, "-c", BATCHES], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(ran.stdout) > 10  # the others found room that was free


#: glibc keeps so much address space for each heap but the first, readable as far as it is used.
_HEAP_BYTES = 64 << 20


def more_heaps(pid: int) -> int:
    """How many heaps a process has beside its first."""
    found, begun, used_to = 0, 0, 0
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        place, rights, _, _, _, *name = line.split()
        start, end = (int(one, 16) for one in place.split("-"))
        if rights == "rw-p" and not name:
            begun, used_to = start, end
        elif rights == "---p" and start == used_to and begun % _HEAP_BYTES == 0:
            found += end - begun == _HEAP_BYTES
    return found


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_stats"), reason="this C library is not glibc")
def test_a_server_has_two_heaps_for_all_its_threads(start_live: Callable[..., Live]) -> None:
    live = start_live(IG_SPEED=10)
    live.wait_for_ticks(20)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(live.json, ["/overview", "/incremental?limit=9"] * 8))
    assert len(psutil.Process(live.process.pid).threads()) > 16
    assert more_heaps(live.process.pid) <= 1


def test_tables_are_made_in_the_heaps_of_the_rest(start_live: Callable[..., Live]) -> None:
    live = start_live(IG_SPEED=10)
    live.wait_for_ticks(20)
    assert live.ask("/export?kind=ticks&format=arrow").status == 200
    maps = Path(f"/proc/{live.process.pid}/maps").read_text().splitlines()
    assert any("libarrow" in line for line in maps)
    sizes = [int(end, 16) - int(start, 16) for start, end in (line.split()[0].split("-") for line in maps)]
    assert max(sizes) < 256 << 20, "an allocator of its own begins with a region of 1 GiB"


#: Blocks that live long lie between others that go; then pages are given back.
HOLES = """
import asyncio, psutil
from server.memory import give_back_pages, give_back_what_is_freed
give_back_what_is_freed()
own = psutil.Process()
blocks = [bytes(20_000) for _ in range(5_000)]
blocks = [block for place, block in enumerate(blocks) if place % 20 == 0]
before = own.memory_info().rss
async def until_less():
    while own.memory_info().rss > before - (40 << 20):
        await asyncio.sleep(0.01)
async def run():
    done = asyncio.create_task(until_less())
    giving = asyncio.create_task(give_back_pages(asyncio.to_thread, 0.01))
    await asyncio.wait({done, giving}, return_when=asyncio.FIRST_COMPLETED)
    assert done.done(), giving
asyncio.run(run())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library is not glibc")
def test_pages_that_lie_free_between_used_ones_are_given_back() -> None:
    subprocess.run([sys.executable, "-c", HOLES], cwd=ROOT, check=True, timeout=PATIENCE_SECONDS)


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_limits_are_those_of_the_group_and_of_all_around_it(tmp_path: Path) -> None:
    write(tmp_path / "memory.max", "max\n")
    write(tmp_path / "system.slice" / "memory.max", "3000\n")
    write(tmp_path / "system.slice" / "web" / "memory.max", "2000\n")
    assert list(group_limits("0::/system.slice/web\n", tmp_path)) == [2000, 3000]


def test_in_a_container_whose_path_is_the_hosts_the_root_tells(tmp_path: Path) -> None:
    write(tmp_path / "memory" / "memory.limit_in_bytes", "4096\n")
    groups = "3:cpuset:/docker/ab\n2:memory:/docker/ab\n0::/\n"
    assert list(group_limits(groups, tmp_path)) == [4096]
    assert list(group_limits("2:name=systemd:/\n", tmp_path)) == []


def test_clients_may_take_what_is_set_or_half_of_what_the_process_can_get() -> None:
    assert for_clients(7) == 7 << 20
    program = (
        "import resource, psutil\n"
        "from server.memory import for_clients\n"
        "limit = psutil.Process().memory_info().vms + (64 << 20)\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "print(for_clients(0))"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert 0 < int(ran.stdout) <= 32 << 20
