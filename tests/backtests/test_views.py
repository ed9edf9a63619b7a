"""`/api/v1/backtests`: queued with 202, every wrong input with its sentence, nothing without a token."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory

from access import http, recording
from access.audit import Audit
from access.scopes import DEFAULT
from access.tokens import issue
from backtests import views
from backtests.models import Backtest
from runtime import pools
from tests.backtests.series import MINUTE, START, SYMBOL
from tests.processes import PATIENCE_SECONDS

Call = Callable[..., Any]
GOOD = {"strategy": "ma_cross", "symbol": SYMBOL, "from": START, "to": START + 10 * MINUTE, "params": {"fast": 2}}


def refused(answer: Any, status: int, code: str) -> str:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/json"
    error = answer.json()["error"]
    assert error["code"] == code
    return str(error["message"])


async def taken(answer: Any) -> list[bytes]:
    """The pieces of an answer that is made while it is taken."""
    return [piece async for piece in answer.streaming_content]


def test_what_is_asked_for_is_queued_and_can_be_looked_at(call: Call) -> None:
    answer = call("POST", GOOD)
    assert answer.status_code == 202
    queued = answer.json()
    assert queued == {"backtest_id": queued["backtest_id"], "status": "queued"}
    assert queued["backtest_id"].startswith("bt_")
    looked = call("GET", path=f"/{queued['backtest_id']}").json()
    expected = {
        **queued,
        "progress": 0.0,
        "error": None,
        "result": None,
        "from": START,
        "to": START + 10 * MINUTE,
        "cash": 100_000.0,
        "fee": 0.0005,
        "params": {"fast": 2, "slow": 30},
        "resolution": "1m",
        "started_at": None,
        "ended_at": None,
    }
    assert expected.items() <= looked.items()
    assert call("GET").json() == {"backtests": [looked]}


def test_the_newest_are_listed_first_and_can_be_chosen(call: Call) -> None:
    ids = [call("POST", GOOD).json()["backtest_id"] for _ in range(3)]
    call("DELETE", path=f"/{ids[1]}")
    listed = lambda path: [one["backtest_id"] for one in call("GET", path=path).json()["backtests"]]  # noqa: E731
    assert listed("") == ids[::-1]
    assert listed("?limit=2") == [ids[2], ids[1]]
    assert listed("?status=cancelled") == [ids[1]]
    assert "limit must be from 1 to 100" in refused(call("GET", path="?limit=101"), 400, "bad_parameter")
    assert "status must be one of queued" in refused(call("GET", path="?status=x"), 400, "bad_parameter")


def test_many_results_are_listed_while_the_client_takes_them(call: Call, made: Callable[..., Any]) -> None:
    result = {"return": 0.1, "trades": [{"time": time, "price": 50_007.72} for time in range(10_000)]}
    rows = [made(status="done", progress=1.0, result=result) for _ in range(9)]
    pieces = asyncio.run(taken(call("GET")))
    assert max(map(len, pieces)) < 2 * len(json.dumps(result)) < len(b"".join(pieces)) / 4
    listed = json.loads(b"".join(pieces))["backtests"]
    assert [one["backtest_id"] for one in listed] == [row.backtest_id for row in rows[::-1]]
    assert all(one["result"] == result for one in listed)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"strategy": "best"}, "strategy must be one of buy_and_hold, ma_cross, got 'best'"),
        ({"cash": float("nan")}, "cash must be a finite number, got nan"),
        ({"from": "yesterday"}, "from must be epoch milliseconds or an ISO 8601 time, got 'yesterday'"),
        ({"params": {"fast": "x"}}, "params.fast must be an integer, got 'x'"),
        ({"params": {"fast": 50}}, "params: fast must be below slow, got fast=50 and slow=30"),
        (
            {"from": 0, "to": START + MINUTE - 1},
            "from 1970-01-01T00:00:00Z to 2026-01-05T00:00:59Z there is no whole 1m bar of IG-USD;"
            " bars begin at 2026-01-05T00:00:00Z and end at 2026-01-05T00:10:00Z",
        ),
        (
            {"resolution": "1h"},
            "from 2026-01-05T00:00:00Z to 2026-01-05T00:10:00Z there is no whole 1h bar of IG-USD;"
            " bars begin at 2026-01-05T00:00:00Z and end at 2026-01-05T00:10:00Z",
        ),
    ],
)
def test_a_wrong_field_is_a_400_with_its_sentence(call: Call, changes: dict[str, Any], said: str) -> None:
    assert refused(call("POST", {**GOOD, **changes}), 400, "bad_parameter") == said
    assert call("GET").json() == {"backtests": []}


def test_an_unknown_symbol_is_told_as_that(call: Call) -> None:
    assert refused(call("POST", {**GOOD, "symbol": "X"}), 400, "unknown_symbol") == "there is no market 'X'"


def test_what_is_no_json_is_a_400(call: Call) -> None:
    assert "is no JSON" in refused(call("POST", "{"), 400, "bad_parameter")


def test_too_large_a_body_is_a_413(call: Call) -> None:
    said = refused(call("POST", {**GOOD, "further": "x" * 70_000}), 413, "body_too_large")
    assert said.startswith("the body may hold 65536 bytes, got 70")


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("GET", ""), ("GET", "/bt_1"), ("DELETE", "/bt_1")])
@pytest.mark.parametrize("token", [None, "mc_000000000000_nonsense"])
def test_nothing_goes_without_a_token(call: Call, method: str, path: str, token: str | None) -> None:
    answer = call(method, GOOD if method == "POST" else None, path=path, token=token)
    assert refused(answer, 401, "authentication_failed") == "无效或过期的访问令牌"
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("scope", "method", "path", "lacks"),
    [
        ("backtest", "GET", "", "read"),
        ("backtest", "HEAD", "", "read"),
        ("backtest", "GET", "/bt_1", "read"),
        ("read", "POST", "", "backtest"),
        ("read", "DELETE", "/bt_1", "backtest"),
    ],
)
def test_each_thing_needs_its_scope(call: Call, scope: str, method: str, path: str, lacks: str) -> None:
    token = issue("robot", scopes=[scope])[1]
    answer = call(method, GOOD if method == "POST" else None, path=path, token=token)
    assert answer["WWW-Authenticate"] == f'Bearer error="insufficient_scope", scope="{lacks}"'
    if method != "HEAD":
        said = refused(answer, 403, "insufficient_scope")
        assert said == f"this needs a token with the scope {lacks!r}; this one has: {scope}"
    assert call("GET").json() == {"backtests": []}


def test_each_scope_suffices_for_what_it_names(call: Call) -> None:
    reads, asks, rules = (issue("robot", scopes=[scope])[1] for scope in ("read", "backtest", "admin"))
    backtest_id = call("POST", GOOD, token=asks).json()["backtest_id"]
    for token in (reads, rules):
        assert call("GET", path=f"/{backtest_id}", token=token).json()["status"] == "queued"
    assert call("DELETE", path=f"/{backtest_id}", token=asks).json()["status"] == "cancelled"
    assert call("POST", GOOD, token=rules).status_code == 202


def test_those_of_another_user_are_cancelled_with_the_scope_admin_alone(call: Call) -> None:
    ann, bob = (User.objects.create_user(name) for name in ("ann", "bob"))
    hers, hers_too, his, rules = (
        issue("robot", owner=owner, scopes=scopes)[1]
        for owner, scopes in ((ann, DEFAULT), (ann, DEFAULT), (bob, DEFAULT), (bob, ["admin"]))
    )
    one, two = (call("POST", GOOD, token=hers).json()["backtest_id"] for _ in range(2))
    said = refused(call("DELETE", path=f"/{one}", token=his), 403, "insufficient_scope")
    assert said.startswith(f"cancelling {one}, which belongs to another user, needs a token with the scope 'admin'")
    assert call("GET", path=f"/{one}", token=his).json()["status"] == "queued"
    assert call("DELETE", path=f"/{one}", token=hers_too).json()["status"] == "cancelled"
    assert call("DELETE", path=f"/{two}", token=rules).json()["status"] == "cancelled"
    of_nobody = call("POST", GOOD).json()["backtest_id"]
    assert call("DELETE", path=f"/{of_nobody}", token=his).json()["status"] == "cancelled"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "", "GET, HEAD, POST"),
        ("DELETE", "", "GET, HEAD, POST"),
        ("POST", "/bt_1", "GET, HEAD, DELETE"),
        ("PATCH", "/bt_1", "GET, HEAD, DELETE"),
    ],
)
def test_other_methods_are_a_405_that_names_those_there_are(call: Call, method: str, path: str, allowed: str) -> None:
    answer = call(method, path=path)
    assert allowed in refused(answer, 405, "method_not_allowed")
    assert answer["Allow"] == allowed


@pytest.mark.parametrize("path", ["/bt_none", "/%00", "/" + "x" * 500, "/%F0%9F%8E%B2"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_backtest_there_is_not_is_a_404(call: Call, method: str, path: str) -> None:
    assert "there is no backtest" in refused(call(method, path=path), 404, "unknown_backtest")


def test_a_queued_one_is_cancelled_and_its_end_told(call: Call, published: list[Any]) -> None:
    backtest_id = call("POST", GOOD).json()["backtest_id"]
    for _ in range(2):
        answer = call("DELETE", path=f"/{backtest_id}")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert published == [
        {
            "channel": "backtest_progress",
            "backtest_id": backtest_id,
            "symbol": SYMBOL,
            "data": {
                "progress": 0.0,
                "current_date": "2026-01-05",
                "total_days": 1,
                "completed_days": 0,
                "estimated_remaining": 0,
            },
        }
    ]


def test_one_that_is_over_stays_as_it_is(call: Call, made: Callable[..., Any], published: list[Any]) -> None:
    backtest = made(status="done", progress=1.0, result={"return": 0.1})
    answer = call("DELETE", path=f"/{backtest.backtest_id}")
    assert (answer.status_code, answer.json()["status"]) == (200, "done")
    assert published == []


def test_only_so_many_may_wait(call: Call, made: Callable[..., Any]) -> None:
    from backtests.running.lifecycle import MOST_WAITING

    rows = [made() for _ in range(MOST_WAITING)]
    said = refused(call("POST", GOOD), 429, "too_many_backtests")
    assert said == "100 backtests are not over yet, the most there may be at a time"
    call("DELETE", path=f"/{rows[0].backtest_id}")
    assert call("POST", GOOD).status_code == 202


def test_a_database_that_is_away_is_a_503(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    from backtests import views

    def away(*_: object) -> None:
        raise OperationalError("no database")

    monkeypatch.setattr(views, "read", away)
    assert "the database is away" in refused(call("POST", GOOD), 503, "unavailable")


@pytest.mark.usefixtures("recorded", "published")
@pytest.mark.parametrize(("has_begun", "told"), [(False, "request"), (True, "start backtest")])
def test_who_leaves_has_started_a_backtest_if_that_had_begun(
    has_begun: bool, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, _ = issue("robot")
    pool, audit, held, goes_on = pools.Pool("one thread"), Audit(), threading.Event(), threading.Event()

    async def token_of(request: Any) -> Any:
        return token

    def hold(*arguments: Any) -> Any:
        held.set()
        assert goes_on.wait(PATIENCE_SECONDS)
        return read(*arguments) if arguments else None

    async def leave() -> None:
        before = [] if has_begun else [asyncio.ensure_future(pool.run(hold))]
        asked = asyncio.ensure_future(views.backtests(RequestFactory().generic("POST", "/", json.dumps(GOOD))))
        while pool.taken <= len(before):
            await asyncio.sleep(0)
        await asyncio.to_thread(held.wait, PATIENCE_SECONDS)
        asked.cancel()
        await asyncio.wait([asked])
        goes_on.set()
        await asyncio.gather(pool.run(int), *before)

    read = views.read
    monkeypatch.setattr(views, "read", hold)
    monkeypatch.setattr(http, "token_of", token_of)
    monkeypatch.setattr(recording, "audit", audit)
    monkeypatch.setattr(pools, "lookups", pool)
    asyncio.run(leave())
    assert Backtest.objects.count() == has_begun
    assert [entry.action for entry in audit.take()] == [told]
