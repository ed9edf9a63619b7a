"""Django's admin as an app whose site is this installation's (`igsite.admin_site`).

Its pages are loaded with the paths that lead to them (`igsite.urls`), and not by every command, as those of Django's
own app are.
"""

from typing import Any

from django.contrib import admin
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core.checks import CheckMessage, Tags, register


class Admin(SimpleAdminConfig):
    default_site = "igsite.admin_site.Site"

    def ready(self) -> None:
        """As Django's, but for pages that are checked once they are loaded."""
        register(check_dependencies, Tags.admin)
        register(_check_pages, Tags.admin)


def _check_pages(app_configs: Any, **options: Any) -> list[CheckMessage]:
    admin.autodiscover()
    return check_admin_app(app_configs, **options)
