"""The text of a token."""

import re

from hypothesis import given
from hypothesis import strategies as st

from access.secret import HASH_CHARACTERS, PREFIX_CHARACTERS, hash_of, matches, new_token, prefix_of


def test_tokens_differ_and_can_be_looked_up_by_their_prefix() -> None:
    tokens = {new_token() for _ in range(100)}
    prefixes = {prefix_of(token) for token in tokens}
    assert len(tokens) == len(prefixes) == 100
    assert all(prefix is not None and len(prefix) == PREFIX_CHARACTERS for prefix in prefixes)


def test_a_token_fits_a_header_a_query_and_a_subprotocol() -> None:
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", new_token()) for _ in range(100))


def test_the_hash_does_not_hold_the_token_and_fits_its_column() -> None:
    token = new_token()
    assert len(hash_of(token)) == HASH_CHARACTERS
    assert token[16:] not in hash_of(token)


def test_only_the_token_itself_matches() -> None:
    token = new_token()
    assert matches(token, hash_of(token))
    assert not matches(token[:-1] + ("a" if token[-1] != "a" else "b"), hash_of(token))


@given(st.text())
def test_other_texts_are_no_tokens(text: str) -> None:
    assert prefix_of(text) is None
    assert prefix_of(new_token() + "\n") is None
