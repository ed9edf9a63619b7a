"""A store that cannot be written is told before anything starts."""

from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from runtime.commands import INSTALLATION


@pytest.fixture
def store_at(monkeypatch):
    def put(path):
        monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, store_dir=path))

    return put


def test_a_store_that_can_be_written_passes_and_keeps_nothing_of_the_check(store_at, tmp_path):
    store_at(tmp_path / "new" / "store")
    assert run_checks(tags=[INSTALLATION]) == []
    assert list((tmp_path / "new" / "store").iterdir()) == []


@pytest.mark.parametrize(("inside", "reason"), [("a file", "File exists"), ("a file/store", "Not a directory")])
def test_a_store_that_cannot_be_is_an_error_with_path_reason_and_hint(store_at, tmp_path, inside, reason):
    (tmp_path / "a file").touch()
    store_at(tmp_path / inside)
    (error,) = run_checks(tags=[INSTALLATION])
    assert error.id == "recorder.E001"
    assert error.msg == f"The store {tmp_path / inside} cannot be written: {reason}."
    assert error.hint == "Set IG_CAM_STORE_DIR to a directory that this process may write to."


def test_a_file_system_that_takes_no_files_is_an_error(store_at):
    store_at(Path("/proc"))
    (error,) = run_checks(tags=[INSTALLATION])
    assert error.msg.startswith("The store /proc cannot be written: ")


def test_the_check_command_fails_with_it(store_at, tmp_path):
    (tmp_path / "a file").touch()
    store_at(tmp_path / "a file")
    with pytest.raises(SystemCheckError, match=r"recorder\.E001"):
        call_command("check")
