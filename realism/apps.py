"""Realism as a Django app."""

from django.apps import AppConfig


class RealismConfig(AppConfig):
    """Brings the command `manage.py realism`; it has no rows of its own."""

    name = "realism"
