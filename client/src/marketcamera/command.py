"""The command `marketcamera`: look at a market, keep a copy of it, ask for prices and for how the server fares."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from tqdm import tqdm

from marketcamera.addresses import Address
from marketcamera.bars.bar import FREQUENCIES
from marketcamera.bars.prices import get_price, get_websocket_manager
from marketcamera.errors import HistoryUnavailable, MarketCameraError
from marketcamera.failures import history_error, http_client
from marketcamera.interruption import Interrupted, Interruption
from marketcamera.stream.client import Stream
from marketcamera.stream.messages import Gap, Received
from marketcamera.stream.recording import line_of, up_to
from marketcamera.stream.session import kinds_of
from marketcamera.stream.store_file import keep_store, store_beside
from marketcamera.tape.writer import TapeWriter

_DEFAULT_URL = "http://localhost:8000"
_TIMEOUT_SECONDS = 10.0
_LOG_SECONDS = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit status, by a shell's conventions where a signal ended it."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        run(options)
        _flush_output()
    except BrokenPipeError:  # whoever read our output has seen enough
        _drop_output()
    except (MarketCameraError, ValueError, OverflowError, OSError) as error:
        _drop_output()
        _complain(_sentence(error))
        return 1
    except Interrupted as interrupted:
        return interrupted.status
    except KeyboardInterrupt:
        _drop_output()
        return 130
    return 0


def _flush_output() -> None:
    """So that an output that cannot be written is an error of ours, and not one at Python's own end."""
    if sys.stdout is not None:
        sys.stdout.flush()


def _drop_output() -> None:
    """Let go of what can be written no more; at its own end Python would try again, and complain."""
    try:
        _flush_output()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(sentence: str) -> None:
    with suppress(OSError):  # the terminal was closed: the exit status tells it
        print(f"marketcamera: {sentence}", file=sys.stderr)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="marketcamera", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="tail|record|price|status")
    tail = _command(commands, "tail", _tail, "print messages as they come, one JSON object a line")
    tail.add_argument("--types", default="tick,metric,frame", help="some of tick,metric,frame (default: all)")
    tail.add_argument("--since", type=int, help="begin behind this t; -1 is the beginning (default: now)")
    tail.add_argument("--count", type=_count, help="end after so many messages")
    record = _command(commands, "record", _record, "keep a copy of a stream in a file; one that is there goes on")
    record.add_argument("file", type=Path, help="NDJSON; compressed if the name ends in .zst")
    record.add_argument("--types", default="tick", help="some of tick,metric,frame (default: tick)")
    record.add_argument("--since", type=int, help="begin a new file behind this t (default: now)")
    record.add_argument("--to", type=int, help="end with this t (default: with Ctrl-C, or any signal)")
    price = _command(commands, "price", _price, "print the last closed bars of a symbol")
    price.add_argument("--count", type=_count, default=20)
    price.add_argument("--frequency", default="1m", help=f"{', '.join(FREQUENCIES)} (default: 1m)")
    price.add_argument("--end", help="only what had closed by then, ISO 8601")
    _command(commands, "status", _status, "how the server and its market fare")
    return parser


def _command(commands: Any, name: str, run: Callable[[argparse.Namespace], None], help: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=help, description=help)
    if name == "price":
        command.add_argument("symbol")
    else:
        command.add_argument("--symbol", help="the market (default: the server's own)")
    command.add_argument("--url", default=_DEFAULT_URL, help=f"the server (default: {_DEFAULT_URL})")
    command.set_defaults(run=run)
    return command


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= sys.maxsize:
        raise argparse.ArgumentTypeError(f"must be an integer, 1 or more, got {text!r}")
    return int(text)


def _tail(options: argparse.Namespace) -> None:
    stream = Stream(options.url, options.types, options.since, symbol=options.symbol)
    for message in islice(stream, options.count):
        print(line_of(message).decode(errors="replace"), flush=stream.caught_up or options.since is None)
    stream.close()


def _record(options: argparse.Namespace) -> None:
    kinds = kinds_of(options.types)
    Address(options.url)  # what cannot be is told before there is a file
    with Interruption() as interruption, TapeWriter(options.file) as tape:
        held = tape.positions(kinds)
        if options.to is not None and held and min(held.values()) >= options.to:
            return
        store = store_beside(options.file)
        if not held and store is not None:
            _complain(f"{options.file} holds no message any more of those that were recorded in it, and begins anew")
            store = None
        stream = Stream(
            options.url,
            kinds,
            held or options.since,
            store=store,
            on_store_change="raise",  # a file is a copy of one recording: its t never goes back
            symbol=options.symbol,
        )
        tape.on_failure = stream.close
        since = min(held.values()) if held else options.since
        messages: Iterable[Received] = stream if options.to is None else up_to(stream, options.to, kinds)
        with _progress(since, options.to) as progress:
            for message in interruption.waiting(messages):
                if stream.store not in (None, store):
                    store = stream.store
                    keep_store(options.file, store)
                tape.write(line_of(message))
                t = message.to_t if isinstance(message, Gap) else message.t
                progress.update(1 if since is None or options.to is None else t - since - progress.n)


def _progress(since: int | None, to: int | None) -> tqdm[NoReturn]:
    """A bar on a terminal, a line each ten seconds in a log: of the ticks, or of messages without a known end."""
    total = None if since is None or to is None else max(to - since, 0)
    unit = " messages" if total is None else " ticks"
    if sys.stderr.isatty():
        return tqdm(total=total, unit=unit, miniters=1)
    return tqdm(total=total, unit=unit, miniters=1, mininterval=_LOG_SECONDS, file=_Log())


class _Log:
    """What a terminal draws over again and again is a line of its own here."""

    def write(self, text: str) -> None:
        if line := text.strip():
            with suppress(OSError):  # nobody reads it any more; the work itself goes on, or ends cleanly
                print(line, file=sys.stderr, flush=True)

    def flush(self) -> None:
        """Each line was."""


def _price(options: argparse.Namespace) -> None:
    get_websocket_manager().configure(endpoint=Address(options.url).feed())
    print(get_price(options.symbol, options.count, options.end, options.frequency).to_string())


def _status(options: argparse.Namespace) -> None:
    url = Address(options.url).http("/health", {"symbol": options.symbol} if options.symbol else {})
    health = _health(url)
    meta, segment = health["meta"], health["current_segment"]
    print(f"{'well' if health['ok'] else 'NOT WELL'}: {'running' if meta['running'] else 'not running'}")
    if health.get("detail"):
        print(health["detail"])
    print(f"ticks of this run  {meta['ticks']:,}")
    if segment is not None:
        print(f"open segment       from t={segment['start_t']}, {segment['lines']:,} lines")
    if not health["ok"]:
        raise HistoryUnavailable(url, "the market is not well")


def _health(url: str) -> dict[str, Any]:
    """What a server says of itself. Raises HistoryUnavailable."""
    with http_client(url, _TIMEOUT_SECONDS) as client:
        try:
            answer = client.get(url)
        except Exception as error:
            raise history_error(url, error) from error
    try:
        health = answer.json()
        segment = health["current_segment"]
        counts = [health["meta"]["ticks"], *([] if segment is None else [segment["start_t"], segment["lines"]])]
        understood = isinstance(health["meta"].get("running"), bool) and all(type(count) is int for count in counts)
    except (AttributeError, KeyError, TypeError, ValueError):
        understood = False
    if not understood or not isinstance(health.get("ok"), bool):
        raise HistoryUnavailable(url, f"the answer was {answer.status_code}, no word of health")
    return dict(health)
