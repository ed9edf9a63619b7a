"""The installation as a Django app."""

import logging
from typing import Any

from django.apps import AppConfig
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from igsite.config import without_effect

#: As long as SQLite's; only where neither the URL nor the role or the server has one. Not one of the options that a
#: connection begins with, since PgBouncer refuses those.
_LOCK_TIMEOUT = "SELECT set_config('lock_timeout', '5s', false) WHERE current_setting('lock_timeout') = '0'"


class SiteConfig(AppConfig):
    """Says at the start of each process what of its environment has no effect."""

    name = "igsite"
    verbose_name = "Market Camera"

    def ready(self) -> None:
        from igsite import checks  # noqa: F401  (importing registers them)

        connection_created.connect(_bound_locks)
        if names := without_effect():
            log = logging.getLogger(__name__)
            log.warning("set, and without any effect here (docs/settings.md): %s", ", ".join(names))


def _bound_locks(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Who waits for a lock of PostgreSQL gives up after some seconds, and not when somebody else's transaction ends."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_LOCK_TIMEOUT)
