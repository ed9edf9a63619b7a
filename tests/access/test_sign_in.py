"""The admin's sign-in against other sites and stolen or planted cookies: what Django does, as it is set up here."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from access import login
from access.attempts import Attempts

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
RIGHT = {"username": "admin", "password": "password"}


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch, admin_user: Any) -> None:
    monkeypatch.setattr(login, "attempts", Attempts())


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "\thttps://evil.example"],
)
def test_signing_in_leads_to_no_other_site(elsewhere: str) -> None:
    answer = Client().post(f"{LOGIN}?next=/admin/", {**RIGHT, "next": elsewhere})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/")
    assert "evil" not in answer["Location"]


def test_a_session_planted_before_is_not_that_of_the_user() -> None:
    client = Client()
    client.cookies["sessionid"] = "planted0planted0planted0planted0"
    answer = client.post(LOGIN, RIGHT)
    cookie = answer.cookies["sessionid"]
    assert cookie.value != "planted0planted0planted0planted0"
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    planted = Client()
    planted.cookies["sessionid"] = "planted0planted0planted0planted0"
    assert planted.get("/admin/").status_code == 302, "it lets nobody in"


@pytest.mark.parametrize("cookie", ['"\\000aaaaaaaaaaaa"', "'or'1'='1", "a" * 8000, "\u00e9" * 32, "A" * 32])
def test_a_cookie_that_is_no_key_of_a_session_does_not_reach_the_database(
    cookie: str, django_assert_num_queries: Any
) -> None:
    client = Client()
    with django_assert_num_queries(0):
        answer = client.get("/admin/", headers={"cookie": f"sessionid={cookie}"})
    assert answer.status_code == 302
    assert answer.cookies["sessionid"].value == "", "it is taken away"


def test_signing_out_ends_the_session_for_whoever_has_its_cookie() -> None:
    client, thief = Client(), Client()
    client.post(LOGIN, RIGHT)
    thief.cookies["sessionid"] = client.cookies["sessionid"].value
    assert thief.get("/admin/").status_code == 200
    client.post("/admin/logout/")
    assert thief.get("/admin/").status_code == 302


def test_a_form_of_another_site_changes_nothing(admin_user: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    token = client.get("/admin/password_change/").cookies["csrftoken"].value
    form = {"csrfmiddlewaretoken": token, "name": "robot", "scopes": ["read"]}
    add = "/admin/access/token/add/"
    assert client.post(add, {**form, "csrfmiddlewaretoken": "x" * 32}).status_code == 403
    assert client.post(add, form, headers={"origin": "https://evil.example"}).status_code == 403
    assert client.post(LOGIN, {**RIGHT, "csrfmiddlewaretoken": ""}).status_code == 403, "nor signs anybody in"
    assert client.post(add, form).status_code == 200


def test_no_page_of_another_site_reads_the_admin(admin_client: Client) -> None:
    answer = admin_client.get("/admin/", headers={"origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer
    assert answer["X-Frame-Options"] == "DENY"
    assert "no-store" in answer["Cache-Control"]
