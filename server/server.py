"""The web server: daphne with flow control down to the socket, start-up tasks, and a stop within seconds.

Daphne buffers everything that an application sends, without limit. In this server `await send(...)` waits while the
client's buffer is full. A client that reads nothing for `stall_seconds` is cut off (`server.protocols.flow`).
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import daphne.server  # isort: skip  (installs the asyncio reactor, so it must come before the rest of Twisted)
import twisted.internet.reactor
from twisted.internet import defer
from twisted.internet.endpoints import serverFromString

from monitoring import connections
from runtime import garbage
from runtime.addresses import Networks
from runtime.http_errors import tell_of_cut
from runtime.measured import ended_streams
from runtime.supervision import supervisor
from runtime.threads import OWN_THREADS, running
from server import request_ids
from server.accepting import Acceptor, Outage
from server.admission.admission import Admission
from server.admission.deadlines import Deadline, Deadlines
from server.admission.descriptors import Wanted, granted
from server.daphne_clock import use_monotonic_time
from server.draining import Draining, end_parts, ended
from server.factories import RequestFactory, SocketFactory
from server.last_resort import leave_after
from server.listen_addresses import address_text, endpoints, name_of
from server.memory import give_back_what_is_freed
from server.protocols.flow import StallWatch, innermost, waiting
from server.protocols.http_channel import BODY_SECONDS, HEAD_SECONDS, IDLE_SECONDS, HttpChannel
from server.protocols.http_request import HttpRequest
from server.protocols.websocket import WebSocket
from server.twisted_log import tell_errors

__all__ = ["STOP_SECONDS", "Server", "endpoints"]

log = logging.getLogger(__name__)
reactor: Any = twisted.internet.reactor
use_monotonic_time()
give_back_what_is_freed()  # here, since the application starts threads before a server runs

#: The longest time from a signal, or an error, to the end of the process; the parts below leave room for overruns.
STOP_SECONDS = 5.0
_ON_STOP_SECONDS = 3.0
_CLOSE_SECONDS = 1.0
_CANCEL_SECONDS = 0.5

#: Connections that may wait to be accepted. With Twisted's 50, most of a thousand simultaneous ones must try again.
_BACKLOG = 1024

#: Other threads compute (a market, the recording for clients that resume) while the loop answers. With Python's default
#: of 5 ms every step of an answer would wait that long for the interpreter. With 0.5 ms answers come at once, and a
#: market at full speed loses 2 %.
_SWITCH_SECONDS = 0.0005

Task = Callable[[], Awaitable[object]]


class Server(daphne.server.Server):  # type: ignore[misc]
    """Serves an ASGI application on Twisted endpoints; one per process, because a reactor runs only once.

    - `on_start`: async callables, started as tasks on the loop when the server listens; if one raises, `run` ends with
      its error. `beside`: the same by name, but one that raises is restarted and ends nothing. `on_stop`: async
      callables by name, awaited one after the other before the clients are closed; one that takes too long is told of,
      and left to end by itself.
    - `stall_seconds`: a client that reads nothing for this long is cut off, and the `send` that waits for it ends. A
      WebSocket is sent 4408 first, and has at most 5 s to read it.
    - `head_seconds`, `body_seconds`, `idle_seconds`: the headers of a request must arrive in the first, its body
      steadily (measured in periods of the second), the next request in the third. Otherwise the connection ends, after
      an answer (408) if a request had begun.
    - `wanted`: the number of connections; the server admits these, or as many as file descriptors allow.
    - `forwarded_header`: the header in which `trusted_proxies`, and no others, name their clients.
    - `permessage_deflate`: whether sockets may have compressed messages.
    - `max_message_bytes`: of a WebSocket message (more closes with 1009); `frames_a_second`: of a WebSocket client
      (more closes with 1008); `max_body_bytes`: of a request's body (more is answered 413).
    - `drain_seconds`: from the signal to the end of accepting; a second signal ends it.
    """

    def __init__(
        self,
        application: Callable[..., Awaitable[None]],
        endpoints: Sequence[str],
        *,
        on_start: Iterable[Task] = (),
        beside: Mapping[str, Task] | None = None,
        on_stop: Mapping[str, Task] | None = None,
        stall_seconds: float = 30.0,
        head_seconds: float = HEAD_SECONDS,
        body_seconds: float = BODY_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
        wanted: Wanted | None = None,
        permessage_deflate: bool = False,
        trusted_proxies: Networks = (),
        forwarded_header: str | None = None,
        max_message_bytes: int = 1 << 17,
        frames_a_second: int = 1000,
        max_body_bytes: int = 1 << 20,
        drain_seconds: float = 0.0,
        websocket_timeout: int = -1,
        application_close_timeout: int = 5,
        **options: Any,
    ) -> None:
        super().__init__(
            application,
            endpoints,
            websocket_timeout=websocket_timeout,
            websocket_max_message_size=max_message_bytes,
            websocket_max_frame_size=max_message_bytes,
            application_close_timeout=application_close_timeout,
            **options,
        )
        self.on_start, self.on_stop, self.beside = list(on_start), dict(on_stop or {}), dict(beside or {})
        self.max_body_bytes, self.forwarded_header = max_body_bytes, forwarded_header
        self.permessage_deflate, self.trusted_proxies = permessage_deflate, trusted_proxies
        self.frames_a_second, self._draining = frames_a_second, Draining(drain_seconds)
        self.loop: asyncio.AbstractEventLoop = reactor._asyncioEventloop
        self.connections: dict[Any, dict[str, Any]] = {}
        self.ports: list[Any] = []
        seconds = (head_seconds, body_seconds, idle_seconds, stall_seconds)
        self.deadlines: Deadlines[HttpChannel] = Deadlines(dict(zip(Deadline, seconds, strict=True)))
        self._wanted, self._watch = wanted, StallWatch(stall_seconds)
        self._stopping: asyncio.Task[None] | None = None
        self._error: BaseException | None = None
        #: The headers in which daphne finds a client behind a proxy: its address, its port, its scheme; or none.
        names = tuple(getattr(self, f"proxy_forwarded_{one}_header") for one in ("address", "port", "proto"))
        self.forwarded_headers = names if all(names) else ()
        #: The prefixes of headers that are decoded on the way to the application.
        self.decoded_headers = (b"sec-websocket-", *(name.lower().encode() for name in self.forwarded_headers))

    # -- the life of the server

    def run(self) -> None:
        """Serve until a signal, `stop` or an error; for the main thread.

        Raises SystemExit if it cannot listen (one line on stderr, status 1), and the error of a task of `on_start`.
        """
        asyncio.set_event_loop(self.loop)
        sys.setswitchinterval(_SWITCH_SECONDS)
        self.loop.set_default_executor(running(OWN_THREADS, "server"))
        self._grant = granted(self._wanted)
        self.admission, self._outage = Admission(self._grant.capacity), Outage(self.loop)
        connections.report(self.admission)
        self.http_factory, self.ws_factory = RequestFactory(self), SocketFactory(self)
        tell_errors()
        garbage.except_what_is_there()  # before somebody is there to wait for it
        self._listen()
        if self._error is None:
            reactor.callLater(1, self.application_checker)
            reactor.callLater(2, self.timeout_checker)
            reactor.callWhenRunning(self._begin)
            reactor.run(installSignalHandlers=False)
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Begin to stop; within bounds the process ends, whatever it waits for.

        From other threads: `server.loop.call_soon_threadsafe(server.stop)`.
        """
        if self._stopping is None:
            leave_after(STOP_SECONDS + (self._draining.seconds if self._error is None else 0.0))
            self._stopping = self.loop.create_task(self._stop())

    def _listen(self) -> None:
        for description in self.endpoints:
            listening = defer.maybeDeferred(self._listen_on, str(description))
            listening.addCallback(self.listen_success)
            listening.addErrback(self.listen_error, description)

    def _listen_on(self, description: str) -> Any:
        return serverFromString(reactor, description).listen(self.http_factory)  # type: ignore[no-untyped-call]

    def listen_success(self, port: Any) -> None:
        Acceptor(port, self.admission, self._grant.most_in_use, self.trusted_proxies, self._outage)
        port.socket.listen(_BACKLOG)
        self.ports.append(port)
        address = port.getHost()
        if hasattr(address, "port"):
            self.listening_addresses.append((address.host, address.port))
        log.info("listening on %s", address_text(address))

    def listen_error(self, failure: Any, description: str = "") -> None:
        error = getattr(failure.value, "socketError", failure.value)
        reason = getattr(error, "strerror", None) or error
        self._fail(SystemExit(f"Market Camera cannot listen on {description}: {reason}"))

    def _begin(self) -> None:
        if self.signal_handlers:
            for number in (signal.SIGINT, signal.SIGTERM):
                self.loop.add_signal_handler(number, self._on_signal, number)
        self._grant.report()
        for start in self.on_start:
            asyncio.ensure_future(start(), loop=self.loop).add_done_callback(self._start_ended)
        work = [supervisor.keep(*one) for one in self.beside.items()]
        stalls_seconds, deadlines_seconds = self._watch.look_seconds, self.deadlines.between_looks_seconds
        work.append(supervisor.every(stalls_seconds, "search for stalled clients", self._look_for_stalls))
        work.append(supervisor.every(deadlines_seconds, "search for missed deadlines", self._look_at_deadlines))
        self._side_tasks = [self.loop.create_task(one) for one in work]
        if self.ready_callable:
            self.ready_callable()

    def _start_ended(self, task: asyncio.Future[object]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error
        if reactor.running:
            # Now, for the process may be ended before `run` can raise it.
            log.error("stopping, because of %s: %s", type(error).__name__, error)
            self.stop()

    def _on_signal(self, number: signal.Signals) -> None:
        if self._stopping is None:
            log.info("stopping, as told by %s", number.name)
        else:
            self._draining.end()
        self.stop()

    async def _stop(self) -> None:
        try:
            if self._error is None:
                await self._draining.wait()
            for port in self.ports:
                await defer.maybeDeferred(port.stopListening).asFuture(self.loop)
            failure = await end_parts(self.on_stop, _ON_STOP_SECONDS)
            self._error = self._error or failure
            await self._let_clients_go()
        finally:
            reactor.stop()

    async def _let_clients_go(self) -> None:
        for protocol in list(self.connections):
            protocol.go_away()
        await ended({details["application_instance"] for details in self._running()}, _CLOSE_SECONDS)
        others = asyncio.all_tasks(self.loop) - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await ended(others, _CANCEL_SECONDS)

    def _running(self) -> list[dict[str, Any]]:
        return [details for details in self.connections.values() if "application_instance" in details]

    # -- connections

    def create_application(
        self, protocol: WebSocket | HttpRequest, scope: dict[str, Any]
    ) -> asyncio.Queue[dict[str, Any]]:
        scope |= {"asgi": {"version": "3.0"}, "extensions": protocol.extensions}
        task = self.loop.create_task(self._run_application(protocol, scope))
        self.connections[protocol]["application_instance"] = task
        return protocol.inbox

    async def _run_application(self, protocol: WebSocket | HttpRequest, scope: dict[str, Any]) -> None:
        failed = True
        request_ids.begin(protocol, scope)
        try:
            await self.application(scope, protocol.inbox.get, protocol.reply)
            failed = False
        except Exception as error:  # noqa: BLE001 - of the application and all below it; a fault is logged whole
            tell_of_cut(scope["path"], error)
        protocol.application_ended(failed)

    def protocol_disconnected(self, protocol: WebSocket | HttpRequest) -> None:
        if protocol in self.connections:  # a refused socket is removed before its connection ends
            super().protocol_disconnected(protocol)

    async def _look_at_deadlines(self) -> None:
        for channel, due in self.deadlines.missed(self.loop.time()):
            with supervisor.guarded("end of a late connection"):
                channel.time_is_up(due)

    async def _look_for_stalls(self) -> None:
        for transport in self._watch.stalled(waiting(reactor.getWriters(), self.connections), self.loop.time()):
            with supervisor.guarded("end of a stalled connection"):
                self._cut_off(transport)

    def _cut_off(self, transport: Any) -> None:
        protocol = next((one for one in self.connections if innermost(one.transport) is transport), None)
        if protocol is not None and protocol.given_up:
            return
        ended_streams["connection", "stalled"] += 1
        client = name_of(protocol) if protocol is not None else address_text(transport.getPeer())
        seconds, unsent = self._watch.stall_seconds, transport.unsent_bytes
        log.warning("cut off %s: it took nothing for %g s, %d bytes were waiting", client, seconds, unsent)
        if protocol is None or not protocol.give_up(seconds):
            transport.abortConnection()
