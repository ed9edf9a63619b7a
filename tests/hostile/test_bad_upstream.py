"""An upstream server that sends anything at all ends no leaf: what is no tick is passed over, and told as a gap."""

from __future__ import annotations

import itertools
import json
import logging
from contextlib import closing
from typing import Any

import pytest
from websockets.sync.server import ServerConnection

from market.sources.upstream import UpstreamSource
from market.tick import Tick, TickError
from tests.client.made import Script, gap, message, serving
from tests.processes import Site

#: The t in whose place something else comes, and the last one.
BAD_T, LAST_T = 5, 8
TICK = message("tick", BAD_T)
AGENT, ACTION = TICK["agents"][0], TICK["actions"][0]
NESTED = "[" * 900 + "]" * 900
DIGITS = "9" * 5_000


def having(**fields: Any) -> str:
    return json.dumps({**TICK, **fields})


def lacking(name: str) -> str:
    return json.dumps({key: value for key, value in TICK.items() if key != name})


def gap_having(**fields: Any) -> str:
    return json.dumps({**gap("tick", BAD_T, BAD_T, "lost"), **fields})


#: Of these the client says that they cannot be understood.
NOT_UNDERSTOOD: dict[str, str | bytes] = {
    "no JSON": "nonsense",
    "no text": "",
    "half a message": having()[:-9],
    "null": "null",
    "a number": "7",
    "a list of numbers": "[1, 2]",
    "no type": "{}",
    "a type that is a list": '{"type": ["tick"]}',
    "lists without end": "[" * 3_000,
    "nested lists": NESTED,
    "half a surrogate": '{"type": "\\ud800"}',
    "binary": b"\x00\xff\x01",
    "binary JSON": having().encode(),
    "half a zstd frame": b"\x28\xb5\x2f\xfd\x04",
    "no t": lacking("t"),
    "t a text": having(t="5"),
    "t negative": having(t=-5),
    "t a float": having(t=5.5),
    "t of 70 bits": having(t=2**70),
    "t beyond 2^53": having(t=2**53),
    "t of 5,000 digits": having().replace('"t": 5', f'"t": {DIGITS}'),
    "no ts": lacking("ts"),
    "ts a text": having(ts="1"),
    "ts NaN": having(ts=float("nan")),
    "ts of 5,000 digits": having(ts=0).replace('"ts": 0', f'"ts": {DIGITS}'),
    "a part NaN": having(s={**TICK["s"], "liquidity": float("nan")}),
    "a gap of nothing": '{"type": "gap"}',
    "a gap that goes back": gap_having(to_t=BAD_T - 1),
    "a gap of texts": gap_having(from_t="5"),
    "a gap of 60 bits": gap_having(to_t=2**60),
    "another recording without id": gap_having(reason="store_changed"),
    "another recording with a bad id": gap_having(reason="store_changed", store="x"),
    "caught up with a text": '{"type": "caught_up", "t": "x"}',
    "an error without code": '{"type": "error"}',
    "an error with a list for code": '{"type": "error", "error": ["x"]}',
}

#: And of these the market.
NO_TICKS: dict[str, str] = {
    "ts in milliseconds": having(ts=1.7e12),
    "ts negative": having(ts=-1),
    "no s": lacking("s"),
    "s a list": having(s=[]),
    "s empty": having(s={}),
    "s huge": having(s={**TICK["s"], "liquidity": 1e300}),
    "no agents": lacking("agents"),
    "agents an object": having(agents={}),
    "fewer agents than actions": having(agents=[]),
    "nested agents": having(agents=[[AGENT]]),
    "agents nested deep": having(agents=0).replace('"agents": 0', f'"agents": {NESTED}'),
    "an agent named by a text": having(agents=[{**AGENT, "id": "x"}]),
    "an agent named by 64 bits": having(agents=[{**AGENT, "id": 2**64 - 1}]),
    "an agent twice": having(agents=[AGENT, AGENT], actions=[ACTION, {**ACTION, "id": 1}]),
    "no actions": lacking("actions"),
    "an action of another number": having(actions=[{**ACTION, "id": 3}]),
    "a side that is none": having(actions=[{**ACTION, "side": []}]),
    "a price that is a text": having(actions=[{**ACTION, "price": "1"}]),
    "a size beyond measure": having(actions=[{**ACTION, "size": 1e40}]),
    "no matches": lacking("matches"),
    "a match of an unknown agent": having(matches=[{"a": 9, "b": 0, "prob": 0.5}]),
    "a match with itself": having(matches=[{"a": 0, "b": 0, "prob": 0.5}]),
    "mid a text": having(mid="x"),
}
EVERYTHING = NOT_UNDERSTOOD | NO_TICKS


def saying(bad: str | bytes) -> Script:
    """A server that says this in the place of a tick, over each connection."""

    def part(connection: ServerConnection, asked: dict[str, str]) -> None:
        for t in range(int(asked["since"]) + 1, LAST_T + 1):
            connection.send(bad if t == BAD_T else json.dumps(message("tick", t)))
        connection.recv()

    return Script(part)


@pytest.mark.parametrize("bad", EVERYTHING.values(), ids=EVERYTHING)
def test_what_is_no_tick_is_asked_for_again_passed_over_and_said(
    bad: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    script = saying(bad)
    with serving(script) as url, closing(UpstreamSource(f"{url}?since=-1")) as source, caplog.at_level(logging.WARNING):
        given = [tick.t for tick in itertools.islice(source, LAST_T)]
    assert given == [t for t in range(LAST_T + 1) if t != BAD_T]
    assert len(script.queries) == (3 if bad in NOT_UNDERSTOOD.values() else 1)
    said = [
        record.getMessage() for record in caplog.records if record.name in ("marketcamera", "market.sources.upstream")
    ]
    said = [line for line in said if "the prices are taken for" not in line]  # the script tells none
    assert 1 <= len(said) <= 4
    assert all(len(line) < 500 for line in said)


def test_a_thousand_messages_that_are_no_ticks_are_said_ten_times(caplog: pytest.LogCaptureFixture) -> None:
    def part(connection: ServerConnection, asked: dict[str, str]) -> None:
        for t in range(1_000):
            connection.send(json.dumps({**message("tick", t), "agents": []}))
        for _ in range(1_000):
            connection.send("nonsense")
        connection.send(json.dumps(message("tick", 2_000)))
        connection.recv()

    with serving(Script(part)) as url, closing(UpstreamSource(f"{url}?since=-1")) as source:
        with caplog.at_level(logging.WARNING):
            assert next(iter(source)).t == 2_000
    assert sum("is no tick" in record.getMessage() for record in caplog.records) <= 12
    assert sum("passed over" in record.getMessage() for record in caplog.records) == 10


def test_a_crowd_with_one_agent_twice_is_refused_without_counting_each() -> None:
    """To compare each with each would take minutes."""
    count = 200_000
    tick = {**TICK, "agents": [{"id": min(i, count - 2), "experience": 0.5} for i in range(count)]}
    tick["actions"] = [{**ACTION, "id": i} for i in range(count)]
    with pytest.raises(TickError, match=f"agent {count - 2} is there twice"):
        Tick.from_dict(tick)


#: Numbers that a tick may have and no market has.
ODD = (0.0, -5.0, 5e-324, 2.0**53, -(2.0**53))


def odd_tick(t: int) -> dict[str, Any]:
    """A tick that is one by its form."""
    number = ODD[t % len(ODD)]
    made: dict[str, Any] = message("tick", t) | {"s": dict.fromkeys(TICK["s"], number), "mid": number}
    made["agents"] = [{"id": i, "experience": number} for i in range(2)]
    made["actions"] = [{**ACTION, "id": i, "price": number, "size": -number} for i in range(2)]
    made["matches"] = [{"a": 0, "b": 1, "prob": number}] * 2
    return made


def test_no_message_of_another_server_ends_a_leaf(site: Site) -> None:
    """A real one, which is told everything above, some odd ticks and then good ones."""
    begun = 2 * len(EVERYTHING)
    places = dict(zip(range(1, begun, 2), EVERYTHING.values(), strict=True))
    last = begun + 3 * len(ODD)

    def part(connection: ServerConnection, asked: dict[str, str]) -> None:
        for t in range(int(asked["since"]) + 1 if "since" in asked else 0, last + 1):
            bad = places.get(t)
            if bad is None:
                connection.send(json.dumps(odd_tick(t) if begun <= t < last - len(ODD) else message("tick", t)))
            else:
                connection.send(bad.replace('"t": 5', f'"t": {t}') if isinstance(bad, str) else bad)
        connection.recv()

    with serving(Script(part)) as url:
        made = site.run("runmarket", "--source", f"{url}?since=-1", "--ticks", str(last + 1 - len(places)), IG_CAM_W=5)
    assert made.returncode == 0, made.stderr
    assert "Traceback" not in made.stderr
    tape = site.messages("ticks")
    ticks = [one["t"] for one in tape if one["type"] == "tick"]
    lost = [one["from_t"] for one in tape if one["type"] == "gap" and one["from_t"] == one["to_t"]]
    assert ticks == [t for t in range(last + 1) if t not in places]
    assert lost == list(places)
    assert len(made.stderr) < 100 * 300
