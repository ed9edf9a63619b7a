"""The admin's login, which limits the hashes computed per address and account, and is audited."""

from __future__ import annotations

import time
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from access.attempts import Attempts
from access.audit import NO_SIGN_IN, SIGN_IN, THROTTLED, UNKNOWN
from access.recording import address_of, note
from runtime.addresses import address_bucket
from runtime.http_errors import HttpError

attempts = Attempts()


class LoginForm(AdminAuthenticationForm):
    """Raises HttpError (429) after too many attempts."""

    def clean(self) -> dict[str, Any]:
        client = address_of(self.request or HttpRequest())
        address, name = address_bucket(client), self.cleaned_data.get("username", "")
        refusal = attempts.begin(address, name.casefold(), time.monotonic())
        if refusal is not None:
            note(THROTTLED, UNKNOWN, client)  # without a query for the name, because there may be any number of these
            message, seconds = refusal
            headers = {"Retry-After": str(seconds)}
            raise HttpError(429, "too_many_logins", f"{message}; come again in {seconds} s", headers)
        try:
            cleaned = super().clean()
        except ValidationError:
            note(NO_SIGN_IN, _account(name), client)
            raise
        if self.user_cache is not None:
            note(SIGN_IN, self.user_cache, client)
            attempts.succeeded(address, name.casefold())
        return cleaned


def _account(name: str) -> str:
    """The account of this name, if there is one: what else was typed there may be a password."""
    users = get_user_model()._default_manager
    return name if users.filter(**{get_user_model().USERNAME_FIELD: name}).exists() else UNKNOWN
