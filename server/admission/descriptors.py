"""Descriptors and memory: how much of them this process may use, and how many connections they allow."""

from __future__ import annotations

import logging
import resource
import sys
from dataclasses import dataclass, replace

from igsite.config import Config
from server.admission.admission import Capacity
from server.memory import for_clients

log = logging.getLogger(__name__)

#: The process reserves these for its segments, locks, database and Redis. `live` at rest has some 40 open, a backtest
#: takes 3, a clean-up or a check of the recording some more.
_OWN = 128

#: A quarter of the rest is for reading the past: a file for each request in progress, and three for a client that
#: resumes. Few of these read at the same time, because two threads read for all.
_CONNECTIONS_PART = 3 / 4

#: Connections over the limit that are accepted in order to be refused with a reason.
_SPARE = 32

#: The most memory that a client makes this process hold. A socket: the data that waits for one that resumes and reads
#: nothing (320 KB measured), and a message of 128 KiB that does not end, after 128 KiB not parsed or received.
#: A request: a piece of its answer and the buffers it is read with (1.1 MB measured, of frames).
_SOCKET_BYTES, _REQUEST_BYTES = 640 << 10, 1280 << 10

#: At least this many connections are accepted, however few descriptors there are.
_FEWEST = 16

#: The limit if the system sets none.
_MANY = 1 << 20

#: What is asked for where the hard limit is not granted: macOS reports none and grants a number, 10,240 in any case.
_GRANTED = (65_536, 10_240)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The limits in the settings: stream and bar-feed sockets, the same per address, subscribe sockets, further
    connections for requests, and the memory that all of them may take."""

    sockets: int
    sockets_of_an_address: int
    api_sockets: int
    requests: int
    requests_of_an_address: int
    memory_bytes: int = sys.maxsize

    @property
    def all_sockets(self) -> int:
        return self.sockets + self.api_sockets

    def within_memory(self) -> Wanted:
        """The same limits, or lowered in proportion to the memory."""
        part = self.memory_bytes / (self.all_sockets * _SOCKET_BYTES + self.requests * _REQUEST_BYTES)
        if part >= 1:
            return self
        return replace(self, **{name: max(int(getattr(self, name) * part), 1) for name in _SCALED})


#: The limits that are lowered if memory is short.
_SCALED = ("sockets", "sockets_of_an_address", "api_sockets", "requests", "requests_of_an_address")


def wanted(config: Config) -> Wanted:
    return Wanted(
        config.max_connections,
        config.max_connections_per_address,
        config.api_connections,
        config.max_requests,
        config.max_requests_per_address,
        for_clients(config.client_memory_mb),
    )


def raise_limit() -> int:
    """Raise the soft limit on descriptors to the hard one, or as far as the system grants it; returns the new limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (hard, *(one for one in _GRANTED if _number(soft) < one < _number(hard))):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            break
        except (OSError, ValueError) as error:
            log.info("a soft limit of %d file descriptors is not granted: %s", _number(limit), error)
    return _number(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _number(limit: int) -> int:
    return _MANY if limit == resource.RLIM_INFINITY else limit


def capacity(limit: int, wanted: Wanted | None = None) -> Capacity:
    """The connections that `limit` descriptors and the memory allow: those in `wanted`, or fewer in proportion. None
    wants all that the descriptors allow."""
    room = max(int((limit - _OWN) * _CONNECTIONS_PART) - _SPARE, _FEWEST)
    files = max(int((limit - _OWN) * (1 - _CONNECTIONS_PART)), _FEWEST)
    if wanted is None:
        return Capacity(room, room, room, _SPARE, files, files)
    wanted = wanted.within_memory()
    requests, of_an_address = min(wanted.requests, files), wanted.requests_of_an_address
    sockets = wanted.all_sockets
    total = sockets + wanted.requests
    per_address = wanted.sockets_of_an_address + wanted.api_sockets + of_an_address
    if total <= room:
        return Capacity(total, per_address, sockets, _SPARE, requests, of_an_address)
    per_address, sockets = max(per_address * room // total, 1), max(sockets * room // total, 1)
    return Capacity(room, per_address, sockets, _SPARE, requests, of_an_address)


@dataclass(frozen=True, slots=True)
class Grant:
    """The descriptors of this process, and the connections they allow."""

    limit: int
    wanted: Wanted | None
    capacity: Capacity

    @property
    def most_in_use(self) -> int:
        """With this many open descriptors no connection is accepted: the rest is reserved for the process."""
        return max(self.limit - _OWN, self.limit // 2)

    def report(self) -> None:
        found = self.capacity
        said = f"{self.limit} file descriptors: {found.total} connections, {found.per_address} from one address"
        said += f", {found.requests} requests at a time"
        if self.wanted is None or found.sockets >= self.wanted.all_sockets:
            log.info(said)
            return
        lacking = "raise the limit (ulimit -n, LimitNOFILE=)"
        if self.wanted.within_memory() != self.wanted:
            lacking = f"{self.wanted.memory_bytes >> 20} MiB of memory are for clients (IG_CLIENT_MEMORY_MB)"
        allowed = self.wanted.all_sockets
        log.warning("%s, %d WebSockets, where the settings allow %d: %s", said, found.sockets, allowed, lacking)


def granted(wanted: Wanted | None = None) -> Grant:
    """Raise the limit on descriptors as far as it goes."""
    limit = raise_limit()
    return Grant(limit, wanted, capacity(limit, wanted))
