"""`manage.py deploycheck`: what is wrong with this host and its settings, before anything is started on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, run_checks
from django.core.management.base import BaseCommand, CommandError, CommandParser

from igsite.host_checks import host_checks


class Command(BaseCommand):
    help = "Checks settings, database, Redis, store, disk and limits of this host; ends with 1 if something is wrong."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        settings_file, ports = Path("/etc/market-camera.env"), [8001, 8002]
        parser.add_argument("--settings-file", type=Path, default=settings_file, help="the file that the units read")
        parser.add_argument("--ports", type=int, nargs="*", default=ports, help="the ports of the web processes")

    def handle(self, *args: Any, **options: Any) -> None:
        found = run_checks(include_deployment_checks=True)
        found += host_checks(settings.CONFIG, options["settings_file"], options["ports"])
        told = [one for one in found if not one.is_silenced()]
        for one in told:
            self.stdout.write(_text(one))
        if told:
            raise CommandError(f"{len(told)} to be mended (docs/operations.md)")
        self.stdout.write("nothing is wrong with this host")


def _text(one: CheckMessage) -> str:
    hint = f"\n    {one.hint}" if one.hint else ""
    return f"{one.id}: {one.msg}{hint}"
