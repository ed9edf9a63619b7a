"""What every command asks of its options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser

from runtime.commands import Command


class Told(Command):
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path)
        parser.add_argument("--symbol")
        parser.add_argument("--kind", action="append")

    def handle(self, *args: Any, **options: Any) -> str:
        if options["symbol"] == "CTRL-C":
            raise KeyboardInterrupt
        return ascii(options["directory"].name)


@pytest.mark.parametrize("name", ["symbol", "kind"])
def test_an_option_that_is_not_utf8_is_a_sentence(name: str) -> None:
    with pytest.raises(CommandError, match=rf"^{name} must be UTF-8, got 'Z\\udcfcrich'$"):
        call_command(Told(), "there", f"--{name}=Z\udcfcrich")


def test_a_path_may_be_of_any_bytes() -> None:
    assert call_command(Told(), "Z\udcfcrich", "--symbol=Zürich") == r"'Z\udcfcrich'"


def test_ctrl_c_is_a_sentence_and_the_status_that_shells_know() -> None:
    with pytest.raises(CommandError, match=r"^interrupted$") as told:
        call_command(Told(), "there", "--symbol=CTRL-C")
    assert told.value.returncode == 130
