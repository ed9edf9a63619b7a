"""Checks of what listens on this host: the ports of the web processes, and the proxy with its certificate."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException

from cryptography import x509
from django.core.checks import CheckMessage, Error, Warning

from igsite.config import Config

_SECONDS = 5.0
_HTTPS = 443
_THIS_MACHINE = ("localhost", "127.0.0.1", "[::1]")
_SOON = timedelta(days=14)


def taken_ports(ports: Iterable[int]) -> Iterator[CheckMessage]:
    """igsite.E003 where something else than a web process of Market Camera has the port of one."""
    for port in ports:
        if _is_open(port) and not _is_ours(port):
            yield Error(
                f"Port {port} is taken by another program.",
                hint=f"End it (`ss -ltnp 'sport = :{port}'` names it), or give the web process another port.",
                id="igsite.E003",
            )


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(_SECONDS)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_ours(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        connection.request("GET", "/healthz/live")
        return connection.getresponse().read(100).replace(b" ", b"").startswith(b'{"ok":')
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def certificate(config: Config, port: int = _HTTPS) -> Iterator[CheckMessage]:
    """igsite.W012 where the proxy on this machine shows no certificate that is valid for the site, and for a while."""
    host = next((name for name in config.allowed_hosts if _is_one_host(name)), "").strip("[]")
    if config.tls and host and _is_here(config):
        for said, hint in _faults(host, port):
            yield Warning(said, hint=hint, id="igsite.W012")


def _faults(host: str, port: int) -> Iterator[tuple[str, str]]:
    """What is wrong, and what to do."""
    try:
        shown = _shown(host, port)
    except OSError as error:
        hint = "Start the proxy (deploy/nginx.conf); `nginx -t` says what it lacks, for example its certificate."
        yield f"Nobody speaks TLS at port {port} of this machine ({error.strerror or error}).", hint
    except ValueError as error:
        yield (
            f"No certificate of {host} can be read at port {port} ({error}).",
            "Correct IG_ALLOWED_HOSTS if no host has that name, and the certificate otherwise.",
        )
    else:
        if wrong := _wrong(shown, host, datetime.now(UTC)):
            hint = "Put another in its place, and `nginx -s reload` (docs/runbooks.md)."
            yield f"The certificate at port {port} {wrong}.", hint


def _is_one_host(name: str) -> bool:
    """Not all, not a domain with its subdomains (`.example.org`), and not what probes on this machine call it."""
    return "*" not in name and not name.startswith(".") and name not in _THIS_MACHINE


def _is_here(config: Config) -> bool:
    """Whether the proxy is on this machine."""
    return any(ipaddress.ip_address("127.0.0.1") in network for network in config.trusted_proxies)


def _shown(host: str, port: int) -> x509.Certificate:
    """What is shown for this name, whether browsers trust it or not. Raises OSError, ValueError."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=_SECONDS) as plain:
        with context.wrap_socket(plain, server_hostname=host) as speaking:
            return x509.load_der_x509_certificate(speaking.getpeercert(binary_form=True) or b"")


def _wrong(shown: x509.Certificate, host: str, now: datetime) -> str | None:
    if now > shown.not_valid_after_utc:
        return f"has expired on {shown.not_valid_after_utc:%Y-%m-%d}"
    if now < shown.not_valid_before_utc:
        return f"is not valid before {shown.not_valid_before_utc:%Y-%m-%d %H:%M} UTC (or the clock here is wrong)"
    if shown.not_valid_after_utc < now + _SOON:
        return f"expires on {shown.not_valid_after_utc:%Y-%m-%d}"
    if not any(_covers(name, host) for name in _names(shown)):
        return f"is not for {host}, but for {', '.join(_names(shown)) or 'nobody'}"
    return None


def _names(shown: x509.Certificate) -> list[str]:
    try:
        names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.DNSName) + [str(one) for one in names.get_values_for_type(x509.IPAddress)]


def _covers(name: str, host: str) -> bool:
    """A star stands for one label (RFC 6125, section 6.4.3)."""
    if name.startswith("*."):
        return host.partition(".")[2].lower() == name[2:].lower()
    return name.lower() == host.lower()
