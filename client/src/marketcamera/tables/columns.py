"""The tables: the name, type, unit and meaning of each of their columns. Needs no pyarrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: `ts` is a time in UTC with microseconds, `text` a string.
Type = Literal["int64", "float64", "ts", "text"]

#: Tables change only by new columns at their end while this stays the same.
VERSION = "1"


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `may_lack` says when a row has no value there, "" if each has one."""

    name: str
    type: Type
    unit: str
    meaning: str
    may_lack: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: what a row is, the tape that it is made of (`bars` are not of a tape), and its columns."""

    name: str
    tape: Literal["ticks", "metrics", "frames", "bars"]
    row: str
    columns: tuple[Column, ...]


_T = Column("t", "int64", "ticks", "number of the tick")
_TS = Column("ts", "ts", "", "market time", "a ts that no time of the years 1970 to 2261 is")
_NOT_GIVEN = "the source does not say it"
_OLDER = "frames of a run that an older version began"


def _state() -> tuple[Column, ...]:
    return (
        Column("price_norm", "float64", "share of the price range", "where in its range the price is", _NOT_GIVEN),
        Column("volatility", "float64", "", "deviation of the changes of price_norm", _NOT_GIVEN),
        Column("liquidity", "float64", "share", "as the source defines it", _NOT_GIVEN),
        Column("imbalance", "float64", "share, -1 to 1", "buying less selling", _NOT_GIVEN),
        Column("price", "float64", "price", "the market's price", "the price range is unknown"),
    )


_TABLES = (
    Table(
        "ticks",
        "ticks",
        "a tick",
        (
            _T,
            _TS,
            *_state(),
            Column("mid", "float64", "price", "the mid that the source gave", _NOT_GIVEN),
            Column("agents_n", "int64", "agents", "how many agents there are"),
            Column("matches_n", "int64", "matches", "how many matches, those with the pool included"),
        ),
    ),
    Table(
        "agents",
        "ticks",
        "an agent in a tick",
        (
            _T,
            _TS,
            Column("agent_id", "int64", "", "id of the agent"),
            Column("name", "text", "", "its name", "the source gives no names"),
            Column("experience", "float64", "as the source's", "its experience"),
        ),
    ),
    Table(
        "actions",
        "ticks",
        "an action of an agent in a tick, also of one that does nothing",
        (
            _T,
            _TS,
            Column("action", "int64", "", "index of the action in its tick, from 0"),
            Column("agent_id", "int64", "", "id of the agent that acts"),
            Column("side", "text", "buy, sell, none", "what it does"),
            Column("price", "float64", "price", "the price it quotes; means nothing for none"),
            Column("size", "float64", "size", "how much it quotes; means nothing for none"),
        ),
    ),
    Table(
        "matches",
        "ticks",
        "a match in a tick",
        (
            _T,
            _TS,
            Column("match", "int64", "", "index of the match in its tick, from 0"),
            Column("a", "int64", "", "index of one action"),
            Column("b", "int64", "", "index of the other action; -1 is the outside pool"),
            Column("agent_a", "int64", "", "id of the agent of action a"),
            Column("agent_b", "int64", "", "id of the agent of action b", "b is the pool"),
            Column("prob", "float64", "share", "probability of the match, as the source says"),
            Column("price", "float64", "price", "what the trade was made at", _NOT_GIVEN),
            Column("size", "float64", "size", "how much changed hands", _NOT_GIVEN),
            Column(
                "volume",
                "float64",
                "size",
                "what it counts in the volume of bars: size, or where that is not given the smaller size of both"
                " actions, with the pool that of action a",
            ),
        ),
    ),
    Table(
        "metrics",
        "metrics",
        "a metric",
        (
            _T,
            _TS,
            *_state(),
            Column("N", "int64", "agents", "agents in the tick, whether they act or not"),
            Column("avg_exp", "float64", "as the source's", "mean of their experience"),
            Column("matches_n", "int64", "matches", "matches, those with the pool included"),
        ),
    ),
    Table(
        "nodes",
        "frames",
        "an agent in the window of a frame",
        (
            _T,
            _TS,
            Column("t0", "int64", "ticks", "first tick of the window; t is the last"),
            Column("agent_id", "int64", "", "id of the agent"),
            Column("name", "text", "", "its name", "the source gives no names"),
            Column("buy_count", "int64", "ticks", "ticks in which it bought"),
            Column("sell_count", "int64", "ticks", "ticks in which it sold"),
            Column("none_count", "int64", "ticks", "all other ticks of the window"),
            Column("match_count", "int64", "matches", "matches with other agents"),
            Column("match_rate", "float64", "matches a tick", "match_count by the window's ticks"),
            Column("quote_price_mean", "float64", "price", "mean of its quotes; 0 without any"),
            Column("quote_price_std", "float64", "price", "their deviation; 0 for fewer than two"),
            Column("quote_dist_to_mid_mean", "float64", "share of the mid", "mean distance of its quotes to the mid"),
            Column("experience_start", "float64", "as the source's", "experience in its first tick of the window"),
            Column("experience_end", "float64", "as the source's", "experience in its last tick of the window"),
            Column("experience_delta", "float64", "as the source's", "end minus start"),
            Column("dominant_side", "text", "buy, sell, none", "what it did in most ticks"),
            Column("pool_count", "int64", "matches", "matches with the outside pool", _OLDER),
            Column("degree", "int64", "agents", "with how many different agents it matched", _OLDER),
        ),
    ),
    Table(
        "edges",
        "frames",
        "a pair of agents and where they met, in the window of a frame; the strongest come first",
        (
            _T,
            _TS,
            Column("t0", "int64", "ticks", "first tick of the window; t is the last"),
            Column("src", "int64", "", "id of the agent with the lower id"),
            Column("dst", "int64", "", "id of the agent with the higher id"),
            Column("type", "text", "match, quote_proximity", "where they met"),
            Column("w", "float64", "times a tick", "times they met by the window's ticks"),
        ),
    ),
    Table(
        "bars",
        "bars",
        "a closed bar",
        (
            Column("t", "int64", "ticks", "first tick of the bar"),
            Column("ts", "ts", "", "when its period begins"),
            Column("close_time", "ts", "", "when its period ends"),
            Column("last_t", "int64", "ticks", "last tick of the bar"),
            Column("resolution", "text", "", "length of the period, as 1m"),
            Column("open", "float64", "price", "first price"),
            Column("high", "float64", "price", "highest price"),
            Column("low", "float64", "price", "lowest price"),
            Column("close", "float64", "price", "last price"),
            Column("volume", "float64", "size", "sum of the sizes of matches"),
        ),
    ),
)

TABLES = {table.name: table for table in _TABLES}
