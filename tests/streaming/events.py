"""What a browser makes of a stream of events (HTML standard, section 9.2.6), written from the standard alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Event:
    """An event as a listener gets it; `last_id` is what the browser would send if its connection ended here."""

    type: str
    data: str
    last_id: str

    @property
    def json(self) -> Any:
        return json.loads(self.data)


@dataclass
class EventParser:
    """Takes the bytes of a stream; `events` are those that were dispatched, `last_id` the id by then."""

    last_id: str = ""
    events: list[Event] = field(default_factory=list)
    retry_ms: int | None = None
    comments: int = 0
    _rest: bytes = b""
    _id: str | None = None
    _type: str = ""
    _data: list[str] = field(default_factory=list)

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line.decode())

    def _take(self, line: str) -> None:
        if not line:
            self._dispatch()
        elif line.startswith(":"):
            self.comments += 1
        else:
            name, _, value = line.partition(":")
            self._set(name, value.removeprefix(" "))

    def _set(self, name: str, value: str) -> None:
        match name:
            case "event":
                self._type = value
            case "data":
                self._data.append(value)
            case "id":
                self._id = value
            case "retry":
                self.retry_ms = int(value)

    def _dispatch(self) -> None:
        self.last_id = self.last_id if self._id is None else self._id
        if self._data:
            self.events.append(Event(self._type or "message", "\n".join(self._data), self.last_id))
        self._type, self._data = "", []
