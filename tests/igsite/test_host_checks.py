"""`manage.py deploycheck`: what of a host is not as the settings say, in words."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography import x509

from igsite import clock_check, files_check, host_checks, port_checks
from igsite.config import Config
from igsite.parsers import redis_url
from tests.network import Listener
from tests.nginx import HOST, make_certificate
from tests.processes import PATIENCE_SECONDS, free_port

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_what_does_not_answer_is_told_with_what_to_do(run_command: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run_command(
        "deploycheck",
        DATABASE_URL="postgres://market:secret@127.0.0.1:1/market",
        REDIS_URL="redis://127.0.0.1:1/0",
        IG_CAM_STORE_DIR=tmp_path / "file" / "store",
    )
    assert done.returncode == 1
    for said in ("igsite.E001: The database cannot be used", "igsite.E002: Redis cannot be used", "recorder.E001"):
        assert said in done.stdout
    assert "igsite.W002: IG_TLS is not set" in done.stdout  # what `check --deploy` says stands there too
    assert ":secret@" not in done.stdout
    assert "igsite.W012: Nobody speaks TLS" not in done.stdout  # no proxy is told of
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("said", ["a..b:1/0", f"{64 * 'a'}.b:1/0", "127.0.0.1:1/0?foo=1", "b:1/0?socket_timeout=x"])
def test_an_address_of_redis_that_nobody_can_use_is_told(said: str) -> None:
    config = replace(Config(), redis_url=redis_url(f"redis://:secret@{said}"))
    (told,) = host_checks._redis(config)
    assert told.id == "igsite.E002"
    assert "secret" not in told.msg


@pytest.mark.django_db(transaction=True)
def test_limits_that_are_low_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backlog = tmp_path / "somaxconn"
    backlog.write_text("128\n")
    monkeypatch.setattr(host_checks, "_SOMAXCONN", backlog)
    real = resource.getrlimit
    few = {resource.RLIMIT_NOFILE: (64, 256)}
    monkeypatch.setattr(resource, "getrlimit", lambda which: few.get(which) or real(which))
    monkeypatch.setattr(clock_check, "_is_unkept", lambda: True)
    config = replace(Config(), store_dir=tmp_path / "store", retain_disk_percent=0.0, redis_url="")
    found = [one.id for one in host_checks.host_checks(config, tmp_path / "none", [])]
    assert found == [f"igsite.W0{n:02}" for n in (7, 8, 9, 10, 13)]


def test_settings_that_everybody_can_read_are_told(tmp_path: Path) -> None:
    settings = tmp_path / "market-camera.env"
    settings.touch(0o640)
    assert list(files_check.settings_file(settings)) == []
    settings.chmod(0o644)
    (told,) = files_check.settings_file(settings)
    assert "every user of this machine can read it (mode 644)" in told.msg


def test_a_store_with_files_of_another_user_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ticks").mkdir()
    (tmp_path / "ticks" / "segment").touch()
    assert list(files_check.store_owner(tmp_path)) == []
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    (told,) = files_check.store_owner(tmp_path)
    assert "this is run as the user with number 12345 (3 such files" in told.msg
    assert list(files_check.store_owner(tmp_path / "none")) == []


def test_a_store_into_which_nobody_may_look_ends_no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """That it cannot be written is told by recorder.E001 alone."""

    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(host_checks, "disk_use", refused)
    monkeypatch.setattr(Path, "lstat", refused)
    assert [*host_checks._disk(Config()), *files_check.store_owner(Path("/none"))] == []


def test_a_port_that_another_program_has_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_checks, "_SECONDS", PATIENCE_SECONDS)
    with _answering(b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"ok": true') as port:
        assert list(port_checks.taken_ports([port])) == []
    with _answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello") as port:
        (told,) = port_checks.taken_ports([free_port(), port])
        assert told.id == "igsite.E003"
        assert f"Port {port} is taken" in told.msg


@contextmanager
def _answering(answer: bytes) -> Iterator[int]:
    """The port of a server that gives one answer to everybody."""

    def take(client: socket.socket) -> None:
        client.settimeout(PATIENCE_SECONDS)
        with client:
            if client.recv(1000):
                client.sendall(answer)

    listener = Listener(take)
    try:
        yield listener.port
    finally:
        listener.close()


def test_a_certificate_that_is_missing_foreign_or_ends_soon_is_told(tmp_path: Path) -> None:
    behind = replace(Config(), tls=True, allowed_hosts=(HOST,), trusted_proxies=(ip_network("127.0.0.1"),))
    port = free_port()
    (told,) = port_checks.certificate(behind, port)
    assert f"Nobody speaks TLS at port {port}" in told.msg
    assert list(port_checks.certificate(replace(behind, tls=False), port)) == []
    shown = x509.load_pem_x509_certificate(make_certificate(tmp_path).read_bytes())
    day = timedelta(days=1)
    wrong = {now: port_checks._wrong(shown, HOST, now) for now in (datetime.now(UTC) + n * day for n in (-1, 0, 3))}
    for said, expected in zip(wrong.values(), ("is not valid before", "expires on", "has expired on"), strict=True):
        assert said is not None
        assert said.startswith(expected)
    long_before = shown.not_valid_after_utc - timedelta(days=30)
    assert port_checks._wrong(_Longer(shown), HOST, long_before) is None  # type: ignore[arg-type]
    other = port_checks._wrong(_Longer(shown), "other.example.org", long_before)  # type: ignore[arg-type]
    assert other == f"is not for other.example.org, but for {HOST}, 127.0.0.1"
    assert port_checks._covers("*.example.org", HOST)
    assert not port_checks._covers("*.org", HOST)


def test_a_certificate_is_looked_for_under_a_name_that_a_host_can_have() -> None:
    """`.example.org` is a domain with its subdomains, and no name; what no host can be called ends no check."""
    behind = replace(Config(), tls=True, trusted_proxies=(ip_network("127.0.0.1"),))
    with _answering(b"") as port:
        none = replace(behind, allowed_hosts=("*", ".example.org", "127.0.0.1"))
        assert list(port_checks.certificate(none, port)) == []
        (other,) = port_checks.certificate(replace(behind, allowed_hosts=(".example.org", HOST)), port)
        (wrong,) = port_checks.certificate(replace(behind, allowed_hosts=("market..org",)), port)
    assert "Nobody speaks TLS" in other.msg
    assert f"No certificate of market..org can be read at port {port}" in wrong.msg


def test_a_certificate_may_be_that_of_an_address(tmp_path: Path) -> None:
    shown = _Longer(x509.load_pem_x509_certificate(make_certificate(tmp_path).read_bytes()))
    then = shown.not_valid_after_utc - timedelta(days=30)
    assert port_checks._wrong(shown, "127.0.0.1", then) is None  # type: ignore[arg-type]
    other = port_checks._wrong(shown, "198.51.100.7", then)  # type: ignore[arg-type]
    assert other == f"is not for 198.51.100.7, but for {HOST}, 127.0.0.1"


class _Longer:
    """A certificate as if it were valid from a year before on."""

    def __init__(self, shown: x509.Certificate) -> None:
        self.not_valid_after_utc, self.extensions = shown.not_valid_after_utc, shown.extensions
        self.not_valid_before_utc = shown.not_valid_before_utc - timedelta(days=365)


@pytest.mark.django_db(transaction=True)
def test_several_processes_on_sqlite_are_told(tmp_path: Path) -> None:
    config = replace(Config(), redis_url="redis://127.0.0.1:1/0")
    assert [one.id for one in host_checks._one_writer(config)] == ["igsite.W014"]
    assert list(host_checks._one_writer(replace(config, redis_url=""))) == []


@pytest.mark.django_db(transaction=True)
def test_a_clock_apart_from_the_databases_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_check, "_is_unkept", lambda: False)
    assert list(clock_check.clock()) == []
    monkeypatch.setattr(clock_check, "_ahead_of_database", lambda: -3600.0)
    (told,) = clock_check.clock()
    assert told.msg == "The clock of this machine is 3600 s behind the database's."
