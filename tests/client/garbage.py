"""What no Market Camera server sends: bytes, texts and JSON of every sort, and messages with a part that is wrong."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.client.made import gap, message

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(10**400), 10**400) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NO_INTEGER = JSON.filter(lambda value: type(value) is not int)
NO_TEXT = JSON.filter(lambda value: not isinstance(value, str))

BAR = {
    "type": "BAR", "symbol": "A", "timeframe": "1m", "open_time": 0, "close_time": 60_000,
    "open": "1", "high": "1", "low": "1", "close": "1", "volume": "1",
}  # fmt: skip
NESTED = "[" * 3_000

#: As it goes over a socket: text, or bytes for a binary message.
NO_MESSAGE: st.SearchStrategy[str | bytes] = st.one_of(
    st.text(max_size=20).filter(lambda text: not text.strip().lstrip("-").isdigit()),
    st.binary(max_size=20),
    st.just(NESTED),
    st.just("[1, 2]"),
    JSON.filter(lambda value: value != []).map(json.dumps),
    NO_TEXT.map(lambda kind: json.dumps({"type": kind})),
)


def _with(whole: dict[str, Any], name: str, value: Any) -> str:
    return json.dumps({**whole, name: value})


@st.composite
def feed_garbage(draw: st.DrawFn) -> str | bytes:
    """A message to a feed's client that cannot be understood, or a refusal."""
    return draw(
        st.one_of(
            NO_MESSAGE,
            st.builds(_with, st.just(BAR), st.sampled_from([*BAR][1:]), JSON),
            st.builds(lambda names: json.dumps({"type": "CONNECTED", "unknown_symbols": names}), JSON),
            st.builds(lambda text: json.dumps({"type": "ERROR", "message": text}), JSON),
            st.sampled_from([*BAR][1:]).map(lambda name: json.dumps({k: v for k, v in BAR.items() if k != name})),
        )
    )


@st.composite
def stream_garbage(draw: st.DrawFn) -> str | bytes:
    """A message to a stream's client that cannot be understood."""
    kind = draw(st.sampled_from(["tick", "metric", "frame"]))
    lost = gap(kind, 3, 4, "lost")
    return draw(
        st.one_of(
            NO_MESSAGE,
            st.builds(_with, st.just(message(kind, 3)), st.just("t"), NO_INTEGER),
            st.builds(_with, st.just(message(kind, 3)), st.just("ts"), st.sampled_from([None, "1", [], float("nan")])),
            st.builds(_with, st.just(lost), st.sampled_from(["from_t", "to_t"]), NO_INTEGER),
            st.builds(_with, st.just(lost), st.just("kind"), NO_TEXT),
            st.just(json.dumps(gap(kind, 5, 4, "lost"))),
            st.builds(lambda t: json.dumps({"type": "caught_up", "t": t}), NO_INTEGER),
        )
    )
