"""The command and the tasks that make digests and remove them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from recorder import tasks
from recorder.digests.chunk_row import DigestChunk
from recorder.digests.digest_files import digest_path
from recorder.digests.making import alone, due
from recorder.management.commands import digest
from recorder.models import LastCleanUp, Market, Segment
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


def test_it_ends_with_a_fault_if_some_cannot_be_made(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    store.paths("metrics")[1].unlink()
    with pytest.raises(CommandError, match=r"^1 digest could not be made, for the reason above$"):
        call_command("digest")
    assert capsys.readouterr().out == "IG-USD: 5 digests\n"
    with pytest.raises(CommandError, match=r"^1 digest could not be made, for the reason above$"):
        call_command("digest", "--all")


def test_what_is_sealed_meanwhile_is_no_fault(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real = digest.make_digests

    def make(market: Market, directory: Path, on_made: Any) -> int:
        made = real(market, directory, on_made)
        store.clock.now = datetime(2100, 1, 1, tzinfo=UTC).timestamp()
        store.record(100)
        return made

    monkeypatch.setattr(digest, "make_digests", make)
    call_command("digest")
    assert due()


def test_another_process_that_makes_them_is_told(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    with alone(store.directory), pytest.raises(CommandError, match=r"^6 digests could not be made, for the reasons "):
        call_command("digest")
    assert capsys.readouterr().out == "IG-USD: another process makes digests now\n"


def test_a_file_in_the_place_of_their_directory_is_named(digested: Store, capsys: pytest.CaptureFixture[str]) -> None:
    place = digested.directory / "digests"
    shutil.rmtree(place)
    place.write_text("")
    call_command("repair")
    assert ", 6 of the digests to be made again\n" in capsys.readouterr().out
    with pytest.raises(CommandError) as told:
        call_command("digest")
    assert str(told.value) == f"{place} is no directory; digests belong there, so it must be moved away"


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


def test_what_is_wrong_with_one_market_keeps_no_other_waiting(
    store: Store, settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest, "end_with_server", lambda: None)
    settings.CONFIG = replace(settings.CONFIG, symbol="HOME")
    wrong = Store(Market.objects.create(symbol="A"), tmp_path / "A")
    wrong.record(60)
    (tmp_path / "A" / "digests").write_text("in the way")
    shutil.copytree(tmp_path / "metrics", tmp_path / "IG-USD" / "metrics")
    shutil.copytree(tmp_path / "frames", tmp_path / "IG-USD" / "frames")
    for work in (tasks.digest, partial(call_command, "digest", "--for-server")):
        Segment.objects.update(digest=0)
        with pytest.raises((NotADirectoryError, CommandError), match="A/digests is no directory"):
            work()
        assert not Segment.objects.of("IG-USD").exclude(kind="ticks").filter(digest=0).exists()
        assert "A: NotADirectoryError: " in caplog.text
    gone = Segment.objects.filter(kind="metrics")
    gone.update(removed_at=datetime.now(UTC), digest=1)
    with pytest.raises(NotADirectoryError):
        tasks.clean_up()
    assert set(gone.values_list("market__symbol", "digest")) == {("A", 1), ("IG-USD", 0)}
    assert LastCleanUp.objects.count() == 1


@pytest.mark.parametrize("keeps", [False, True])
def test_a_clean_up_removes_digests_unless_they_are_kept(digested: Store, settings: Any, keeps: bool) -> None:
    settings.CONFIG = replace(settings.CONFIG, retain_digests=keeps)
    for row in Segment.objects.all():
        (digested.directory / row.path).unlink()
    Segment.objects.update(removed_at=datetime.now(UTC))
    tasks.clean_up()
    assert DigestChunk.objects.exists() == keeps
    assert any((digested.directory / "digests" / "metrics").iterdir()) == keeps
