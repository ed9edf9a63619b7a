"""Admission of stream clients: who is counted for what while connected."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from django.conf import settings

from runtime.addresses import Address, client_of_scope
from streaming.fanout.option_sets import OptionSets
from streaming.limits import Connections, Replays, check_admitted
from streaming.options import always_served

Scope = dict[str, Any]


def admitted(scope: Scope) -> AbstractContextManager[None]:
    """Counts a client while it is connected. Raises StreamError if there is no room for it."""
    check_admitted(scope)
    return connections().admit(client_address(scope))


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
