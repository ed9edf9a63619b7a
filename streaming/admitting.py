"""Admission of stream clients: who is counted for what while connected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings

from runtime.addresses import Address, client_of_scope
from streaming.fanout.option_sets import OptionSets
from streaming.limits import Connections, Replays, check_admitted
from streaming.options import StreamRequest, always_served

Scope = dict[str, Any]


def admitted(scope: Scope) -> AbstractContextManager[None]:
    """Counts a client while it is connected. Raises StreamError if there is no room for it."""
    check_admitted(scope)
    return connections().admit(client_address(scope))


@contextmanager
def admitted_stream(scope: Scope, request: StreamRequest) -> Iterator[None]:
    """Counts a stream client, its replay if it asks for one, and its set of options. Raises StreamError."""
    under_way = nullcontext() if request.past is None else replays().admit(client_address(scope))
    with admitted(scope), under_way, option_sets().use(request.options, client_address(scope)):
        yield


def query_of(scope: Scope) -> dict[str, list[str]]:
    """The decoded query of a socket, blank values kept."""
    return parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def client_address(scope: Scope) -> Address:
    """The address whose limits count for a connection."""
    return client_of_scope(scope, settings.CONFIG.trusted_proxies, settings.CONFIG.forwarded_header)


@cache
def connections() -> Connections:
    """Counts this process's stream clients and bar feeds."""
    return Connections(settings.CONFIG.max_connections, settings.CONFIG.max_connections_per_address)


@cache
def replays() -> Replays:
    """Counts this process's replays."""
    return Replays(settings.CONFIG.max_replays)


@cache
def option_sets() -> OptionSets:
    """Counts the sets of options that this process's stream clients use."""
    return OptionSets(always_served(settings.CONFIG.stream_types))
