"""The HTTP path `/agents`: the named agents of a market, found by a part of their name or by id."""

from __future__ import annotations

import re
from collections.abc import Iterable

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from market.tick_message import MOST_NAME_CHARACTERS
from recorder.store.agent_rows import count_of, found
from recorder.store.agents_file import NamedAgent
from runtime import pools
from runtime.http_errors import bad_parameter
from runtime.shown import shown
from streaming.http import parameters
from streaming.protocol import STORE_HEADER

MOST_AGENTS = 1000
_IDS = re.compile(r"[0-9]{1,16}(,[0-9]{1,16})*", re.ASCII)


@require_safe
async def agents(request: HttpRequest) -> HttpResponse:
    """The first agents whose names hold `q` and whose ids are among `ids`; 304 for a client that has them."""
    relay = await parameters.relay(request)
    part, ids = _part(request), _ids(request)
    limit = parameters.limit(request, MOST_AGENTS if ids is not None else 100, MOST_AGENTS)
    count = await pools.listings.ask(lambda: count_of(relay.symbol))
    # A register only grows, so its length says which it is.
    headers = {"ETag": f'W/"{relay.store_id or ""}-{count}"', "Cache-Control": "no-cache"}
    if relay.store_id is not None:
        headers[STORE_HEADER] = relay.store_id
    known = get_conditional_response(request, headers["ETag"])
    if known is not None and known.status_code == 304:
        return HttpResponse(status=304, headers=headers)
    rows = await pools.listings.ask(lambda: found(relay.symbol, part=part, ids=ids, most=limit + 1))
    return HttpResponse(_body(rows[:limit], more=len(rows) > limit), content_type="application/json", headers=headers)


def _body(rows: Iterable[NamedAgent], *, more: bool) -> bytes:
    forms = [{"id": row.agent_id, "name": row.name, "first_t": row.first_t} for row in rows]
    return orjson.dumps({"agents": forms, "more": more})


def _part(request: HttpRequest) -> str:
    text = request.GET.get("q", "")
    if len(text) > MOST_NAME_CHARACTERS:
        raise bad_parameter(f"q must be at most {MOST_NAME_CHARACTERS} characters, got {len(text):,}")
    return text


def _ids(request: HttpRequest) -> list[int] | None:
    text = request.GET.get("ids")
    if text is None:
        return None
    if not _IDS.fullmatch(text):
        raise bad_parameter(f"ids must be ids of agents, separated by commas, got {shown(text)}")
    ids = text.split(",")
    if len(ids) > MOST_AGENTS:
        raise bad_parameter(f"ids must be at most {MOST_AGENTS:,}, got {len(ids):,}")
    return sorted({int(one) for one in ids})
