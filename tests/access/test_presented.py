"""The ways in which a client presents its token."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.token_from_request import Presented, bearer, presented


def scope(*headers: tuple[bytes, bytes], query: bytes = b"") -> dict[str, Any]:
    return {"headers": list(headers), "query_string": query}


PROTOCOL, HEADER = b"sec-websocket-protocol", b"authorization"


@pytest.mark.parametrize(
    ("made", "token", "subprotocol"),
    [
        (scope((HEADER, b"Bearer abc")), "abc", None),
        (scope((HEADER, b"bearer  abc ")), "abc", None),
        (scope(query=b"token=abc"), "abc", None),
        (scope(query=b"x=1&token=a%2Bc"), "a+c", None),
        (scope((HEADER, b"Bearer mc_0123456789ab_A-z_9")), "mc_0123456789ab_A-z_9", None),
        (scope((PROTOCOL, b"bearer, abc")), "abc", "bearer"),
        (scope((PROTOCOL, b"Bearer,abc")), "abc", "Bearer"),
        (scope((PROTOCOL, b"bearer"), (PROTOCOL, b"abc")), "abc", "bearer"),
        (scope((PROTOCOL, b"bearer, abc, chat")), "abc", "bearer"),
        (scope((PROTOCOL, b"Authorization, Bearer abc")), "abc", "Authorization"),
        (scope((PROTOCOL, b"Authorization, abc")), "abc", "Authorization"),
        (scope((PROTOCOL, b"Authorization,Bearer,abc")), "abc", "Authorization"),
        (scope((PROTOCOL, b"authorization, bearer, abc, chat")), "abc", "authorization"),
        (scope((PROTOCOL, b"Authorization"), (PROTOCOL, b"Bearer"), (PROTOCOL, b"abc")), "abc", "Authorization"),
        (scope((PROTOCOL, b"Authorization: Bearer abc")), "abc", "Authorization: Bearer abc"),
        (scope((PROTOCOL, b"Authorization:Bearer abc, chat")), "abc", "Authorization:Bearer abc"),
        (scope((PROTOCOL, b"Authorization Bearer abc")), "abc", "Authorization Bearer abc"),
        (scope((PROTOCOL, b"Bearer abc")), "abc", "Bearer abc"),
        (scope((PROTOCOL, b"Authorization, Bearer"), query=b"token=abc"), "abc", "Authorization"),
        (scope((PROTOCOL, b"bearer, query-wins-not"), query=b"token=abc"), "query-wins-not", "bearer"),
        (scope((HEADER, b"Bearer first"), (PROTOCOL, b"bearer, second")), "first", "bearer"),
        (scope((HEADER, b"Basic abc"), query=b"token=abc"), "abc", None),
    ],
)
def test_a_token_is_found_where_it_is_presented(made: dict[str, Any], token: str, subprotocol: str | None) -> None:
    assert presented(made) == Presented(token, subprotocol)


@pytest.mark.parametrize(
    "made",
    [
        scope(),
        scope((HEADER, b"Bearer")),
        scope((HEADER, b"Bearer ")),
        scope((HEADER, b"abc")),
        scope(query=b"token="),
        scope(query=b"token"),
        scope((HEADER, b"Bearer Bearer")),
        scope((HEADER, b"Bearer a b")),
        scope((HEADER, b"Bearer a,b")),
        scope((HEADER, b"Bearer \xff")),
        scope(query=b"token=a%20b"),
        scope(query=b"token=Bearer"),
        scope(query=b"token=%22"),
        scope((PROTOCOL, b"bearer")),
        scope((PROTOCOL, b"bearer, Bearer")),
        scope((PROTOCOL, b'bearer, "abc"')),
        scope((PROTOCOL, b"Authorization")),
        scope((PROTOCOL, b"Authorization, Bearer")),
        scope((PROTOCOL, b"Authorization: Bearer")),
        scope((PROTOCOL, b"Authorization, Bearer, Bearer")),
        scope((PROTOCOL, b"Authorization, a/b")),
        scope((PROTOCOL, b",Authorization, abc")),
        scope((PROTOCOL, b"chat, abc")),
    ],
)
def test_without_one_none_is_found(made: dict[str, Any]) -> None:
    assert presented(made).token is None


@pytest.mark.parametrize("offered", [b"Authorization, Basic abc", b"Authorization", b"Authorization, Bearer"])
def test_a_browser_that_offers_a_wrong_pair_is_answered_all_the_same(offered: bytes) -> None:
    assert presented(scope((PROTOCOL, offered))).subprotocol == "Authorization"


def test_a_token_is_not_shown_by_accident() -> None:
    assert "abc" not in repr(presented(scope((HEADER, b"Bearer abc"))))


@given(st.binary(), st.binary(), st.binary())
def test_whatever_comes_is_read_without_an_error(header: bytes, protocol: bytes, query: bytes) -> None:
    presented(scope((HEADER, header), (PROTOCOL, protocol), query=query))


@given(st.text())
def test_a_header_holds_a_token_only_after_its_scheme(text: str) -> None:
    found = bearer(text)
    assert found is None or text.strip().lower().startswith("bearer ")
