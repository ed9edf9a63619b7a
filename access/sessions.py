"""Sessions of the admin, as Django keeps them in the database: looked up only by what can be the key of one."""

from __future__ import annotations

import re

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions

#: A cookie may hold anything, a NUL too, which PostgreSQL takes for an error.
_KEY = re.compile(r"[a-z0-9]{32}", re.ASCII)


class SessionStore(DatabaseSessions):
    """The session of a cookie; of one that is no key, a new session."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key if session_key and _KEY.fullmatch(session_key) else None)
