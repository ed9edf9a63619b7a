"""The recorder as a Django app."""

from django.apps import AppConfig


class RecorderConfig(AppConfig):
    """Registers the start-up checks with the app."""

    name = "recorder"
    verbose_name = "Recorder"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from recorder import checks  # noqa: F401  (importing registers them)
