"""The subscribe socket through the real server, everything in one process."""

from __future__ import annotations

import json
import socket
import time
from contextlib import ExitStack, suppress
from itertools import chain
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import sync_playwright
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from api_socket.protocol import CHANNELS
from tests.api_socket.client import PATH, Client, change, kept_token, new_token
from tests.api_socket.conftest import CONNECTIONS, SUBSCRIPTIONS
from tests.end_to_end.reading import GOLDEN, golden_frames, tape_settings
from tests.examples import at_most
from tests.processes import PATIENCE_SECONDS, Live, Site, wait_until

REFUSED = {"type": "error", "error": "authentication_failed", "detail": "无效或过期的访问令牌"}
PING = {"type": "ping", "timestamp": 1701234567.89}
PONG = {"type": "pong", "timestamp": 1701234567.89}


# -- who is let in


@pytest.mark.parametrize("name", ["bearer", "Bearer"])
def test_a_token_in_the_subprotocol_is_answered_with_its_name(market: Live, token: str, name: str) -> None:
    with Client(market, None, subprotocols=[Subprotocol(name), Subprotocol(token)]) as client:
        assert client.socket.subprotocol == name
        assert client.asked(PING) == PONG


@pytest.mark.parametrize("before", [["Authorization"], ["Authorization", "Bearer"], ["authorization", "bearer"]])
def test_a_token_behind_the_name_of_the_header_is_answered_with_that(
    market: Live, token: str, before: list[str]
) -> None:
    with Client(market, None, subprotocols=[Subprotocol(name) for name in [*before, token]]) as client:
        assert client.socket.subprotocol == before[0]
        assert client.asked(PING) == PONG


def test_the_name_of_the_scheme_is_no_token(market: Live) -> None:
    with Client(market, None, subprotocols=[Subprotocol("Authorization"), Subprotocol("Bearer")]) as client:
        assert client.socket.subprotocol == "Authorization"
        assert client.hear() == REFUSED


def test_a_token_in_the_query_or_the_header_lets_in(market: Live, token: str) -> None:
    with Client(market, None, query=f"?token={token}") as client:
        assert client.asked(PING) == PONG
    with Client(market, token) as client:
        assert client.asked(PING) == PONG


def test_the_pair_of_a_client_that_takes_the_subprotocol_for_a_header_is_accepted(market: Live, token: str) -> None:
    odd = f"Authorization, Bearer {token}"  # which a well-behaved client library refuses to send
    request = (
        f"GET {PATH} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {odd}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", market.port), timeout=PATIENCE_SECONDS) as client:
        client.sendall(request.encode())
        answer = client.recv(4096).decode()
    assert answer.startswith("HTTP/1.1 101")
    assert "sec-websocket-protocol: authorization\r\n" in answer.lower()


@pytest.mark.parametrize("wrong", [None, "nonsense", "mc_0123456789ab_" + "A" * 43])
def test_without_a_valid_token_it_is_said_and_closed(market: Live, wrong: str | None) -> None:
    with Client(market, wrong) as client:
        assert client.hear() == REFUSED
        assert client.close_code() == 4401


def test_a_token_without_the_scope_read_is_told_so_and_closed(market: Live) -> None:
    with Client(market, kept_token(market.site, "backtest")) as client:
        assert client.hear() == {"type": "error", "error": "insufficient_scope", "detail": "访问令牌缺少权限: read"}
        assert client.close_code() == 4403


def test_who_connects_and_who_is_refused_is_audited(market: Live) -> None:
    token = kept_token(market.site)
    for presented in (token, token[:-43] + "A" * 43):
        with Client(market, presented) as client:
            client.asked(PING)
    name = f"test (mc_{token.split('_')[1]}_…), from 127.0.0.1, 1 times"
    wait_until(lambda: all(f"{done}: {name}" in market.log() for done in ("connect", "refused")), "the audit")
    assert token not in market.log()


def test_a_token_that_expires_closes_its_open_connection(market: Live) -> None:
    token = kept_token(market.site)
    with Client(market, token) as client:
        client.subscribe("market_data")
        prefix = token.split("_")[1]
        change(market.site, "UPDATE access_token SET expires_at = CURRENT_TIMESTAMP WHERE prefix = ?", prefix)
        assert client.first("error") == REFUSED
        assert client.close_code() == 4401
    with Client(market, token) as client:
        assert client.hear() == REFUSED


def test_a_token_that_is_revoked_closes_its_open_connections(market: Live) -> None:
    token, other = kept_token(market.site), kept_token(market.site)
    with Client(market, token) as one, Client(market, token) as two, Client(market, other) as bystander:
        for client in (one, two, bystander):
            client.subscribe("market_data")
        prefix = token.split("_")[1]
        change(market.site, "UPDATE access_token SET revoked_at = CURRENT_TIMESTAMP WHERE prefix = ?", prefix)
        for client in (one, two):
            assert client.first("error") == REFUSED
            assert client.close_code() == 4401
        assert bystander.asked(PING) == PONG


@pytest.mark.long
@pytest.mark.browser
def test_a_browser_gets_prices_with_the_pair_it_can_send(market: Live, token: str, chromium_path: str) -> None:
    script = """([path, token]) => new Promise((resolve, reject) => {
        const socket = new WebSocket(`ws://${location.host}${path}`, ["bearer", token]);
        socket.onopen = () => socket.send(JSON.stringify({type: "subscribe", channel: "market_data"}));
        socket.onerror = () => reject(new Error("refused"));
        socket.onmessage = ({data}) => {
            const message = JSON.parse(data);
            if (message.type === "market_data") { socket.close(); resolve([socket.protocol, message]); }
        };
    })"""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{market.url}/health")
        protocol, message = page.evaluate(script, [PATH, token])
        browser.close()
    assert (protocol, message["symbol"]) == ("bearer", "IG-USD")


# -- what they get


def test_prices_come_at_most_ten_times_a_second(market: Live, token: str) -> None:
    with Client(market, token) as client:
        begun = time.monotonic()
        client.subscribe("market_data", symbol="IG-USD", params={})
        heard = [client.hear() for _ in range(21)]
        seconds = time.monotonic() - begun
    assert len(heard) <= 10 * seconds + 2, "of fifty ticks a second"
    for message in heard:
        assert (message["type"], message["symbol"]) == ("market_data", "IG-USD")
        assert message["data"].keys() >= {"timestamp", "price", "open", "high", "low", "volume"}
        assert message["data"]["low"] <= message["data"]["price"] <= message["data"]["high"]
    stamps = [message["data"]["timestamp"] for message in heard]
    assert stamps == sorted(set(stamps))


def test_after_unsubscribing_they_stop(market: Live, token: str) -> None:
    with Client(market, token) as client:
        client.subscribe("market_data")
        client.first("market_data")
        answer = client.asked({"type": "unsubscribe", "channel": "market_data"})
        assert answer == {"type": "unsubscribed", "channel": "market_data", "symbol": None, "data": {}}
        client.say(PING)
        assert client.hear() == PONG
        assert client.asked({"type": "unsubscribe", "channel": "market_data"})["type"] == "unsubscribed"


def test_every_part_of_the_system_tells_how_it_fares(market: Live, token: str) -> None:
    parts: dict[str, dict[str, Any]] = {}
    begun = psutil.Process(market.process.pid).create_time()
    with Client(market, token) as client:
        client.subscribe("agent_status")
        while not {"simulator", "camera", "recorder"} < parts.keys():
            message = client.first("agent_status")
            parts[message["agent_id"]] = message["data"]
        (web,) = parts.keys() - {"simulator", "camera", "recorder"}
    assert web.startswith("web-")
    for data in parts.values():
        assert data.keys() == {"status", "cpu_usage", "memory_usage", "task_queue_size", "last_update"}
        assert data["status"] == "running"
        assert 0 <= data["cpu_usage"] < 200
        assert 20 < data["memory_usage"] < 4000
        assert begun <= data["last_update"] <= time.time() + 0.001


def test_alerts_are_listed_for_whoever_has_a_token(market: Live, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}

    def active() -> Any:
        found = market.ask("/api/v1/alerts?active=1", headers=headers).json()["alerts"]
        return [one for one in found if "内存使用率" in one["message"]]

    (alert,) = wait_until(active, "an alert on memory")
    assert alert.keys() == {"id", "level", "message", "timestamp", "source", "cleared_at"}
    assert (alert["level"], alert["cleared_at"]) == ("warning", None)
    assert market.ask("/api/v1/alerts").status == 401


def test_who_subscribes_to_alerts_is_told_the_active_ones_at_once_and_once(market: Live, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}

    def active() -> list[dict[str, Any]]:
        found = market.ask("/api/v1/alerts?active=1", headers=headers).json()["alerts"]
        return [one for one in found if "内存使用率" in one["message"]]

    (alert,) = wait_until(active, "an alert on memory")
    raised = {name: alert[name] for name in ("level", "message", "timestamp", "source")}
    for symbol in ({}, {"symbol": "IG-USD"}):
        with Client(market, token) as client:
            client.subscribe("alerts", **symbol)
            assert client.first("alerts", source=alert["source"]) == {"type": "alerts", "data": raised}
            client.subscribe("alerts", **symbol)
            client.subscribe("alerts", symbol="IG-USD")
            client.say(PING)
            heard = client.hear_until("pong")
            assert not [one for one in heard if one["type"] == "alerts" and one["data"] == raised], "told already"


@pytest.mark.long
def test_bursts_and_shocks_of_a_market_are_listed_each_once(site: Site) -> None:
    tape = GOLDEN / "events.ticks.jsonl.zst"
    live = site.serve(IG_SOURCE=f"file:{tape}", IG_SPEED=20, IG_CAM_METRIC_DOWNSAMPLE=100, **tape_settings("events"))
    events = [frame["events"] for frame in golden_frames("events")]
    bursts = [f"t={one['t0']}..{one['t1']}" for one in chain.from_iterable(one["bursts"] for one in events)]
    shocks = [f"t={one['t']}" for one in chain.from_iterable(one["shocks"] for one in events)]
    headers = {"Authorization": f"Bearer {new_token(site)}"}

    def listed() -> list[str]:
        alerts = live.ask("/api/v1/alerts?limit=1000", headers=headers).json()["alerts"]
        happened = [one for one in alerts if one["source"] == "market:IG-USD"]
        assert all(one["level"] == "info" and one["cleared_at"] == one["timestamp"] for one in happened)
        return sorted(one["message"].split()[2].split("，")[0] for one in happened)

    wait_until(lambda: len(listed()) >= len(bursts + shocks), "every event of the tape")
    assert listed() == sorted(bursts + shocks)


def test_what_happens_while_the_database_is_away_is_pushed(market: Live, token: str) -> None:
    database = market.site.database
    aside = database.with_name("aside.sqlite3")
    with Client(market, token) as client:
        client.subscribe("alerts")
        database.rename(aside)
        database.mkdir()
        try:
            alert = client.first("alerts", source="database", level="critical")
            client.subscribe("market_data")
            client.first("market_data")
            with Client(market, token) as late:
                assert late.hear()["error"] == "unavailable"
                assert late.close_code() == 1013
        finally:
            database.rmdir()
            aside.rename(database)
        assert "数据库" in alert["data"]["message"]
        client.first("alerts", source="database", level="info")


# -- what they may not


@pytest.mark.parametrize(
    ("message", "error", "detail"),
    [
        ("nonsense", "invalid_message_format", "消息必须是有效的JSON格式"),
        (b"\xff\x00", "invalid_message_format", "消息必须是有效的JSON格式"),
        ({"type": "unknown_type"}, "unsupported_message_type", "不支持的消息类型: unknown_type"),
        ({"type": "subscribe", "channel": "prices"}, "unknown_channel", "未知的频道: prices"),
        ({"type": "subscribe", "channel": "alerts", "symbol": "0700.HK"}, "unknown_symbol", "未知的交易代码: 0700.HK"),
        ({"type": "unsubscribe", "channel": "alerts", "symbol": "X"}, "unknown_symbol", "未知的交易代码: X"),
    ],
)
def test_a_mistake_is_answered_and_the_connection_lives(
    market: Live, token: str, message: Any, error: str, detail: str
) -> None:
    with Client(market, token) as client:
        assert client.asked(message) == {"type": "error", "error": error, "detail": detail}
        assert client.asked(PING) == PONG


def test_the_hundred_and_first_message_in_a_second_is_refused_and_the_connection_lives(
    market: Live, token: str
) -> None:
    with Client(market, token) as client:
        answers = wait_until(lambda: refused(client), "a hundred and one within a second")
        assert answers[:100] == [PONG] * 100
        wait_until(lambda: answers_within(client, 0.3), "an answer after a pause")


def refused(client: Client) -> list[dict[str, Any]] | None:
    """The answers to 101 messages at once, the last of which is a refusal; None where it took longer than a second."""
    time.sleep(1.2)  # none of those before count
    for _ in range(101):
        client.say(PING)
    answers = [client.hear() for _ in range(101)]
    return answers if answers[100].get("error") == "rate_limited" else None


def answers_within(client: Client, seconds: float) -> bool:
    client.say(PING)
    try:
        return json.loads(client.socket.recv(seconds)) == PONG
    except TimeoutError:
        return False


def test_whoever_goes_on_is_closed(market: Live, token: str) -> None:
    with Client(market, token) as client:
        with suppress(ConnectionClosed):
            for _ in range(500):
                client.say(PING)
        heard = client.hear_until("error", error="rate_limited")
        assert heard[-1]["detail"] == "消息发送过于频繁: 每秒最多100条"
        assert client.close_code() == 4429


def test_a_connection_without_message_and_subscription_is_closed(site: Site) -> None:
    market, token = site.serve(IG_API_IDLE_SECONDS=2), kept_token(site)
    with ExitStack() as stack:
        busy = wait_until(lambda: _subscribed(market, token, stack), "a subscription within the limit")
        for _ in range(2):  # the second began when the limit of the busy one was over
            begun = time.monotonic()
            with Client(market, token) as idle:
                assert idle.close_code() == 4408
            assert time.monotonic() - begun >= 2
        assert busy.asked(PING) == PONG


def test_one_connection_too_many_is_refused(market: Live, token: str) -> None:
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):  # each as soon as no client of the test before is left
            wait_until(lambda: _subscribed(market, token, stack), "a place")
        with Client(market, token) as late:
            assert late.hear() == {
                "type": "error",
                "error": "too_many_connections",
                "detail": f"连接数量超过上限: 最多{CONNECTIONS}个",
            }
            assert late.close_code() == 4429
    wait_until(lambda: _is_let_in(market, token), "room again")


def _subscribed(market: Live, token: str, stack: ExitStack) -> Client | None:
    """A client with a subscription, which leaves with the stack; None where it was refused, or too slow."""
    client = stack.enter_context(Client(market, token))
    with suppress(ConnectionClosed):
        client.say({"type": "subscribe", "channel": "backtest_progress"})
        if client.hear()["type"] == "subscribed":
            return client
    return None


def _is_let_in(market: Live, token: str) -> bool:
    with suppress(ConnectionClosed), Client(market, token) as client:
        return client.asked(PING) == PONG
    return False


def test_one_subscription_too_many_is_refused(market: Live, token: str) -> None:
    topics = [{"channel": channel, "symbol": symbol} for channel in CHANNELS for symbol in (None, "IG-USD")]
    with Client(market, token) as client:
        for topic in topics[:SUBSCRIPTIONS]:
            client.subscribe(**topic)
        client.subscribe(**topics[0])
        assert client.asked({"type": "subscribe", **topics[SUBSCRIPTIONS]}) == {
            "type": "error",
            "error": "too_many_subscriptions",
            "detail": f"订阅数量超过上限: 每个连接最多{SUBSCRIPTIONS}个",
        }
        assert client.asked({"type": "unsubscribe", **topics[0]})["type"] == "unsubscribed"
        client.subscribe(**topics[SUBSCRIPTIONS])


@settings(max_examples=at_most(40), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.lists(st.text(max_size=300) | st.binary(max_size=300) | st.dictionaries(st.text(), st.text()).map(json.dumps))
)
def test_whatever_comes_every_message_is_answered(market: Live, token: str, messages: list[str | bytes]) -> None:
    with Client(market, token) as client:
        for message in messages[:90]:
            client.say(message)
            assert client.hear()["type"] in ("error", "pong")
        assert client.asked(PING) == PONG


def test_no_token_reaches_the_log(market: Live, token: str) -> None:
    for path in (f"/api/v1/alerts?token={token}", f"{PATH}?token={token}", f"/admin?token={token}", f"//{token}"):
        market.ask(path)
    with Client(market, None, query=f"?token={token}&token={token}") as client:
        client.say(b"\xff")
        client.hear()
    assert token not in market.log()
    assert token[16:] not in market.log()
