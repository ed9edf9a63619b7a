"""What the commands that serve no page begin with."""

from __future__ import annotations

from typing import Any

from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError

#: The tag of the checks that concern every command, whether it serves pages or not.
INSTALLATION = "installation"


class Command(BaseCommand):
    """Checks the installation alone. Django's checks of its paths would load the code of every page, which takes longer
    than many of these commands run.

    Its options are text that a database and a file of JSON can hold; paths, which are no texts, may be of any bytes.
    """

    requires_system_checks = [Tags.security, INSTALLATION]

    def execute(self, *args: Any, **options: Any) -> Any:
        for name, value in options.items():
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str) and not _is_utf8(text):
                    raise CommandError(f"{name} must be UTF-8, got {text!a}")
        return super().execute(*args, **options)


def _is_utf8(text: str) -> bool:
    """Whether an argument was: Python stands surrogates for the bytes that were not."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
