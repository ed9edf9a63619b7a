"""The command and the tasks that make digests and remove them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from recorder import tasks
from recorder.digests.chunk_row import DigestChunk
from recorder.digests.digest_files import digest_path
from recorder.digests.making import due
from recorder.models import Segment
from recorder.store.store_paths import symbols
from tests.recorder.store import Store

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def store_dir(settings: Any, tmp_path: Path) -> None:
    settings.CONFIG = replace(settings.CONFIG, store_dir=tmp_path)


def test_the_command_makes_what_is_lacking_and_shows_it(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("digest")
    told = capsys.readouterr()
    assert told.out == "IG-USD: 6 digests\n"
    assert "6/6 " in told.err
    call_command("digest")
    assert capsys.readouterr().out == "IG-USD: 0 digests\n"


def test_all_are_made_anew_on_wish(digested: Store, capsys: pytest.CaptureFixture[str]) -> None:
    path = digest_path(digested.directory, "metrics", digested.paths("metrics")[0].name)
    good = path.read_bytes()
    path.write_bytes(b"no digest")
    call_command("digest", "--symbol", "IG-USD", "--all")
    assert capsys.readouterr().out == "IG-USD: 6 digests\n"
    assert path.read_bytes() == good


def test_an_unknown_market_is_told(store: Store) -> None:
    with pytest.raises(CommandError, match=r"^there is no market 'XX'; there is IG-USD$"):
        call_command("digest", "--symbol", "XX")


def test_repair_notes_what_is_lost(digested: Store, capsys: pytest.CaptureFixture[str]) -> None:
    digest_path(digested.directory, "frames", digested.paths("frames")[0].name).unlink()
    call_command("repair")
    assert ", 1 of the digests to be made again\n" in capsys.readouterr().out
    assert due()


@pytest.mark.parametrize("commands", [["digest"], ["repair", "digest"]])
def test_a_lost_roll_up_is_healed(digested: Store, commands: list[str]) -> None:
    DigestChunk.objects.all().delete()
    with pytest.raises(CommandError, match="faults"):
        call_command("verify", "--deep")
    for command in commands:
        call_command(command)
    call_command("verify", "--deep")


def test_verify_proves_digests_and_ends_with_a_fault_where_one_differs(
    digested: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("verify", "--deep")
    assert "  digests: 6 are what the recording gives, 0 not provable\nno faults\n" in capsys.readouterr().out
    name = digested.paths("metrics")[0].name
    digest_path(digested.directory, "metrics", name).unlink()
    with pytest.raises(CommandError):
        call_command("verify", "--deep")
    missing = f"digests/metrics/{name.replace('.jsonl', '.json')}: it is missing; `manage.py repair` has it made again"
    assert missing in capsys.readouterr().out


def test_the_directory_of_digests_is_no_market(digested: Store) -> None:
    assert symbols() == ["IG-USD"]


def test_a_market_may_be_called_like_it(digested: Store) -> None:
    (digested.directory / "digests" / "ticks").mkdir()
    assert symbols() == ["IG-USD", "digests"]


def test_the_task_makes_the_digests_of_all_markets(store: Store) -> None:
    assert tasks.digest() == 6
    assert not due()


@pytest.mark.parametrize("keeps", [False, True])
def test_a_clean_up_removes_digests_unless_they_are_kept(digested: Store, settings: Any, keeps: bool) -> None:
    settings.CONFIG = replace(settings.CONFIG, retain_digests=keeps)
    for row in Segment.objects.all():
        (digested.directory / row.path).unlink()
    Segment.objects.update(removed_at=datetime.now(UTC))
    tasks.clean_up()
    assert DigestChunk.objects.exists() == keeps
    assert any((digested.directory / "digests" / "metrics").iterdir()) == keeps
