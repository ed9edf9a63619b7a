"""Python programs of the tests, forked from a process that has loaded the libraries: their import is half of a start.

They are processes as any others, with an id, files, settings and an end of their own. None of the project's modules is
loaded before, nor anything that looks at settings: each process imports the project by itself, in its own order, as
one that was started does. `spawn` starts what it cannot fork: other programs, and what Python or the C library takes
from the environment as it starts.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

#: How long anything may take that is expected to happen; only a failing test waits for so long.
PATIENCE_SECONDS = 180.0

#: What a web process loads that is not ours, by what brings in the rest. Nothing here starts a thread, makes an event
#: loop or installs a reactor.
_LIBRARIES = (
    *("asyncio", "concurrent.futures", "http.client", "multiprocessing.connection", "sqlite3", "tomllib"),
    *("numpy", "numpy.random", "orjson", "psutil", "yaml", "zstandard", "prometheus_client", "cryptography.x509"),
    *("django.core.management", "django.db.models", "django.db.backends.sqlite3.base", "django.urls"),
    *("django.db.migrations.executor", "django.contrib.admin", "django.views.generic", "django.core.asgi"),
    *("django.template.defaulttags", "django.template.loader_tags", "django.core.serializers.json"),
    *("django.contrib.staticfiles.storage", "django.contrib.messages.storage.fallback", "whitenoise.middleware"),
    *("channels.auth", "channels.db", "channels.generic.websocket", "channels.layers", "channels_redis.core"),
    *("autobahn.twisted.websocket", "twisted.internet.asyncioreactor", "twisted.internet.endpoints"),
    *("twisted.logger", "twisted.protocols.policies", "twisted.web.http", "corsheaders.middleware"),
    *("celery.app.base", "celery.app.task", "celery.canvas", "celery.result", "kombu.common", "amqp"),
    *("dj_database_url", "redis.asyncio", "websockets.sync.client"),
)
#: Names in the environment that matter before the first line of Python, or to a library as it is loaded.
_AT_THE_START = ("PYTHON", "LD_", "LC_", "LANG", "TZ", "MALLOC_", "GLIBC_", "OMP_", "OPENBLAS_")
#: Those that a forked process is given all the same.
_TAKEN = {"PYTHONFAULTHANDLER", "PYTHONUNBUFFERED"}
#: Our environment, as a child has it that nothing else is said of.
_CLEAN = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")} | {
    "PYTHONFAULTHANDLER": "1"
}


class Forked:
    """A forked process, with what `subprocess.Popen` has of one that was started."""

    def __init__(self, pid: int, status: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        #: Where the number of its end will come.
        self._status, self._lock = status, threading.Lock()

    def poll(self) -> int | None:
        """Its exit status, or minus the signal that ended it; None while it runs."""
        return self._ended_within(0)

    def wait(self, timeout: float | None = None) -> int:
        """The same, once it has ended. Raises `subprocess.TimeoutExpired`."""
        if (found := self._ended_within(timeout)) is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return found

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended_within(self, seconds: float | None) -> int | None:
        if self.returncode is None and _readable(self._status, seconds):
            with self._lock:
                if self.returncode is None:
                    self.returncode = int(os.read(self._status, 16))
                    os.close(self._status)
        return self.returncode


def _readable(file: int, seconds: float | None) -> bool:
    poll = select.poll()  # a test may have more files than `select` takes
    poll.register(file, select.POLLIN)
    return bool(poll.poll(None if seconds is None else 1000 * seconds))


Running = Forked | subprocess.Popen[bytes]


def spawn(
    arguments: list[str],
    environment: dict[str, str],
    *,
    stdin: Any = subprocess.DEVNULL,
    output: Any,
    errors: Any = None,
    cwd: Path = ROOT,
    apart: bool = False,
    descriptors: int | None = None,
    **options: Any,
) -> Running:
    """Start a program that writes to these files (`errors`: as `output`), with a session of its own if it is to be
    apart, and with so many descriptors at most. `options` are those of `subprocess.Popen`."""
    errors = output if errors is None else errors
    limits = {"apart": apart, "descriptors": descriptors}
    program = [argument for argument in arguments[1:] if argument != "-u"]
    if arguments[0] == sys.executable and program[0].endswith(".py") and not options and _begins_like_us(environment):
        order = {"arguments": program, "environment": environment, "cwd": str(cwd), **limits}
        with open(os.devnull, "rb") as nothing:
            return _loaded().fork(order, [nothing if stdin == subprocess.DEVNULL else stdin, output, errors])
    return subprocess.Popen(
        arguments,
        env=environment,
        cwd=cwd,
        stdin=stdin,
        stdout=output,
        stderr=errors,
        preexec_fn=(lambda: _limit(**limits)) if any(limits.values()) else None,
        **options,
    )


def ran(
    arguments: list[str], environment: dict[str, str], *, seconds: float | None = PATIENCE_SECONDS, **options: Any
) -> subprocess.CompletedProcess[str]:
    """What came of a program within some time, or ever, and what it said; `options` as `spawn` has them."""
    with TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
        process = spawn(arguments, environment, output=output, errors=errors, **options)
        try:
            status = process.wait(seconds)
        finally:
            process.kill()
        output.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(arguments, status, output.read(), errors.read())


def _begins_like_us(environment: dict[str, str]) -> bool:
    names = {name for name in (*environment, *_CLEAN) if name.startswith(_AT_THE_START)} - _TAKEN
    return all(environment.get(name) == _CLEAN.get(name) for name in names)


class _Loaded:
    """The process that has loaded the libraries, seen from the tests."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-u", "-m", __name__, str(theirs.fileno())],
                env=_CLEAN,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self._socket, self._lock = ours, threading.Lock()

    def fork(self, order: dict[str, Any], files: list[Any]) -> Forked:
        status, theirs = os.pipe()
        numbers = [file if isinstance(file, int) else file.fileno() for file in files]
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(order).encode()], [*numbers, theirs])
            os.close(theirs)
            pid = int(self._socket.recv(16))
        return Forked(pid, status)


@cache
def _loaded() -> _Loaded:
    return _Loaded()


# -- in the process that has loaded the libraries


def _limit(apart: bool, descriptors: int | None) -> None:
    if apart:
        os.setsid()
    if descriptors is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))


def _next_program(orders: socket.socket) -> list[str]:
    """Fork at each order, until the tests are gone; returns in each forked process, with its arguments."""
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the tests tell their processes when to end
    running: dict[int, int] = {}
    while True:
        readable, _, _ = select.select([orders, woken], [], [])
        if woken in readable:
            os.read(woken, 4096)
            _report_ended(running)
        if orders in readable:
            text, files, _, _ = socket.recv_fds(orders, 1 << 20, 4)
            if not text:
                sys.exit()
            if (pid := os.fork()) == 0:
                orders.detach()
                return _become(files, **json.loads(text))
            running[pid] = files.pop()
            for file in files:
                os.close(file)
            orders.send(str(pid).encode())


def _report_ended(running: dict[int, int]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        pipe = running.pop(pid)
        with suppress(BrokenPipeError):  # the tests are gone
            os.write(pipe, str(os.waitstatus_to_exitcode(status)).encode())
        os.close(pipe)


def _become(files: list[int], arguments: list[str], environment: dict[str, str], cwd: str, **limits: Any) -> list[str]:
    """What a start does to a process, up to the first line of its program."""
    signal.set_wakeup_fd(-1)
    for number, handler in ((signal.SIGCHLD, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
        signal.signal(number, handler)
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    _limit(**limits)
    sys.path[0] = str(Path(arguments[0]).resolve().parent)
    return arguments


def main() -> None:
    for library in _LIBRARIES:
        importlib.import_module(library)
    assert "twisted.internet.reactor" not in sys.modules
    # Each process would look at all of it as it collects garbage, twice at its end: five sixths of what that costs.
    gc.collect()
    gc.freeze()
    sys.argv = _next_program(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
