"""What every command asks of its options."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser

from runtime.commands import Command
from tests.forks import ROOT


class Told(Command):
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path)
        parser.add_argument("--symbol")
        parser.add_argument("--kind", action="append")

    def handle(self, *args: Any, **options: Any) -> str:
        return ascii(options["directory"].name)


@pytest.mark.parametrize("name", ["symbol", "kind"])
def test_an_option_that_is_not_utf8_is_a_sentence(name: str) -> None:
    with pytest.raises(CommandError, match=rf"^{name} must be UTF-8, got 'Z\\udcfcrich'$"):
        call_command(Told(), "there", f"--{name}=Z\udcfcrich")


def test_a_path_may_be_of_any_bytes() -> None:
    assert call_command(Told(), "Z\udcfcrich", "--symbol=Zürich") == r"'Z\udcfcrich'"


def test_ctrl_c_is_a_word_and_the_status_that_shells_know() -> None:
    """Also while a program still loads its libraries."""
    code = "import sys; sys.modules['django.core'] = Late(); import manage; manage.main()"
    late = "class Late:\n    def __getattr__(self, name): raise KeyboardInterrupt\n"
    made = subprocess.run([sys.executable, "-c", late + code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (made.returncode, made.stdout, made.stderr) == (130, "", "interrupted\n")
