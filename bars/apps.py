"""Bars as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BarsConfig(AppConfig):
    name = "bars"
    verbose_name = _("Bars")
    default_auto_field = "django.db.models.BigAutoField"
