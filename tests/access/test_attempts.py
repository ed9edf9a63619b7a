"""Attempts to log in are bounded before a password's hash is computed, by address and by account."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from access import attempts, login
from access.attempts import Attempts


def refused(at: Attempts, address: str, account: str, now: float = 0.0, tries: int = 1) -> list[str]:
    found = (at.begin(address, account, now) for _ in range(tries))
    return [one[0] for one in found if one is not None]


def test_an_address_may_try_so_often_and_again_later() -> None:
    at = Attempts()
    assert refused(at, "a", "root", tries=10) == []
    assert refused(at, "a", "other") == ["too many logins failed from a"]
    assert refused(at, "b", "root") == []
    assert refused(at, "a", "root", 31.0) == []
    assert len(refused(at, "a", "root", 31.0)) == 1


def test_an_account_is_guessed_at_from_everywhere_so_often() -> None:
    at = Attempts()
    assert sum(len(refused(at, f"address {n}", "root")) for n in range(60)) == 10
    assert refused(at, "address 99", "root") == ["too many logins failed on this account"]
    assert refused(at, "address 99", "other") == []


def test_strangers_keep_nobody_out_who_has_logged_in_from_there() -> None:
    at = Attempts()
    at.succeeded("home", "root")
    for n in range(100):
        refused(at, f"address {n}", "root")
    assert refused(at, "home", "root") == []
    assert len(refused(at, "elsewhere", "root")) == 1


def test_who_gets_it_right_begins_anew() -> None:
    at = Attempts()
    for _ in range(5):
        assert refused(at, "a", "root", tries=9) == []
        at.succeeded("a", "root")


def test_an_account_of_ones_own_buys_no_more_guesses_at_others() -> None:
    at = Attempts()
    guesses = 0
    for _ in range(10):
        for _ in range(5):
            guesses += not refused(at, "a", "root")
        if not refused(at, "a", "mallory"):
            at.succeeded("a", "mallory")
    assert guesses == 10, "as many as the address had without the successes between"


def test_no_more_is_remembered_than_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_MOST", 10)
    at = Attempts()
    for n in range(100):
        at.begin(n, f"account {n}", 0.0)
        at.succeeded(n, f"account {n}")
        at.begin(n, f"guessed {n}", 0.0)
    held = (at._addresses, at._accounts, at._slips, at._known)
    assert max(len(one) for one in held) == 10
    assert min(len(one) for one in held) > 0


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords whose hash was computed."""
    found: list[str] = []

    def counted(password: str, *arguments: Any, **options: Any) -> str:
        found.append(password)
        return make_password(password, *arguments, **options)

    monkeypatch.setattr("django.contrib.auth.base_user.make_password", counted)
    monkeypatch.setattr(login, "time", SimpleNamespace(monotonic=lambda: 0.0))  # or a slow test would be let try again
    monkeypatch.setattr(login, "attempts", Attempts())
    return found


@pytest.mark.django_db
def test_beyond_it_no_hash_is_computed_and_the_answer_is_the_one_shape(hashes: list[str]) -> None:
    client = Client()
    wrong = {"username": "nobody", "password": "wrong"}
    answers = [client.post("/admin/login/", wrong) for _ in range(13)]
    assert [one.status_code for one in answers] == [200] * 10 + [429] * 3
    assert len(hashes) == 10
    assert answers[-1].json() == {
        "error": {"code": "too_many_logins", "message": "too many logins failed from 127.0.0.1; come again in 30 s"}
    }
    assert answers[-1]["Retry-After"] == "30"


@pytest.mark.django_db
def test_another_notation_of_a_name_is_the_same_account(hashes: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[login.Attempt] = []
    monkeypatch.setattr(login, "listeners", [told.append])
    for name in ("root", "ROOT", " root ", "\uff52oot"):
        Client().post("/admin/login/", {"username": name, "password": "wrong"})
    assert len({one.account for one in told}) == 1
    assert "root" not in str(told)


@pytest.mark.django_db
def test_an_ipv6_network_counts_as_one_address(hashes: list[str]) -> None:
    wrong = {"username": "nobody", "password": "wrong"}
    statuses = [
        Client(REMOTE_ADDR=f"2001:db8::{number:x}").post("/admin/login/", wrong).status_code for number in range(1, 13)
    ]
    assert statuses == [200] * 10 + [429] * 2


@pytest.mark.django_db
def test_what_another_process_let_try_counts_here_too(hashes: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[login.Attempt] = []
    monkeypatch.setattr(login, "listeners", [told.append])
    wrong = {"username": "nobody", "password": "wrong"}
    for _ in range(7):
        Client().post("/admin/login/", wrong)
    monkeypatch.setattr(login, "attempts", Attempts())  # those of the other process
    for attempt in told[:]:
        login.hear(attempt)
    statuses = [Client().post("/admin/login/", wrong).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert len(told) == 10, "what is heard is not told again, nor what is refused"


@pytest.mark.django_db
def test_a_stolen_session_cannot_try_passwords_without_end(hashes: list[str], admin_user: Any) -> None:
    client = Client()
    client.force_login(admin_user)
    new = {"new_password1": "quite-another-word", "new_password2": "quite-another-word"}
    answers = [client.post("/admin/password_change/", {"old_password": "wrong", **new}) for _ in range(12)]
    assert [one.status_code for one in answers] == [200] * 10 + [429] * 2
    assert client.get("/admin/password_change/").status_code == 200
    right = {"old_password": "password", **new}
    assert client.post("/admin/password_change/", right).status_code == 429


@pytest.mark.django_db
@pytest.mark.usefixtures("hashes")
def test_a_password_is_changed_by_who_knows_it(admin_user: Any) -> None:
    client = Client()
    client.force_login(admin_user)
    new = {"new_password1": "quite-another-word", "new_password2": "quite-another-word"}
    for _ in range(9):
        client.post("/admin/password_change/", {"old_password": "wrong", **new})
    right = client.post("/admin/password_change/", {"old_password": "password", **new})
    assert (right.status_code, right["Location"]) == (302, "/admin/password_change/done/")
    for _ in range(10):
        assert client.post("/admin/password_change/", {"old_password": "wrong", **new}).status_code == 200


@pytest.mark.django_db
@pytest.mark.usefixtures("hashes")
def test_the_right_password_lets_in(admin_user: Any) -> None:
    client = Client()
    for _ in range(9):
        client.post("/admin/login/", {"username": "admin", "password": "wrong"})
    right = client.post("/admin/login/?next=/admin/", {"username": "admin", "password": "password"})
    assert (right.status_code, right["Location"]) == (302, "/admin/")
