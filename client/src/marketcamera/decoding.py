"""Decoding: from what a socket or file brings to plain objects; orjson and zstandard are used where installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from marketcamera.errors import BadMessage, MarketCameraError


def _dumps(data: Any) -> bytes:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


try:
    import orjson
except ModuleNotFoundError:
    loads: Callable[[str | bytes], Any] = json.loads
    dumps: Callable[[Any], bytes] = _dumps
else:
    loads, dumps = orjson.loads, orjson.dumps


def decode(text: str | bytes) -> list[dict[str, Any]]:
    """The messages in a WebSocket message: one, or the array of a batch; bytes are a zstd frame. Raises BadMessage."""
    if isinstance(text, bytes):
        text = decompress(text)
    try:
        found = loads(text)
    except (ValueError, RecursionError):
        raise BadMessage("a message must be JSON", text) from None
    messages = found if isinstance(found, list) else [found]
    for message in messages:
        if not isinstance(message, dict) or "type" not in message:
            raise BadMessage("a message is an object with a type", text)
    return messages


def decompress(data: bytes) -> bytes:
    """The text in one zstd frame. Raises BadMessage, and MarketCameraError where zstandard is not installed."""
    zstandard = zstandard_module()
    try:
        text: bytes = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    except zstandard.ZstdError:
        raise BadMessage("a binary message must be a zstd frame", data) from None
    return text


def zstandard_module() -> Any:
    """The zstandard module. Raises MarketCameraError with the command that installs it."""
    try:
        import zstandard
    except ModuleNotFoundError:
        raise MarketCameraError("zstd needs the zstandard package: pip install 'marketcamera[zstd]'") from None
    return zstandard
