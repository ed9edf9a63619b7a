"""Accepts connections: each gets a place or is closed; accepting pauses while there are no descriptors.

Twisted's own loop does not do this. Out of descriptors (EMFILE) it closes every connection in the backlog. At ENFILE,
ENOBUFS and ENOMEM it is called again at once without end, and writes a log line each time.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from typing import Any

from twisted.internet import tcp, unix

from runtime.addresses import LOCAL, Networks, address_bucket, is_in, parse_address
from runtime.forked import keep_from_children
from server.admission.admission import Admission, Place
from server.protocols.flow import MeteredTCP, MeteredUnix

log = logging.getLogger(__name__)

#: The number accepted at a time, before the loop continues. Connections closed to make room are closed only after
#: that, so this many descriptors may be in use beyond the capacity.
_IN_ONE_GO = 32

#: How often to check whether there are descriptors again.
_PAUSE_SECONDS = 0.25

#: An outage ends once nothing has failed for this long; otherwise it could begin and end many times a second.
_OVER_SECONDS = 10.0

#: Errors of accept that concern a connection lost before it was accepted, and not the port.
_LOST = {errno.ECONNABORTED, errno.EPERM, errno.EPROTO, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH}


class Outage:
    """A time in which no connection is accepted: one log line at its begin, one at its end."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._begun: float | None = None
        self._last = 0.0

    def go_on(self, error: OSError) -> None:
        """Accepting has failed now."""
        self._last = self._loop.time()
        if self._begun is None:
            self._begun = self._last
            log.warning("connections wait to be accepted: %s", error.strerror)
            self._loop.call_later(_OVER_SECONDS, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        if now - self._last < _OVER_SECONDS:
            self._loop.call_at(self._last + _OVER_SECONDS, self._look)
        elif self._begun is not None:
            log.info("connections are accepted as ever, after %.1f s with pauses", self._last - self._begun)
            self._begun = None


class Acceptor:
    """Accepts a port's connections in place of Twisted.

    While `most_in_use` descriptors are in use, nothing is accepted: new connections wait in the kernel's backlog. Peers
    in `trusted` are proxies, and so is every peer on a Unix socket.
    """

    def __init__(
        self, port: tcp.Port, admission: Admission, most_in_use: int, trusted: Networks, outage: Outage
    ) -> None:
        self._port: Any = port
        self._admission, self._most_in_use = admission, most_in_use
        self._trusted, self._outage = trusted, outage
        self._is_unix = isinstance(port, unix.Port)
        keep_from_children(self._port.socket)
        port.doRead = self.accept  # type: ignore[method-assign]  # what the reactor calls when somebody waits

    def accept(self) -> None:
        """Accept waiting connections, as far as descriptors allow."""
        places: list[Place] = []
        try:
            self._check_descriptors()
            for _ in range(_IN_ONE_GO):
                if self._admission.must_listen:
                    break
                places += self._take(*self._port.socket.accept())
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno not in _LOST:
                self._pause(error)
        finally:
            self._look_at(places, turns=2)

    def _look_at(self, places: list[Place], turns: int) -> None:
        """Find out which new places wait, after the loop has noticed and read the first data of their clients."""
        if places and turns:
            asyncio.get_running_loop().call_soon(self._look_at, places, turns - 1)
            return
        for place in places:
            place.look()

    def _check_descriptors(self) -> None:
        """Raises OSError (EMFILE) where too many are in use: a new one has the lowest number that is free."""
        number = os.dup(self._port.socket.fileno())
        os.close(number)
        if number >= self._most_in_use:
            raise OSError(errno.EMFILE, f"{number} file descriptors are in use")

    def _pause(self, error: OSError) -> None:
        self._outage.go_on(error)
        self._port.stopReading()
        asyncio.get_running_loop().call_later(_PAUSE_SECONDS, self._resume)

    def _resume(self) -> None:
        if self._port.connected and not self._port.disconnecting:
            self._port.startReading()

    def _take(self, connection: socket.socket, address: Any) -> list[Place]:
        """Accept a connection, or close it; returns its place, if it gets one."""
        peer = LOCAL if self._is_unix else parse_address(address[0]) or LOCAL
        is_proxy = self._is_unix or is_in(peer, self._trusted)
        place = self._admission.enter(address_bucket(peer), is_proxy=is_proxy)
        if place is None:
            connection.close()
            return []
        try:
            self._begin(connection, address if self._is_unix else (str(peer), *address[1:]), place)
        except Exception:  # else the reactor would close the port
            log.exception("a connection failed at its beginning")
            place.leave()
            connection.close()
        return [place]

    def _begin(self, connection: socket.socket, address: Any, place: Place) -> None:
        """Give a connection its transport and its protocol, as `tcp.Port.doRead` does."""
        port = self._port
        protocol = port.factory.buildProtocol(port._buildAddr(address))
        port.sessionno += 1
        make = MeteredUnix if self._is_unix else MeteredTCP
        transport = make(connection, protocol, address, port, port.sessionno, port.reactor)
        transport.take(place)
        protocol.makeConnection(transport)
