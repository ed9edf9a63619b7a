"""The process's memory: how much of it there is for clients, and that what is freed goes back to the system."""

from __future__ import annotations

import asyncio
import ctypes
import resource
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import psutil

_CONTROL_GROUPS = Path("/sys/fs/cgroup")

#: Parameters of glibc's `mallopt`, by their numbers in malloc.h, and what they are set to.
_SETTINGS = {
    -8: 2,  # M_ARENA_MAX
    -3: 128 << 10,  # M_MMAP_THRESHOLD
    -1: 256 << 10,  # M_TRIM_THRESHOLD
}


def give_back_what_is_freed() -> None:
    """Let memory that many clients needed once go when they have gone. To be called before threads start.

    glibc gives each thread a heap of its own, up to eight a core, which grows to what its thread ever needed at once
    and keeps most of that, and the more large blocks it has seen freed, the larger ones it keeps. A web process with
    two hundred clients grew by a mebibyte a minute so, without an object more in it. Two heaps are enough for threads
    that hold Python's lock while they take memory. Other C libraries have no `mallopt` and need none of this.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in _SETTINGS.items():
            mallopt(parameter, value)


async def give_back_pages(on_thread: Callable[..., Awaitable[object]], seconds: float = 15.0) -> None:
    """Give pages back that lie free between used ones, each so many seconds, for ever, on a thread beside the loop.

    Messages of all sizes are kept for minutes beside others that live for milliseconds. glibc returns by itself only
    what is free at a heap's end, so a heap grew by 12 MiB in ten minutes and kept 17 MiB that nothing was in. A call
    takes 6 ms where there is much to give and 0.2 ms where there is nothing.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    while trim is not None:
        await asyncio.sleep(seconds)
        await on_thread(trim, 0)


def for_clients(megabytes: int) -> int:
    """Bytes that clients may take: those that are set, else half of what this process can still get. The other half is
    for the ring, what all share, and the kernel's buffers."""
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
    those around them. In a container the paths may be the host's; then the root tells the limit."""
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
