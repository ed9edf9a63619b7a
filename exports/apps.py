"""Exports as a Django app."""

from django.apps import AppConfig


class ExportsConfig(AppConfig):
    """Brings the command `manage.py export` and a start-up check; it has no rows of its own."""

    name = "exports"

    def ready(self) -> None:
        from exports import checks  # noqa: F401  (importing registers them)
