"""The subscribe app."""

from django.apps import AppConfig


class SubscribeConfig(AppConfig):
    name = "subscribe"
    verbose_name = "Alerts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from subscribe import worker

        worker.report_of_worker()
