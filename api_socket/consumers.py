"""The socket `/api/v1/websocket`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError

from access import audit
from access.models import Token
from access.recording import note, note_in_use
from access.scopes import READ
from access.secret import prefix_of
from access.token_from_request import presented
from access.tokens import Checked, check
from api_socket.errors import (
    AuthenticationFailed,
    CannotLetIn,
    Idle,
    InsufficientScope,
    RateIgnored,
    RateLimited,
    SubscribeError,
    TooManyConnections,
    Unavailable,
    UnknownSymbol,
)
from api_socket.protocol import (
    Command,
    Control,
    Ping,
    Subscribe,
    Topic,
    Unsubscribe,
    error,
    parse,
    pong,
    subscribed,
    unsubscribed,
)
from api_socket.rate_limit import MessageRate, Verdict
from api_socket.replays import SubscriberReplays
from api_socket.service import Service, service
from api_socket.subscriber import Subscriber
from bars.past.request import PastBars
from runtime.addresses import Address
from runtime.measured import ended_streams
from streaming.admitting import client_address
from streaming.fanout.stream_client import Send, deliver
from streaming.limits import REFUSED
from streaming.protocol import CLOSE_UNAVAILABLE, FRAMES, StreamError
from streaming.relay.relays import relays


async def subscribe_api(scope: dict[str, Any], receive: Any, send: Send) -> None:
    """Serve one client from its first message to its last."""
    await receive()  # websocket.connect
    offered = presented(scope)
    await send({"type": "websocket.accept", "subprotocol": offered.subprotocol})
    raw = FRAMES in (scope.get("extensions") or {})
    try:
        if (scope.get("extensions") or {}).get(REFUSED) is not None:
            raise TooManyConnections(settings.CONFIG.api_connections)
        address = client_address(scope)
        token = await _token(offered.token, address)
        subscriber = Subscriber(send, token.pk, settings.CONFIG.outbox_bytes, raw=raw)
        replays = SubscriberReplays(subscriber, service().hub, service().prices, address)
        await _serve(SubscriberSession(receive, subscriber, service(), replays))
    except SubscribeError as refused:
        ended_streams["api", refused.code or "idle"] += 1
        if not isinstance(refused, Idle):
            await deliver(send, error(refused), raw=raw)
        await send({"type": "websocket.close", "code": refused.close, "reason": refused.detail})


@dataclass(slots=True)
class SubscriberSession:
    """A client that was admitted."""

    receive: Any
    subscriber: Subscriber
    service: Service
    replays: SubscriberReplays


async def _token(text: str | None, address: Address) -> Token:
    """The valid token of this text, which permits reading. Raises SubscribeError."""
    token, who = await _checked(text)
    if token is None:
        note(audit.REFUSED, who, address)
        raise AuthenticationFailed
    note_in_use([token.pk])
    if not token.permits(READ):
        note(audit.NO_SCOPE, who, address)
        raise InsufficientScope(READ)
    note(audit.CONNECT, who, address)
    return token


async def _checked(text: str | None) -> Checked:
    """What is known of a text. Raises CannotLetIn."""
    if text is None or prefix_of(text) is None:
        return Checked(None, audit.UNKNOWN)  # a random text needs no thread
    try:
        return await service().tokens.ask(check, text)
    except DatabaseError:
        raise CannotLetIn from None


async def _serve(session: SubscriberSession) -> None:
    """Serve a client until it leaves. Raises SubscribeError when it is refused or closed."""
    subscriber, hub = session.subscriber, session.service.hub
    hub.join(subscriber)
    tasks = {asyncio.create_task(subscriber.pump()), asyncio.create_task(_listen(session))}
    try:
        done, _ = await asyncio.wait({*tasks, subscriber.ended}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        session.replays.close()
        hub.leave(subscriber)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        subscriber.clear()
    for one in done:
        one.result()


async def _listen(session: SubscriberSession) -> None:
    """Answer the client until it leaves. Raises SubscribeError when it sends too much."""
    loop, subscriber = asyncio.get_running_loop(), session.subscriber
    talk = MessageRate(settings.CONFIG.api_messages_a_second)
    while True:
        message = await session.receive()
        if message["type"] == "websocket.disconnect":
            return
        subscriber.heard_at = loop.time()
        try:
            if _may_speak(talk, subscriber.heard_at):
                await _answer(session, parse(message.get("text") or message.get("bytes") or ""))
        except SubscribeError as refused:
            if refused.close is not None:
                raise
            subscriber.tell(error(refused))
        await subscriber.room()


def _may_speak(talk: MessageRate, now: float) -> bool:
    """Whether a message is read. Raises RateLimited if the refusal has to be reported."""
    most = settings.CONFIG.api_messages_a_second
    match talk.judge(now):
        case Verdict.REFUSE:
            raise RateLimited(most)
        case Verdict.CLOSE:
            raise RateIgnored(most)
        case verdict:
            return verdict is Verdict.READ


async def _answer(session: SubscriberSession, command: Command) -> None:
    await _HANDLERS[type(command)](session, command)


async def _subscribe(session: SubscriberSession, command: Subscribe) -> None:
    topic, before = command.topic, frozenset(session.subscriber.topics)
    if topic not in before:
        await _check_symbol(topic.symbol)
    if command.past is not None:
        return _subscribe_to_past(session, topic, command.past)
    session.replays.end(topic)
    session.service.hub.subscribe(session.subscriber, topic)
    session.subscriber.tell(subscribed(topic))
    session.service.greet(session.subscriber, topic, before)


def _subscribe_to_past(session: SubscriberSession, topic: Topic, past: PastBars) -> None:
    """What is refused leaves the topic as it is, live or another replay. Raises SubscribeError."""
    hub, subscriber = session.service.hub, session.subscriber
    hub.check_room(subscriber, topic)
    session.replays.begin(topic, past)
    session.service.unsubscribe(subscriber, topic)
    hub.subscribe(subscriber, topic, live=False)
    subscriber.tell(subscribed(topic))


async def _control(session: SubscriberSession, command: Control) -> None:
    session.replays.obey(command)


async def _unsubscribe(session: SubscriberSession, command: Unsubscribe) -> None:
    topic = command.topic
    if topic not in session.subscriber.topics:
        await _check_symbol(topic.symbol)
    session.replays.end(topic)
    session.service.unsubscribe(session.subscriber, topic)
    session.subscriber.tell(unsubscribed(topic))


async def _ping(session: SubscriberSession, command: Ping) -> None:
    session.subscriber.tell(pong(command))


_HANDLERS: dict[type[Command], Callable[[SubscriberSession, Any], Awaitable[None]]] = {
    Subscribe: _subscribe,
    Unsubscribe: _unsubscribe,
    Ping: _ping,
    Control: _control,
}


async def _check_symbol(symbol: str | None) -> None:
    """Raises UnknownSymbol if there is no such market, Unavailable if the database cannot say."""
    try:
        await relays.get(symbol)
    except StreamError as error:
        raise (Unavailable() if error.close == CLOSE_UNAVAILABLE else UnknownSymbol(symbol)) from None
