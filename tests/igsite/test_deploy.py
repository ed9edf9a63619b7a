"""The files of a deployment: compose.yaml, the image, and the site of nginx made from the one for systemd."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.addresses import client_of, hops, parse_network
from tests.processes import ROOT
from tests.services import program

DEPLOY = ROOT / "deploy"


def test_the_containers_read_what_is_there_and_trust_nginx_alone(tmp_path: Path) -> None:
    site = yaml.safe_load((ROOT / "compose.yaml").read_text())
    services = site["services"]
    programs = {"web1", "web2", "market", "worker", "backtests", "beat", "migrate"}
    assert programs | {"redis", "postgres", "nginx"} == services.keys()
    for name, service in services.items():
        for needed in service.get("depends_on", {}):
            assert needed in services, name
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in site["volumes"] or source == "./deploy/tls" or (ROOT / source).exists(), volume
    made = subprocess.run(
        ["python3", "compose_env.py", "market.example.org"], cwd=_copy(tmp_path), capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    settings = tmp_path / "deploy" / "compose.env"
    _check_who_is_believed(site, re.findall(r"^IG_TRUSTED_PROXIES=(.*)$", settings.read_text(), re.MULTILINE))
    assert settings.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "deploy" / "tls" / "key.pem").exists()


def _check_who_is_believed(site: dict[str, Any], trusted: list[str]) -> None:
    """nginx, and not the network's gateway, behind which Docker puts clients that it forwards itself."""
    nginx = site["services"]["nginx"]["networks"]["default"]["ipv4_address"]
    assert trusted == [nginx]
    (ipam,) = site["networks"]["default"]["ipam"]["config"]
    proxy, gateway = ip_address(nginx), ip_address(ipam["gateway"])
    assert proxy in ip_network(ipam["subnet"])
    assert proxy not in ip_network(ipam["ip_range"])  # or Docker might give it to another container
    told = hops([(b"x-forwarded-for", f"6.6.6.6, {gateway}".encode())])
    assert client_of(proxy, told, [parse_network(nginx)]).address == gateway


def _copy(directory: Path) -> Path:
    deploy = directory / "deploy"
    deploy.mkdir()
    (deploy / "compose_env.py").write_text((DEPLOY / "compose_env.py").read_text())
    return deploy


def test_a_certificate_is_made_for_a_name_of_any_length_and_is_never_half_there(tmp_path: Path) -> None:
    deploy, host = _copy(tmp_path), f"{'market' * 10}.eu.example.org"
    assert _certified(deploy, host) == (0, "")
    key, certificate = deploy / "tls/key.pem", deploy / "tls/certificate.pem"
    assert {*(deploy / "tls").iterdir()} == {key, certificate}
    assert key.stat().st_mode & 0o777 == 0o600
    command = ["openssl", "x509", "-noout", "-checkhost", host, "-in", str(certificate)]
    assert "does match" in subprocess.run(command, check=True, capture_output=True, text=True).stdout
    made = key.read_text()
    assert _certified(deploy, host) == (0, "")
    certificate.unlink()
    assert _certified(deploy, host) == (
        1,
        "deploy/tls/ has key.pem alone, and nginx needs key.pem and certificate.pem: complete or remove it\n",
    )
    assert key.read_text() == made


def test_a_certificate_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    deploy, programs = _copy(tmp_path), tmp_path / "programs"
    for script, reason in (
        (None, "openssl"),
        ("#!/bin/sh\necho half >deploy/tls/key.new\necho full >&2\nexit 1\n", "full"),
    ):
        if script:
            programs.mkdir()
            (programs / "openssl").write_text(script)
            (programs / "openssl").chmod(0o755)
        status, said = _certified(deploy, "market.test", {"PATH": f"{programs}"})
        assert (status, said.startswith("no certificate was made: "), reason in said) == (1, True, True), said
        assert not [*(deploy / "tls").iterdir()]


def _certified(deploy: Path, host: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """The status of compose_env.py, and what it says of a failure."""
    command = [sys.executable, str(deploy / "compose_env.py"), host]
    done = subprocess.run(command, cwd=deploy.parent, env=env, capture_output=True, text=True)
    return done.returncode, done.stderr


def test_the_site_in_containers_leads_to_its_web_processes_and_names_no_other_host(tmp_path: Path) -> None:
    target, around = tmp_path / "default.conf", tmp_path / "nginx.conf"
    around.write_text("events {\n    worker_connections  1024;\n}\n")
    command = ["sh", str(DEPLOY / "nginx-compose.sh"), str(target), str(DEPLOY / "nginx.conf"), str(around)]
    for _ in range(2):  # at each start of the container
        subprocess.run(command, check=True, env={"SITE_HOST": "market.test", "PATH": "/usr/bin:/bin"})
        assert around.read_text() == "events {\n    worker_connections 8192;\n}\n"
    text = target.read_text()
    assert re.findall(r"server (\S+) max_fails", text) == ["web1:8000", "web2:8000"]
    assert "example.org" not in text
    assert "127.0.0.1" not in re.sub(r"#.*", "", text)
    assert text.count("server_name market.test;") == 2


def test_nginx_takes_no_web_process_for_failed() -> None:
    """nginx believes in one again when a request to it has ended, and sockets do not end: one client in 5 s got in."""
    servers = re.findall(r"^    server (127\.0\.0\.1\S+) (.*);$", (DEPLOY / "nginx.conf").read_text(), re.MULTILINE)
    assert servers == [("127.0.0.1:8001", "max_fails=0"), ("127.0.0.1:8002", "max_fails=0")]


def test_the_image_has_every_package_that_is_imported() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench", "tools"}
    assert packages <= kept


def test_the_image_has_files_that_its_user_can_read_whatever_rights_they_have_on_the_host() -> None:
    (stage,) = re.findall(
        r"^FROM \S+ AS project\n(.*?)\n\n", (ROOT / "Dockerfile").read_text(), re.DOTALL | re.MULTILINE
    )
    assert stage.splitlines() == ["COPY . /project", "RUN chmod -R a+rX /project"]
    _, image = (ROOT / "Dockerfile").read_text().rsplit("\nFROM ", 1)
    copied = re.findall(r"^(?:COPY|ADD) (.*)$", image, re.MULTILINE)
    assert copied == ["--from=build /opt/market-camera/.venv ./.venv", "--from=project /project ./"]


def test_a_script_ends_its_lines_as_a_shell_expects_also_in_a_checkout_on_windows() -> None:
    paths = [path for path in (*ROOT.glob("*.py"), *ROOT.glob(".ci/*"), *DEPLOY.rglob("*")) if path.is_file()]
    scripts = {path for path in paths if path.open("rb").read(2) == b"#!"}
    assert {DEPLOY / "nginx-compose.sh", ROOT / ".ci/run"} <= scripts
    rules = [line.split() for line in (ROOT / ".gitattributes").read_text().splitlines() if not line.startswith("#")]
    for path in scripts:
        assert ["text", "eol=lf"] in [rule for pattern, *rule in rules if path.match(pattern)], path


def test_the_health_check_of_the_image_asks_the_port_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def connection(host: str, port: int, timeout: float) -> None:
        asked.append((host, port))
        raise ConnectionRefusedError

    monkeypatch.setattr("http.client.HTTPConnection", connection)
    for port in ("9000", ""):
        monkeypatch.setenv("PORT", port)
        with pytest.raises(ConnectionRefusedError):
            runpy.run_path(str(DEPLOY / "answers.py"), run_name="__main__")
    assert asked == [("127.0.0.1", 9000), ("127.0.0.1", 8000)]


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """In a root of its own, where what they start is there, and nothing of this machine."""
    analyze = program("systemd-analyze")
    units, programs, targets = (tmp_path / path for path in (_UNITS, "opt/market-camera/.venv/bin", _TARGETS))
    for directory in (units, programs, targets):
        directory.mkdir(parents=True)
    for unit in (*(f"{name}.target" for name in _USUAL), "system.slice"):
        (targets / unit).write_text("[Unit]\nDescription=of systemd itself\n")
    for name in ("python", "celery"):
        (programs / name).touch(0o755)
    names = []
    for path in (DEPLOY / "systemd").glob("*.service"):
        (units / path.name).write_text(path.read_text())
        names.append(f"/{_UNITS}/{path.name.replace('@', '@8001')}")
    command = [analyze, "verify", "--man=no", f"--root={tmp_path}", *names]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_never_gives_a_unit_up() -> None:
    """By default it does after five starts in 10 s, and so long a market waits for the lease of a host that died."""
    for path in (DEPLOY / "systemd").glob("*.service"):
        unit = path.read_text()
        assert _restart_of(path) in ("always", "on-failure")
        (pause,) = re.findall(r"^RestartSec=(\d+)$", unit, re.MULTILINE)
        assert 5 * int(pause) > 10 or "\nStartLimitIntervalSec=0\n" in unit, path.name


def _restart_of(unit: Path) -> str:
    (restart,) = re.findall(r"^Restart=(.*)$", unit.read_text(), re.MULTILINE)
    return str(restart)


def test_no_market_whose_source_has_ended_is_started_again() -> None:
    """Each start would play the table, or the tape, once more behind what is recorded."""
    units = {path.name: _restart_of(path) for path in (DEPLOY / "systemd").glob("*.service")}
    assert units.pop("market-camera-market@.service") == "on-failure"
    assert {*units.values()} == {"always"}
    market = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["market"]
    assert (market["restart"], market["command"][2:]) == ("always", ["runmarket", "--stay"])


_UNITS, _TARGETS = "etc/systemd/system", "usr/lib/systemd/system"
_USUAL = ("sysinit", "basic", "shutdown", "network", "multi-user")


def test_docker_compose_takes_the_containers(tmp_path: Path) -> None:
    compose = program("docker-compose")
    subprocess.run(["python3", "compose_env.py", "market.test"], cwd=_copy(tmp_path), check=True, capture_output=True)
    (tmp_path / "compose.yaml").write_text((ROOT / "compose.yaml").read_text())
    with (tmp_path / "deploy" / "compose.env").open("a") as settings:
        settings.write("PORT=9000\nIG_BIND=localhost\n")
    done = subprocess.run([compose, "--file", "compose.yaml", "config"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert services["web1"]["environment"]["IG_ALLOWED_HOSTS"] == "market.test,web1,web2"
    asked = [services["web1"]["environment"][name] for name in ("PORT", "IG_BIND")]
    assert asked == ["8000", "0.0.0.0"]  # where nginx leads
