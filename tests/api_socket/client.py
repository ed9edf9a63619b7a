"""A subscribe client written from the contract."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from access import secret
from tests.network import CALM
from tests.processes import PATIENCE_SECONDS, Live, Site

PATH = "/api/v1/websocket"


def new_token(site: Site, *arguments: str, **env: Any) -> str:
    """A token, issued as its user would."""
    made = site.run("createtoken", "test", *arguments, **env)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def kept_token(site: Site, scopes: str = "read backtest") -> str:
    """Another token, in the database without the second of the processor that the command takes."""
    text = secret.new_token()
    columns = "name, prefix, hash, scopes, created_at"
    values = ("test", secret.prefix_of(text), secret.hash_of(text), scopes)
    change(site, f"INSERT INTO access_token ({columns}) VALUES (?, ?, ?, ?, CURRENT_TIMESTAMP)", *values)
    return text


def change(site: Site, statement: str, *values: Any) -> None:
    """Change rows of the site's database, beside its processes."""
    with closing(sqlite3.connect(site.database, timeout=PATIENCE_SECONDS)) as database, database:
        database.execute(statement, values)


class Client:
    """One connection; leaves with the `with` block."""

    def __init__(self, live: Live, token: str | None, **options: Any) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        query = options.pop("query", "")
        address = live.ws_url + PATH + query
        self._connection = connect(
            address, additional_headers=headers, compression=None, max_queue=None, **{**CALM, **options}
        )

    def __enter__(self) -> Client:
        self.socket: ClientConnection = self._connection.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def say(self, message: Any) -> None:
        self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    def hear(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.socket.recv(PATIENCE_SECONDS))
        return message

    def subscribe(self, channel: str, **more: Any) -> None:
        self.say({"type": "subscribe", "channel": channel, **more})
        assert self.hear_until("subscribed")[-1]["channel"] == channel

    def hear_until(self, type: str, **facts: Any) -> list[dict[str, Any]]:
        """Everything up to the first message of this type whose data, or itself, has these facts."""
        return self.hear_while(
            lambda heard: not (heard and heard[-1]["type"] == type and facts.items() <= _facts(heard[-1]).items())
        )

    def hear_while(self, lacks: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Everything that comes while what was heard lacks something."""
        heard: list[dict[str, Any]] = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        while lacks(heard):
            assert time.monotonic() < deadline, f"what was waited for did not come, but {heard[-5:]}"
            heard.append(self.hear())
        return heard

    def first(self, type: str, **facts: Any) -> dict[str, Any]:
        return self.hear_until(type, **facts)[-1]

    def asked(self, message: Any) -> dict[str, Any]:
        """The answer to a message: the first that is no data."""
        self.say(message)
        while (answer := self.hear())["type"] in ("market_data", "agent_status", "alerts", "backtest_progress"):
            pass
        return answer

    def close_code(self) -> int:
        """How the server closes the connection, whatever it sends before."""
        try:
            while True:
                self.hear()
        except ConnectionClosed as closed:
            assert closed.rcvd is not None, "the connection was cut"
            return int(closed.rcvd.code)


def _facts(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**message, **(message.get("data") or {})}.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    return not isinstance(value, list | dict)
