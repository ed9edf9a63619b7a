"""Django's admin as an app whose site is this installation's (`igsite.admin_site`)."""

from django.contrib.admin.apps import AdminConfig


class Admin(AdminConfig):
    default_site = "igsite.admin_site.Site"
