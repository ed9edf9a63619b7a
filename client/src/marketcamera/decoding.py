"""Decoding: from what a socket or file brings to plain objects; orjson and zstandard are used where installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from marketcamera.errors import BadMessage, MarketCameraError

#: A frame of 10,000 agents has some megabytes; a message beyond this is not ours and must not fill the memory.
MOST_TEXT_BYTES = 256 << 20
#: At most 128 KiB of text come of 4 bytes: no more than 32 MiB at a step.
_STEP_BYTES = 1024


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
    """The messages in a WebSocket message: one, or the array of a batch; bytes are a zstd frame. Each has a `type`.

    Raises BadMessage, MarketCameraError.
    """
    if isinstance(text, bytes):
        text = decompress(text)
    try:
        found = loads(text)
    except (ValueError, RecursionError):
        raise BadMessage("a message must be JSON", text) from None
    messages = found if isinstance(found, list) else [found]
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise BadMessage("a message is an object with a type", text)
    return messages


def decompress(data: bytes) -> bytes:
    """The text in one zstd frame. Raises BadMessage, and MarketCameraError where zstandard is not installed."""
    zstandard = zstandard_module()
    decoder, text = zstandard.ZstdDecompressor().decompressobj(), bytearray()
    try:
        for at in range(0, len(data), _STEP_BYTES):
            if decoder.eof or len(text) > MOST_TEXT_BYTES:
                break
            text += decoder.decompress(data[at : at + _STEP_BYTES])
    except zstandard.ZstdError:
        raise BadMessage("a binary message must be a zstd frame", data) from None
    if len(text) > MOST_TEXT_BYTES:
        raise BadMessage(f"a message has at most {MOST_TEXT_BYTES:,} bytes of text", data)
    return bytes(text)


def zstandard_module() -> Any:
    """The zstandard module. Raises MarketCameraError with the command that installs it."""
    try:
        import zstandard
    except ModuleNotFoundError:
        raise MarketCameraError("zstd needs the zstandard package: pip install 'marketcamera[zstd]'") from None
    return zstandard
