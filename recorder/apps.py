"""The recorder as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RecorderConfig(AppConfig):
    """Registers the start-up checks with the app."""

    name = "recorder"
    verbose_name = _("Recorder")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from recorder import checks  # noqa: F401  (importing registers them)
