"""The memory of the process: how much of it clients may take, and how freed memory returns to the system."""

from __future__ import annotations

import asyncio
import ctypes
import resource
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import psutil

_CONTROL_GROUPS = Path("/sys/fs/cgroup")

#: Parameters of glibc's `mallopt`, by their numbers in malloc.h, and their values.
_SETTINGS = {
    -8: 2,  # M_ARENA_MAX
    -3: 32 << 10,  # M_MMAP_THRESHOLD
    -1: 256 << 10,  # M_TRIM_THRESHOLD
}


def give_back_what_is_freed() -> None:
    """Make glibc return the memory of many clients when they have left.

    To be called before threads start: glibc decides once how many heaps there may be, when it has nine.

    glibc gives each thread its own heap, up to eight per core. A heap grows to the most its thread ever needed at once
    and keeps most of that. The more large blocks were freed, the larger the blocks it keeps. A web process with two
    hundred clients grew by 1 MiB a minute in this way, without any additional object. Two heaps are enough for threads
    that hold Python's lock while they allocate.

    Batches of 20 to 90 KiB for clients that catch up live for milliseconds, among messages that are kept for minutes.
    In a heap they leave holes that the next message makes too small: of a heap a quarter lay free. Pages of their own
    leave none, and a tenth of the heap is free; twenty clients that catch up at once have 15 % fewer ticks a second.
    Other C libraries have no `mallopt` and do not need this.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in _SETTINGS.items():
            mallopt(parameter, value)


async def give_back_pages(on_thread: Callable[..., Awaitable[object]], seconds: float = 15.0) -> None:
    """Return free pages between used ones to the system, every `seconds`, for ever, on a thread beside the loop.

    Messages of all sizes are kept for minutes beside others that live for milliseconds. glibc itself returns only free
    memory at the end of a heap, so a heap grew by 12 MiB in ten minutes and kept 17 MiB of free memory. A call takes
    6 ms if there is much to return and 0.2 ms if there is nothing.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    while trim is not None:
        await asyncio.sleep(seconds)
        await on_thread(trim, 0)


def for_clients(megabytes: int) -> int:
    """The bytes that clients may take: those in the setting, or half of what this process can still get.

    The other half is for the ring, the data that clients share, and the kernel's buffers.
    """
    return megabytes << 20 if megabytes else max(_left_bytes(), 0) // 2


def _left_bytes() -> int:
    own = psutil.Process().memory_info()
    groups = Path("/proc/self/cgroup")
    limits = group_limits(groups.read_text(), _CONTROL_GROUPS) if groups.exists() else ()
    left = min(psutil.virtual_memory().total, *limits) - own.rss
    addresses, _ = resource.getrlimit(resource.RLIMIT_AS)
    return int(left if addresses == resource.RLIM_INFINITY else min(left, addresses - own.vms))


def group_limits(groups: str, root: Path) -> Iterator[int]:
    """The memory limits, in bytes, of the control groups in `groups` (`/proc/self/cgroup`, of either version) and of
    their parents. In a container the paths may be those of the host; then the root has the limit."""
    for line in groups.splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _limits_up_to(root, path, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _limits_up_to(root / "memory", path, "memory.limit_in_bytes")


def _limits_up_to(root: Path, path: str, name: str) -> Iterator[int]:
    group = root / path.lstrip("/")
    for directory in (group, *group.parents):
        file = directory / name
        if file.is_file() and (said := file.read_text().strip()) != "max":
            yield int(said)
        if directory == root:
            return
