"""The backtests app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BacktestsConfig(AppConfig):
    """Registers the start-up checks with the app."""

    name = "backtests"
    verbose_name = _("Backtests")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from backtests import checks  # noqa: F401  (importing registers them)
