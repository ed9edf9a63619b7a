"""The errors of a subscribe client."""

from __future__ import annotations

from typing import Any

import orjson

from access.token_from_request import REFUSAL
from runtime.shown import cut
from streaming.protocol import CLOSE_LIMIT, CLOSE_STALLED

CLOSE_TOO_LARGE = 1009
CLOSE_TRY_LATER = 1013
CLOSE_UNAUTHORIZED = 4401
CLOSE_FORBIDDEN = 4403


class SubscribeError(Exception):
    """A code for programs and a sentence for people; without a close code the connection stays open."""

    code = ""
    close: int | None = None

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidFormat(SubscribeError):
    code = "invalid_message_format"

    def __init__(self, detail: str = "消息必须是有效的JSON格式") -> None:
        super().__init__(detail)


class UnsupportedType(SubscribeError):
    code = "unsupported_message_type"

    def __init__(self, type: Any) -> None:
        super().__init__(f"不支持的消息类型: {shown(type)}")


class UnknownChannel(SubscribeError):
    code = "unknown_channel"

    def __init__(self, channel: Any) -> None:
        super().__init__(f"未知的频道: {shown(channel)}")


class UnknownSymbol(SubscribeError):
    code = "unknown_symbol"

    def __init__(self, symbol: Any) -> None:
        super().__init__(f"未知的交易代码: {shown(symbol)}")


class TooManySubscriptions(SubscribeError):
    code = "too_many_subscriptions"

    def __init__(self, most: int) -> None:
        super().__init__(f"订阅数量超过上限: 每个连接最多{most}个")


class TooManyReplays(SubscribeError):
    code = "too_many_replays"

    def __init__(self, most: int) -> None:
        super().__init__(f"回放数量超过上限: 最多{most}个")


class NoReplay(SubscribeError):
    code = "no_replay"

    def __init__(self, symbol: Any) -> None:
        super().__init__(f"没有正在进行的回放: {'全部' if symbol is None else shown(symbol)}")


class RateLimited(SubscribeError):
    code = "rate_limited"

    def __init__(self, most: int) -> None:
        super().__init__(f"消息发送过于频繁: 每秒最多{most}条")


class RateIgnored(RateLimited):
    """The client sent too many messages even after refusals."""

    close = CLOSE_LIMIT


class TooManyConnections(SubscribeError):
    code = "too_many_connections"
    close = CLOSE_LIMIT

    def __init__(self, most: int) -> None:
        super().__init__(f"连接数量超过上限: 最多{most}个")


class AuthenticationFailed(SubscribeError):
    code = "authentication_failed"
    close = CLOSE_UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__(REFUSAL)


class InsufficientScope(SubscribeError):
    code = "insufficient_scope"
    close = CLOSE_FORBIDDEN

    def __init__(self, scope: str) -> None:
        super().__init__(f"访问令牌缺少权限: {scope}")


class Unavailable(SubscribeError):
    """The database is unavailable, so clients cannot be admitted and markets cannot be looked up."""

    code = "unavailable"

    def __init__(self) -> None:
        super().__init__("服务暂时不可用，请稍后重试")


class CannotLetIn(Unavailable):
    close = CLOSE_TRY_LATER


class TooLarge(SubscribeError):
    code = "message_too_large"
    close = CLOSE_TOO_LARGE

    def __init__(self, size: int, most: int) -> None:
        super().__init__(f"消息过大: 最多{most}字节，收到{size}字节")


class TooSlow(SubscribeError):
    """More data waits for the client than allowed.

    Dropping alerts would be a silent loss; it can fetch them over HTTP.
    """

    code = "too_slow"
    close = CLOSE_STALLED

    def __init__(self, waiting_bytes: int, most_bytes: int) -> None:
        super().__init__(f"接收过慢: 待发送{waiting_bytes}字节，最多{most_bytes}字节")


class Idle(SubscribeError):
    """Closed with a reason and no message: the client sends nothing and is subscribed to nothing."""

    close = CLOSE_STALLED

    def __init__(self, seconds: float) -> None:
        super().__init__(f"连接空闲超过{seconds:g}秒")


def shown(value: Any) -> str:
    """A client's value as part of a sentence, cut short; a text unchanged, anything else as JSON."""
    text = value if isinstance(value, str) else _json(value)
    return cut(text)


def _json(value: Any) -> str:
    if isinstance(value, list | dict):
        return "[…]" if isinstance(value, list) else "{…}"  # it may be nested deeper than JSON can be written
    return orjson.dumps(value).decode()
