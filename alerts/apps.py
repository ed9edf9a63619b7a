"""The alerts app."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "alerts"
    #: Tables, migrations and addresses in the admin carry the name that they had at first.
    label = "subscribe"
    verbose_name = "Alerts"
    default_auto_field = "django.db.models.BigAutoField"
