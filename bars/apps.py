"""Bars as a Django app."""

from django.apps import AppConfig


class BarsConfig(AppConfig):
    name = "bars"
    verbose_name = "Bars"
    default_auto_field = "django.db.models.BigAutoField"
