"""What a web process notes in its audit, and the writing of it off the loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime

from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest
from django.utils import timezone

from access import audit_rows
from access.audit import Audit, Count, Entry
from access.tokens import store_uses
from runtime import pools
from runtime.addresses import LOCAL, Address, address_bucket, client_of, hops, parse_address
from runtime.announced import Announced
from runtime.db_threads import detached

log = logging.getLogger(__name__)

_LAST_SECONDS = 2.0

#: The audit of this process.
audit = Audit()

#: Of each writing under way, what is set when it is over.
_writings: set[asyncio.Event] = set()

#: When tokens were last used, by their keys, until it is stored.
_uses: dict[int, datetime] = {}

_outage = Announced(log)


def note(action: str, who: object, address: Address) -> None:
    """Count a use of a token, or a sign-in, from this address."""
    audit.note(action, str(who), address_bucket(address), timezone.now())


def note_in_use(tokens: Iterable[int]) -> None:
    """Have the next writing store that these tokens are in use: whoever checks them only reads.

    Where the database takes no writes, or lets them wait, nobody is refused for that.
    """
    _uses.update(dict.fromkeys(tokens, timezone.now()))


def address_of(request: HttpRequest) -> Address:
    """The address a request comes from, as a trusted proxy names it."""
    config = settings.CONFIG
    peer = parse_address(request.META.get("REMOTE_ADDR", "")) or LOCAL
    headers = ((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items())
    return client_of(peer, hops(headers, config.forwarded_header), config.trusted_proxies).address


async def write() -> None:
    """Write what waits; while the database is unavailable it goes on waiting.

    However long the database takes, its answer is awaited: what may have been written is not written again.
    """
    counts = audit.take()
    if counts:
        is_over = asyncio.Event()
        _writings.add(is_over)
        try:
            await _write(counts)
        finally:
            _writings.discard(is_over)
            is_over.set()
    if _uses:
        await _store_uses()


async def _write(counts: Mapping[Entry, Count]) -> None:
    try:
        await pools.tokens.go_on(lambda: detached(lambda: audit_rows.write(counts)))
    except DatabaseError as error:
        audit.give_back(counts)
        _outage.lost("the audit cannot be written, its counts wait in memory: %s", error)
    except BaseException:
        audit.give_back(counts)
        raise
    else:
        audit.written(counts)
        _outage.back("the audit is written again, with all that waited")


async def _store_uses() -> None:
    taken = dict(_uses)
    try:
        await pools.tokens.go_on(lambda: detached(lambda: store_uses(taken)))
    except DatabaseError as error:
        log.debug("the last uses of tokens wait in memory: %s", error)
        return
    for token, at in taken.items():
        if _uses.get(token) == at:  # it was not used again meanwhile
            del _uses[token]


async def write_last() -> None:
    """Write what waits at the end of the process, or say how much is lost.

    What is being written then counts as lost too unless it is written soon.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_SECONDS):
            await write()
            for is_over in list(_writings):
                await is_over.wait()
    if lost := audit.uses:
        log.error("the audit lacks %d uses of tokens and sign-ins, since the database is unavailable", lost)
