"""Exports as a Django app."""

from django.apps import AppConfig


class ExportsConfig(AppConfig):
    """Brings the command `manage.py export`; it has no rows of its own."""

    name = "exports"
