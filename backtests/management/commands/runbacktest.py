"""`manage.py runbacktest`: runs a queued backtest for the server that started it, and tells progress on its output."""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

from django.core.management.base import CommandParser

from backtests.running import run_backtest
from backtests.running.watch import Watch
from runtime import commands

#: The stream goes first, whatever is asked of backtests.
_NICENESS = 10


class Command(commands.Command):
    help = "Runs one queued backtest for the server, which listens; `backtest` is the command for people."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("backtest_id")

    def handle(self, *args: Any, **options: Any) -> None:
        os.nice(_NICENESS)
        tell = Pipe()
        run_backtest.run(options["backtest_id"], tell, _stop_with_the_server, give_up=_leave)


class Pipe:
    """Messages as lines to the standard output this process was given; what a strategy prints goes to the log."""

    def __init__(self) -> None:
        self._pipe = os.fdopen(os.dup(sys.stdout.fileno()), "w")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def __call__(self, message: dict[str, Any]) -> None:
        try:
            print(json.dumps(message), file=self._pipe, flush=True)
        except BrokenPipeError:
            pass  # nobody listens any more: the end of the standard input tells the same


def _stop_with_the_server(watch: Watch) -> None:
    """Standard input is a pipe from the server and ends with it, however that ends."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        watch.stop("the server that ran it has stopped")

    threading.Thread(target=wait, name="server", daemon=True).start()


def _leave() -> None:
    os._exit(1)
