"""Permissions of staff, which the tests' database does not have by itself."""

from __future__ import annotations

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Permission, User


def permit(user: User, *codenames: str) -> None:
    """Let the user do these and nothing else."""
    for app in apps.get_app_configs():
        create_permissions(app, verbosity=0)
    found = Permission.objects.filter(codename__in=codenames)
    assert {one.codename for one in found} == {*codenames}
    user.user_permissions.set(found)
