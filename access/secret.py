"""The text of a token: `mc_<prefix>_<secret>`; only the prefix and a hash of the whole are kept."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

PREFIX_CHARACTERS = 12
HASH_CHARACTERS = 64

_SECRET_BYTES = 32
#: Only characters that are valid unchanged in a header, a query and a WebSocket subprotocol.
_TOKEN = re.compile(r"mc_([0-9a-f]{12})_[A-Za-z0-9_-]{43}", re.ASCII)


def new_token() -> str:
    """A token that cannot be guessed: 256 random bits follow its prefix."""
    return f"mc_{secrets.token_hex(PREFIX_CHARACTERS // 2)}_{secrets.token_urlsafe(_SECRET_BYTES)}"


def prefix_of(token: str) -> str | None:
    """The part by which a token is looked up; None for a text that is no token."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else found[1]


def hash_of(token: str) -> str:
    """The stored hash of a token. A slow hash would protect a password; a random text of this length needs none."""
    return hashlib.sha256(token.encode()).hexdigest()


def matches(token: str, kept_hash: str) -> bool:
    """Whether this is the token of the hash; takes the same time wherever they differ."""
    return hmac.compare_digest(hash_of(token), kept_hash)
