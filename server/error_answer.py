"""Errors as whole HTTP answers, for input that never becomes a request to the application."""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus


def error_answer(
    status: HTTPStatus, code: str, message: str, headers: Iterable[tuple[str, str]] = (), *, has_body: bool = True
) -> bytes:
    """The answer, in the shape of every error; the connection ends after it."""
    content = json.dumps({"error": {"code": code, "message": message}}).encode()
    lines = [
        f"HTTP/1.1 {status} {status.phrase}",
        "Content-Type: application/json",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers),
        f"Content-Length: {len(content)}",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + (content if has_body else b"")


def code_of(phrase: str) -> str:
    """A status's name as a code for programs."""
    return phrase.lower().replace(" ", "_")
