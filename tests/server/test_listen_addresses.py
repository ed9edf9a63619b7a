"""What nobody asked for is not given: by default a server is for its own machine, under its own names, and what it
writes is for its owner."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_address

import psutil
import pytest

from server.listen_addresses import own_names
from tests.processes import Live, Site


def listening_at(live: Live) -> set[str]:
    found = psutil.Process(live.process.pid).net_connections("tcp")
    return {one.laddr.ip for one in found if one.status == psutil.CONN_LISTEN}


def answers(live: Live, name: str) -> bool:
    return live.ask("/health", headers={"Host": f"{name}:{live.port}"}).status in (200, 503)


def test_by_default_it_is_for_this_machine_and_its_files_for_their_owner(start_live: Callable[..., Live]) -> None:
    live = start_live(IG_FLUSH_SECONDS=0)
    assert "for this machine alone" in live.log()
    assert all(ip_address(address).is_loopback for address in listening_at(live))
    assert answers(live, "localhost")
    assert answers(live, "127.0.0.1")
    for name in (socket.gethostname(), "market.example.org", "192.0.2.1"):
        assert live.ask("/health", headers={"Host": name}).status == 400, name
    live.wait_for_ticks(3)
    live.stop()  # some files have a name of their own while they are written
    written = [live.site.store, *live.site.store.rglob("*")]
    assert len(written) > 5
    assert [path for path in written if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("how", ["option", "setting"])
def test_told_to_listen_for_all_it_answers_to_this_machine_s_names(start_live: Callable[..., Live], how: str) -> None:
    live = start_live("live", "--bind", "0.0.0.0") if how == "option" else start_live(IG_BIND="0.0.0.0")
    assert "0.0.0.0" in listening_at(live)
    for name in own_names("0.0.0.0"):
        assert answers(live, name), name
    assert live.ask("/health", headers={"Host": "market.example.org"}).status == 400


def test_a_name_that_was_set_is_the_only_one_beside_localhost(start_live: Callable[..., Live]) -> None:
    live = start_live("serve", "-b", "0.0.0.0", IG_ALLOWED_HOSTS="market.example.org")
    assert answers(live, "market.example.org")
    assert answers(live, "localhost")
    assert not answers(live, "192.0.2.1")


def test_a_database_that_is_made_is_its_owner_s(site: Site) -> None:
    database = site.directory / "new" / "market.sqlite3"
    made = site.run("migrate", "--verbosity", "0", DATABASE_URL=f"sqlite:///{database}")
    assert made.returncode == 0, made.stderr
    assert [path for path in (database.parent, database) if path.stat().st_mode & 0o077] == []


def test_names_are_those_of_the_address() -> None:
    assert own_names(None) == own_names("localhost") == []
    assert own_names("192.0.2.1") == ["192.0.2.1"]
    assert own_names("2001:db8::1") == ["[2001:db8::1]"]
    assert {socket.gethostname(), "127.0.0.1"} <= set(own_names("::"))
