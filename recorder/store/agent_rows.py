"""The rows of a market's named agents: they follow the register of its store, and are there to be searched."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet

from recorder.models import Agent, Market, market_key
from recorder.store.agent_register import AgentRegister
from recorder.store.agents_file import NamedAgent
from runtime.db_threads import leaving_time_to_others

#: Rows written by one statement: a venue may bring 100,000 names.
_BATCH_ROWS = 1000


class AgentRows:
    """Brings the rows up to a register whenever `follow` is called, off the pipeline's thread."""

    def __init__(self, market: Market, register: AgentRegister) -> None:
        self._market, self._register = market, register
        self._written: int | None = None

    def follow(self) -> None:
        """Write the agents that have reached the disk since. Raises django.db.Error; then it may be repeated."""
        begin, self._written = self._written, None  # unknown until the database has answered
        if begin != self._register.written:
            agents = self._register.agents
            begin = _alike(self._market, agents) if begin is None else begin
            _add(self._market, agents[begin:])
            begin = len(agents)
        self._written = begin


def save_agents(market: Market, agents: list[NamedAgent]) -> None:
    """Make the rows those of a register. Raises django.db.Error."""
    _add(market, agents[_alike(market, agents) :])


def _alike(market: Market, agents: list[NamedAgent]) -> int:
    """With how many agents the rows begin as the register does; rows of another one are deleted."""
    rows = _rows(market)
    if rows == agents[: len(rows)]:
        return len(rows)
    Agent.objects.filter(market=market).delete()
    return 0


def _add(market: Market, agents: list[NamedAgent]) -> None:
    # Each batch is a transaction of its own and follows the one before it, so the rows never have a hole.
    for first in range(0, len(agents), _BATCH_ROWS):
        rows = [_row(market, agent) for agent in agents[first : first + _BATCH_ROWS]]
        with leaving_time_to_others(), transaction.atomic():
            Agent.objects.bulk_create(rows)


def rows_differ(market: Market, agents: list[NamedAgent]) -> bool:
    """Whether the rows are not those of a register. Raises django.db.Error."""
    return _rows(market) != agents


def found(
    market: Market | str, *, part: str = "", ids: Iterable[int] | None = None, most: int | None = None
) -> list[NamedAgent]:
    """The agents whose names hold this text, in upper or lower case, and whose ids are among these; by id.

    Raises django.db.Error.
    """
    if "\0" in part:  # no name has it, and PostgreSQL refuses a query with it
        return []
    rows = Agent.objects.filter(market_id=market_key(market))
    if ids is not None:
        rows = rows.filter(agent_id__in=list(ids))
    if part:
        rows = rows.filter(folded__contains=part.casefold())
    return _named(rows.order_by("agent_id")[:most])


def count_of(market: Market | str) -> int:
    """The number of named agents of a market. Raises django.db.Error."""
    ids = Agent.objects.filter(market_id=market_key(market)).order_by("-agent_id").values_list("agent_id", flat=True)
    return max(ids[:1], default=-1) + 1


def _rows(market: Market) -> list[NamedAgent]:
    return _named(Agent.objects.filter(market=market).order_by("agent_id"))


def _named(rows: QuerySet[Agent]) -> list[NamedAgent]:
    return list(map(NamedAgent._make, rows.values_list(*NamedAgent._fields)))


def _row(market: Market, agent: NamedAgent) -> Agent:
    return Agent(market=market, folded=agent.name.casefold(), **agent._asdict())
