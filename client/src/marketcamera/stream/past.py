"""The past as a stream's URL asks for it, and how a replay that broke off is taken up again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marketcamera.stream.messages import Kind

_T = re.compile(r"[0-9]{1,16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Past:
    """A replay from `begin`, a t or a time, to `end`, which is "" where it goes on into the present."""

    begin: str
    end: str
    speed: str | None

    @staticmethod
    def of(named: Mapping[str, str], since: int | Mapping[Kind, int] | None) -> Past | None:
        """The replay that a URL's query names, begun behind `since` where that is given. Raises ValueError."""
        if "replay" not in named:
            if "speed" in named:
                raise ValueError("speed is that of a replay, and the URL names none")
            return None
        if "since" in named:
            raise ValueError("a stream's URL names since or replay, not both")
        begin, dots, end = named["replay"].partition("..")
        if not begin or not dots:
            raise ValueError(f"replay must be T0..T1 or T0.., got {named['replay']!r}")
        if since is not None:
            begin = str((min(since.values()) if isinstance(since, Mapping) else since) + 1)
        return Past(begin, end, named.get("speed"))

    @property
    def is_over(self) -> bool:
        """Whether nothing is left of it, as of one that is taken up again behind its end."""
        return bool(_T.fullmatch(self.begin) and _T.fullmatch(self.end)) and int(self.begin) > int(self.end)

    def parameters(self, next_t: int | None) -> dict[str, str]:
        """What to ask the server for, from `next_t` on where something was given already."""
        replay = f"{self.begin if next_t is None else next_t}..{self.end}"
        return {"replay": replay} | ({} if self.speed is None else {"speed": self.speed})

    def is_ended_by(self, data: Mapping[str, Any]) -> bool:
        """Whether nothing more of it follows a message: a part that ends is a part of one recording."""
        is_change = data["type"] == "gap" and data.get("reason") == "store_changed"
        return data["type"] == "replay_end" or (is_change and self.end != "")
