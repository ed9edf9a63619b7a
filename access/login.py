"""The admin's passwords: how many hashes are computed is limited per address and account, and sign-ins are audited."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from access.attempts import Attempts
from access.audit import NO_SIGN_IN, SIGN_IN, THROTTLED, UNKNOWN
from access.recording import address_of, note
from runtime.addresses import Address, address_bucket
from runtime.http_errors import HttpError

attempts = Attempts()

View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt as other processes hear of it; `account` is a digest, since a password may be typed as a name."""

    address: str
    account: str
    succeeded: bool


#: Is given each attempt that is counted here, to tell other processes (`api_socket.service`).
listeners: list[Callable[[Attempt], None]] = []


def hear(attempt: Attempt) -> None:
    """Count what another process has let try, so that several do not allow several times as much."""
    if attempt.succeeded:
        attempts.succeeded(attempt.address, attempt.account)
    else:
        attempts.begin(attempt.address, attempt.account, time.monotonic())


def begin(client: Address, name: str) -> Attempt:
    """Count an attempt on the account of this name. Raises HttpError (429) after too many."""
    account = salted_hmac("access.login", name.casefold()).hexdigest()
    attempt = Attempt(str(address_bucket(client)), account, succeeded=False)
    refusal = attempts.begin(attempt.address, account, time.monotonic())
    if refusal is not None:
        note(THROTTLED, UNKNOWN, client)  # without a query for the name, because there may be any number of these
        message, seconds = refusal
        headers = {"Retry-After": str(seconds)}
        raise HttpError(429, "too_many_logins", f"{message}; come again in {seconds} s", headers)
    _tell(attempt)
    return attempt


def succeed(attempt: Attempt) -> None:
    """The password of an attempt was right."""
    attempts.succeeded(attempt.address, attempt.account)
    _tell(Attempt(attempt.address, attempt.account, succeeded=True))


def _tell(attempt: Attempt) -> None:
    for listener in listeners:
        listener(attempt)


class LoginForm(AdminAuthenticationForm):
    """Raises HttpError (429) after too many attempts."""

    def clean(self) -> dict[str, Any]:
        client, name = address_of(self.request or HttpRequest()), self.cleaned_data.get("username", "")
        attempt = begin(client, name)
        try:
            cleaned = super().clean()
        except ValidationError:
            note(NO_SIGN_IN, _account(name), client)
            raise
        if self.user_cache is not None:
            note(SIGN_IN, self.user_cache, client)
            succeed(attempt)
        return cleaned


def _account(name: str) -> str:
    """The account of this name, if there is one: what else was typed there may be a password."""
    users = get_user_model()._default_manager
    return name if users.filter(**{get_user_model().USERNAME_FIELD: name}).exists() else UNKNOWN


def limited(change_password: View) -> View:
    """The admin's view that changes a password, which hashes the old one: as many attempts as to log in."""

    def view(request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponse:
        if request.method != "POST":
            return change_password(request, *arguments, **options)
        attempt = begin(address_of(request), request.user.get_username())
        answer = change_password(request, *arguments, **options)
        if answer.status_code == 302:  # it was changed; a wrong password brings the form again
            succeed(attempt)
        return answer

    return view
