"""The installation as a Django app."""

import logging

from django.apps import AppConfig

from igsite.config import without_effect


class SiteConfig(AppConfig):
    """Says at the start of each process what of its environment has no effect."""

    name = "igsite"
    verbose_name = "Market Camera"

    def ready(self) -> None:
        from igsite import checks  # noqa: F401  (importing registers them)

        if names := without_effect():
            log = logging.getLogger(__name__)
            log.warning("set, and without any effect here (docs/settings.md): %s", ", ".join(names))
