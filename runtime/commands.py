"""What the commands that serve no page begin with."""

from __future__ import annotations

from django.core.checks import Tags
from django.core.management.base import BaseCommand

#: The tag of the checks that concern every command, whether it serves pages or not.
INSTALLATION = "installation"


class Command(BaseCommand):
    """Checks the installation alone. Django's checks of its paths would load the code of every page, which takes longer
    than many of these commands run."""

    requires_system_checks = [Tags.security, INSTALLATION]
