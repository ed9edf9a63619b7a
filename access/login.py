"""The admin's login, which limits the hashes computed per address and account."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.http import HttpRequest

from access.attempts import Attempts
from runtime.addresses import LOCAL, Address, address_bucket, client_of, hops, parse_address
from runtime.http_errors import HttpError

attempts = Attempts()


class LoginForm(AdminAuthenticationForm):
    """Raises HttpError (429) after too many attempts."""

    def clean(self) -> dict[str, Any]:
        address, account = (
            address_bucket(_address(self.request or HttpRequest())),
            self.cleaned_data.get("username", "").casefold(),
        )
        refusal = attempts.begin(address, account, time.monotonic())
        if refusal is not None:
            message, seconds = refusal
            headers = {"Retry-After": str(seconds)}
            raise HttpError(429, "too_many_logins", f"{message}; come again in {seconds} s", headers)
        cleaned = super().clean()
        if self.user_cache is not None:
            attempts.succeeded(address, account)
        return cleaned


def _address(request: HttpRequest) -> Address:
    """The address a request comes from, as a trusted proxy names it."""
    config = settings.CONFIG
    peer = parse_address(request.META.get("REMOTE_ADDR", "")) or LOCAL
    headers = ((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items())
    return client_of(peer, hops(headers, config.forwarded_header), config.trusted_proxies).address
