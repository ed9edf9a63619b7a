"""`manage.py serve`: the site by our server, on the endpoints daphne's own command line knows."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from igsite.config import Config, ConfigError, with_changes
from igsite.connection_check import few_connections
from server.admission.descriptors import wanted
from server.listen_addresses import own_names
from server.protocols.websocket_intake import frames_allowed
from server.proxy_headers import proxy_options

log = logging.getLogger(__name__)


def add_server_arguments(parser: CommandParser) -> None:
    """The options of a command that runs the server; read back by `server_options`."""
    parser.add_argument("-b", "--bind", help=f"address to listen on (default: {settings.CONFIG.bind}, from IG_BIND)")
    parser.add_argument(
        "-p", "--port", type=int, help=f"port to listen on (default: {settings.CONFIG.port}, from PORT)"
    )
    parser.add_argument("-u", "--unix-socket", help="listen on a Unix socket at this path")
    parser.add_argument("--fd", type=int, help="listen on this file descriptor")
    parser.add_argument(
        "-e", "--endpoint", action="append", default=[], help="listen on this Twisted endpoint (repeatable)"
    )
    parser.add_argument(
        "--ping-interval",
        type=int,
        default=20,
        help="seconds of silence before a socket is pinged (default: 20)",
    )
    parser.add_argument("--ping-timeout", type=int, default=30, help="seconds to wait for the pong (default: 30)")
    parser.add_argument(
        "--stall-seconds",
        type=float,
        help=f"a client that takes nothing for so long is cut off (default: {settings.CONFIG.stall_seconds:g},"
        " from IG_STALL_SECONDS)",
    )
    parser.add_argument(
        "--max-message-bytes",
        type=int,
        default=1 << 17,
        help="largest message a socket takes (default: 128 KiB, twice what the site itself reads)",
    )
    parser.add_argument(
        "--websocket-connect-timeout",
        type=int,
        default=5,
        help="seconds a socket may take to open (default: 5)",
    )
    parser.add_argument(
        "--proxy-headers",
        action="store_true",
        help="take address, port and scheme from the X-Forwarded headers of the proxies in IG_TRUSTED_PROXIES"
        " (as IG_TLS=1 does)",
    )
    parser.add_argument("--proxy-headers-host", help="the header that holds the client's address instead")
    parser.add_argument("--proxy-headers-port", help="the header that holds the client's port instead")


def answer_to_own_names(config: Config) -> None:
    """Answer to this machine's names at the address where the server is to listen, unless names are set."""
    if not config.allowed_hosts:
        settings.ALLOWED_HOSTS += own_names(config.bind)


def server_options(options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `server.server.Server` from a command's options, `endpoints` among them. Raises CommandError."""
    from server.server import endpoints

    unix_socket, file_descriptor = options["unix_socket"], options["fd"]
    host, port = options["bind"], options["port"]
    elsewhere = unix_socket is not None or file_descriptor is not None or options["endpoint"]
    if host is not None:
        try:
            answer_to_own_names(with_changes(settings.CONFIG, {"bind": host}))
        except ConfigError as error:
            raise CommandError(str(error)) from error
    if port is None and (host or not elsewhere):
        port = settings.CONFIG.port
    if port is not None and host is None:
        host = settings.CONFIG.bind
    forwarded = options["proxy_headers"]
    if forwarded and not settings.CONFIG.trusted_proxies:
        raise CommandError("--proxy-headers believes nobody unless IG_TRUSTED_PROXIES names the proxies")
    stall_seconds = settings.CONFIG.stall_seconds if options["stall_seconds"] is None else options["stall_seconds"]
    return {
        "endpoints": options["endpoint"] + endpoints(host, port, unix_socket, file_descriptor),
        "ping_interval": options["ping_interval"],
        "ping_timeout": options["ping_timeout"],
        "stall_seconds": stall_seconds,
        "permessage_deflate": settings.CONFIG.permessage_deflate,
        "drain_seconds": settings.CONFIG.drain_seconds,
        "wanted": wanted(settings.CONFIG),
        "frames_a_second": frames_allowed(settings.CONFIG),
        "max_message_bytes": options["max_message_bytes"],
        "websocket_connect_timeout": options["websocket_connect_timeout"],
        "websocket_handshake_timeout": options["websocket_connect_timeout"],
        **proxy_options(
            settings.CONFIG,
            asked=forwarded,
            header=options["proxy_headers_host"],
            port_header=options["proxy_headers_port"],
        ),
    }


class Command(BaseCommand):
    help = "Serves pages, sockets and HTTP of markets that run elsewhere (runmarket); live does both at once."

    def add_arguments(self, parser: CommandParser) -> None:
        add_server_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        from server.server import Server  # first, for it installs the reactor

        from igsite import asgi  # isort: skip

        if (few := few_connections(settings.CONFIG)) is not None:
            log.warning("%s %s", few.msg, few.hint)
        Server(
            asgi.application,
            **server_options(options),
            beside=asgi.beside,
            on_stop=asgi.on_stop,
        ).run()
