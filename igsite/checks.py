"""Checks of the installation: what a deployment lacks, in the words of its settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

from igsite.config import Config
from igsite.connection_check import few_connections

_LEAST_KEY_CHARACTERS = 50


@register(Tags.security)
def check_proxies(**_: Any) -> list[CheckMessage]:
    """igsite.W001 where every request would be sent from HTTP to HTTPS for ever."""
    config = settings.CONFIG
    if not config.tls or config.trusted_proxies:
        return []
    return [
        Warning(
            "IG_TLS=1 tells that TLS is in front, but nobody is believed to have spoken it: what comes through a proxy"
            " is sent to HTTPS again and again.",
            hint="Set IG_TRUSTED_PROXIES to the addresses of the proxies. (Only a server that speaks TLS itself, by"
            " `serve --endpoint ssl:…`, needs none.)",
            id="igsite.W001",
        )
    ]


@register(Tags.security, deploy=True)
def check_deployment(**_: Any) -> list[CheckMessage]:
    """igsite.W002 to igsite.W006: TLS, host names, the secret key, error pages, and PostgreSQL's connections."""
    found = [check(settings.CONFIG) for check in (_no_tls, _hosts, _weak_key, _debug, few_connections)]
    return [one for one in found if one is not None]


def _no_tls(config: Config) -> Warning | None:
    if config.tls:
        return None
    return Warning(
        "IG_TLS is not set, so nothing tells that TLS is in front: cookies go over plain HTTP too, and nobody is sent"
        " to HTTPS or told to stay there.",
        hint="Let a proxy speak TLS (deploy/nginx.conf), set IG_TLS=1, and IG_TRUSTED_PROXIES to its address.",
        id="igsite.W002",
    )


def _hosts(config: Config) -> Warning | None:
    if config.allowed_hosts and "*" not in config.allowed_hosts:
        return None
    any_host = "IG_ALLOWED_HOSTS is *: requests for any host name are answered."
    none = "IG_ALLOWED_HOSTS is not set: only requests for names of this machine are answered."
    return Warning(
        any_host if config.allowed_hosts else none,
        hint="Set IG_ALLOWED_HOSTS to the names under which this installation is reached.",
        id="igsite.W003",
    )


def _weak_key(config: Config) -> Warning | None:
    key = config.secret_key
    if key is not None and len(key) >= _LEAST_KEY_CHARACTERS:
        return None
    none = "IG_SECRET_KEY is not set: each host makes a key of its own, and sessions of one end at another."
    short = f"IG_SECRET_KEY is too short: it should have {_LEAST_KEY_CHARACTERS} characters or more."
    hint = 'Make one with `python -c "import secrets; print(secrets.token_urlsafe(50))"`.'
    return Warning(none if key is None else short, hint=hint, id="igsite.W004")


def _debug(config: Config) -> Warning | None:
    if not config.debug:
        return None
    return Warning(
        "IG_DEBUG=1 shows error pages with settings and source to everybody.",
        hint="Leave IG_DEBUG unset.",
        id="igsite.W005",
    )
