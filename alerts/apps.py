"""The alerts app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AlertsConfig(AppConfig):
    name = "alerts"
    #: Tables, migrations and addresses in the admin carry the name that they had at first.
    label = "subscribe"
    verbose_name = _("Alerts")
    default_auto_field = "django.db.models.BigAutoField"
