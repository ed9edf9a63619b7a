"""`manage.py createtoken`: issues an access token and prints it, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import Error as DatabaseError
from django.utils import timezone

from access.models import LONGEST_NAME
from access.scopes import DEFAULT, SCOPES
from access.tokens import issue
from runtime import commands

_MOST_DAYS = 36_500


class Command(commands.Command):
    help = "Issues an access token. It goes to standard output, what there is to say of it to standard error."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what or who uses it")
        parser.add_argument("--days", type=float, help="it expires after so many days; without, it does not")
        parser.add_argument(
            "--scope",
            action="append",
            choices=SCOPES,
            help=f"what it permits; may be given several times; without: {' and '.join(DEFAULT)}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name, days = options["name"].strip(), options["days"]
        if not name or len(name) > LONGEST_NAME:
            raise CommandError(f"a name has 1 to {LONGEST_NAME} characters, got {len(name)}")
        if days is not None and not 0 < days <= _MOST_DAYS:
            raise CommandError(f"--days must be above 0 and at most {_MOST_DAYS}, got {days:g}")
        expires_at = None if days is None else timezone.now() + timedelta(days=days)
        try:
            row, text = issue(name, expires_at=expires_at, scopes=options["scope"] or DEFAULT)
        except DatabaseError as error:
            raise CommandError(f"the database cannot be used (has `manage.py migrate` been run?): {error}") from error
        until = "it does not expire" if row.expires_at is None else f"it expires at {row.expires_at:%Y-%m-%d %H:%M} UTC"
        self.stderr.write(f"{row} permits {row.scopes.replace(' ', ', ')}: shown only now; {until}")
        self.stdout.write(text)
