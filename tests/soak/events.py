"""Clients of `/stream`: each does as a browser's `EventSource`, and is promised each message once."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from tests.soak.streams import StreamClient
from tests.soak.wire import SILENCE_SECONDS
from tests.streaming.events import EventParser


@dataclass
class EventClient(StreamClient):
    """Comes again with the last id after each end, which is where its stream goes on."""

    seamless: bool = True
    _last_id: str = ""

    async def _visit(self) -> bool:
        """One connection; whether it brought anything."""
        url = f"http://127.0.0.1:{self.rng.choice(self.ports)}{self._asking('/stream', [])}"
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": self._last_id} if self._last_id else {})}
        transport = httpx.AsyncHTTPTransport(local_address=self.source, verify=False)
        options = {"transport": transport, "timeout": SILENCE_SECONDS, "trust_env": False}
        try:
            async with (
                httpx.AsyncClient(**options) as client,  # type: ignore[arg-type]
                client.stream("GET", url, headers=headers) as answer,
            ):
                return await self._listen_to(answer)
        except httpx.HTTPError as error:
            self.book.count(f"events: {type(error).__name__}")
        return False

    async def _listen_to(self, answer: httpx.Response) -> bool:
        if answer.status_code != 200:
            self.book.violation(self.name, f"status {answer.status_code}", self.query)
            return False
        self.connections += 1
        self.watch.connected(self.watch.since)
        parser, brought = EventParser(self._last_id), False
        try:
            async for data in answer.aiter_bytes():
                parser.feed(data)
                for event in parser.events:
                    brought = self._hear(event.data.encode()) or brought
                parser.events.clear()
                self._last_id = parser.last_id
                if self.over:
                    break
        except httpx.ReadTimeout:  # of a head that does not come nothing is promised: it is as a socket not opened
            self.book.violation(self.name, "silence", f"not a byte for long, at t={self.watch.last_t}")
        self.book.count("events: closed")
        return brought
