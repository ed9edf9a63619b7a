"""Addresses of clients: parsed only here, so that every notation of an address means the same client."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Networks = Sequence[Network]

#: A client on a Unix socket is on this machine.
LOCAL = IPv4Address("127.0.0.1")

#: The longest address, with brackets, zone and port; a client may send longer text.
_LONGEST = 128

_PORT = r"(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?"
_BRACKETED = re.compile(rf"\[([^\[\]]*)\]{_PORT}")
_DOTTED = re.compile(rf"([0-9.]+){_PORT}")

#: A parameter of `Forwarded` (RFC 7239, section 4) and its delimiter. Values that should be quoted and are not, such as
#: those with a port, are accepted too. Blanks that lead to nothing are looked at once (`*+`): there may be thousands.
_PARAMETER = re.compile(
    r"[ \t]*+(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:\"((?:[^\"\\]|\\.)*)\"|([^\",;\s\\]*)))?[ \t]*+([;,]|\Z)"
)
_ESCAPE = re.compile(r"\\(.)")

X_FORWARDED_FOR = "x-forwarded-for"
FORWARDED = "forwarded"


class Hop(NamedTuple):
    """The statement of one proxy about a client: the address as it wrote it, "" if it gives none, and the scheme."""

    client: str
    scheme: str | None = None


def parse_address(text: str) -> Address | None:
    """The address in a text, with or without port, brackets and zone; None for anything else.

    Examples are `203.0.113.7:40001`, `[2001:db8::1]:443`, `fe80::1%eth0` and `"::ffff:203.0.113.7"`. Port and zone are
    dropped, and an IPv4 address that is mapped into IPv6 is that IPv4 address.
    """
    return _parsed(text) if len(text) <= _LONGEST else None


@lru_cache(4096)
def _parsed(text: str) -> Address | None:
    text = text.strip()
    if text[:1] == '"' and text[-1:] == '"':
        text = text[1:-1].strip()
    found = _BRACKETED.fullmatch(text) or _DOTTED.fullmatch(text)
    host = found[1] if found else text
    if ":" in host:
        host = host.partition("%")[0]
    try:
        return _unmapped(ip_address(host))
    except ValueError:
        return None


def _unmapped(address: Address) -> Address:
    return getattr(address, "ipv4_mapped", None) or address


def parse_network(text: str) -> Network:
    """An address or network; IPv4 mapped into IPv6 is IPv4. Raises ValueError."""
    address = parse_address(text)
    if address is not None:
        return ip_network(address)
    network = ip_network(text.strip())
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    return network if mapped is None or network.prefixlen < 96 else IPv4Network((mapped, network.prefixlen - 96))


def is_in(address: Address, networks: Networks) -> bool:
    return any(address in network for network in networks)


@lru_cache(4096)
def address_bucket(address: Address) -> Address | IPv6Network:
    """The network that counts as one address: for IPv6 the /64, because that is what one customer gets."""
    return address if address.version == 4 else IPv6Network((int(address) >> 64 << 64, 64))


def hops(headers: Iterable[tuple[bytes, bytes]], header: str | None = None) -> list[Hop]:
    """The statements of proxies in a request's headers (names in lower case), the nearest proxy last.

    `header` names the header to read; None reads X-Forwarded-For, and Forwarded only if that is absent.
    """
    texts: dict[str, list[str]] = {}
    for name, value in headers:
        texts.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    if header is None:
        header = X_FORWARDED_FOR if X_FORWARDED_FOR in texts else FORWARDED
    values = texts.get(header, [])
    if header == FORWARDED:
        return [hop for value in values for hop in _elements(value)]
    return [Hop(part) for value in values for part in value.split(",") if part.strip()]


def _elements(value: str) -> list[Hop]:
    """The elements of one `Forwarded` header.

    A header that breaks the grammar has no elements: an open quote from the client would include what its proxy adds
    after it.
    """
    found, element, at = list[Hop](), dict[str, str](), 0
    while at < len(value):
        parameter = _PARAMETER.match(value, at)
        if parameter is None:
            return [Hop("")]
        name, quoted, plain, end = parameter.groups()
        if name is not None:
            text = plain if quoted is None else _ESCAPE.sub(r"\1", quoted)
            element.setdefault(name.lower(), text)
        at = parameter.end()
        if element and (end != ";" or at == len(value)):
            found.append(Hop(element.get("for", ""), _scheme(element.get("proto"))))
            element = {}
    return found


def _scheme(text: str | None) -> str | None:
    return text.lower() if text is not None and text.lower() in ("http", "https") else None


class Client(NamedTuple):
    """The client of a request, and its scheme if a trusted proxy named it."""

    address: Address
    scheme: str | None = None


def client_of(peer: Address, told: Sequence[Hop], trusted: Networks) -> Client:
    """The client behind trusted proxies: the last address that is not a trusted proxy itself.

    The addresses before it may be invented. If a trusted proxy gives no readable address (`unknown`, `_hidden`,
    garbage), the clients it forwards count as one: the proxy.
    """
    client = Client(peer)
    for hop in reversed(told):
        if not is_in(client.address, trusted):
            break
        found = parse_address(hop.client)
        client = Client(found or client.address, hop.scheme)
        if found is None:
            break
    return client


def client_of_scope(scope: dict[str, Any], trusted: Networks, header: str | None = None) -> Address:
    """The client of an ASGI connection; `header` as for `hops`."""
    client = scope.get("client")
    peer = (parse_address(client[0]) if client else None) or LOCAL
    return client_of(peer, hops(scope["headers"], header), trusted).address
