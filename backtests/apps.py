"""The backtests app."""

from django.apps import AppConfig


class BacktestsConfig(AppConfig):
    """Registers the start-up checks with the app."""

    name = "backtests"
    verbose_name = "Backtests"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from backtests import checks  # noqa: F401  (importing registers them)
