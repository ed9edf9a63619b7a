"""A client is the same one however its address is written, and nobody chooses what it counts as."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.addresses import (
    Client,
    Hop,
    address_bucket,
    client_of,
    client_of_scope,
    hops,
    is_in,
    parse_address,
    parse_network,
)
from tests.growth import growth

PROXIES = [ip_network("10.0.0.0/8"), ip_network("127.0.0.1"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:40001", "203.0.113.7"),
        (" 203.0.113.7\t", "203.0.113.7"),
        ('"203.0.113.7:40001"', "203.0.113.7"),
        ("203.0.113.7:_hidden", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::FFFF:203.0.113.7]:40001", "203.0.113.7"),
        ("::ffff:cb00:7107", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:40001", "2001:db8::1"),
        ('"[2001:DB8:0::1]:40001"', "2001:db8::1"),
        ("2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:443", "fe80::1"),
    ],
)
def test_an_address_is_the_same_however_it_is_written(written: str, meant: str) -> None:
    assert parse_address(written) == ip_address(meant)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unknown",
        "_hidden",
        "localhost",
        "203.0.113",
        "203.0.113.256",
        "203.0.113.010",
        "203.0.113.7:port",
        "203.0.113.7:400011",
        "203.0.113.7%eth0",
        "203.0.113.7 203.0.113.8",
        "[2001:db8::1",
        "2001:db8::1]",
        "[[2001:db8::1]]",
        "[2001:db8::1]x",
        "2001:db8::1::",
        "٢٠٣.0.113.7",
        "1" * 1_000_000,
        "[" * 1_000_000,
    ],
)
def test_anything_else_is_no_address(text: str) -> None:
    assert parse_address(text) is None


_ADDRESSES = st.ip_addresses()
_PIECES = st.sampled_from(
    ['"', "\\", "[", "]", ":", ";", ",", "=", "%", ".", " ", "\t", "for", "proto", "by", "_x", "1"]
)
_SCRAPS = st.lists(st.one_of(_PIECES, st.text(max_size=5), _ADDRESSES.map(str))).map("".join)


@given(st.one_of(st.text(), _SCRAPS))
def test_no_text_is_too_odd_to_be_asked_about(text: str) -> None:
    found = parse_address(text)
    assert found is None or isinstance(found, IPv4Address | IPv6Address)
    line = text.encode("latin-1", "replace")
    for name in (b"forwarded", b"x-forwarded-for"):
        client = client_of(ip_address("10.0.0.1"), hops([(name, line)]), PROXIES)
        assert isinstance(client.address, IPv4Address | IPv6Address)
        assert client.scheme in (None, "http", "https")


@given(_ADDRESSES, st.integers(0, 65_535))
def test_every_address_is_found_in_each_of_its_forms(address: IPv4Address | IPv6Address, port: int) -> None:
    meant = getattr(address, "ipv4_mapped", None) or address
    host = f"[{address}]" if address.version == 6 else str(address)
    forms = [str(address), address.exploded, str(address).upper(), host, f"{host}:{port}", f' "{host}:{port}" ']
    if meant.version == 4:
        forms.append(f"::ffff:{meant}")
    assert {parse_address(form) for form in forms} == {meant}
    told = hops([(b"forwarded", f'For="{host}:{port}";Proto=HTTPS'.encode())])
    assert client_of(ip_address("127.0.0.1"), told, [ip_network("127.0.0.1")]) == (meant, "https")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("10.0.0.1", "10.0.0.1/32"),
        (" 10.0.0.0/8", "10.0.0.0/8"),
        ("::ffff:10.0.0.1", "10.0.0.1/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("[fd00::1]", "fd00::1/128"),
        ("FD00::/8", "fd00::/8"),
    ],
)
def test_a_network_that_is_trusted_is_parsed_likewise(text: str, meant: str) -> None:
    assert parse_network(text) == ip_network(meant)


@pytest.mark.parametrize("text", ["", "10.0.0.1/8", "proxy", "10.0.0.0/33"])
def test_anything_else_is_no_network(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_network(text)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_of_ipv6_a_whole_64_is_one_address(address: str, counted: str) -> None:
    parsed = parse_address(address)
    assert parsed is not None
    assert str(address_bucket(parsed)) == counted


def test_a_network_holds_addresses_of_its_own_version() -> None:
    assert is_in(ip_address("10.1.2.3"), PROXIES)
    assert is_in(ip_address("fd00::1"), PROXIES)
    assert not is_in(ip_address("203.0.113.9"), PROXIES)
    assert not is_in(ip_address("::a01:203"), PROXIES)


# -- what proxies tell


def scope(client: str | None, *forwarded: str, name: bytes = b"x-forwarded-for") -> dict[str, Any]:
    headers = [(b"host", b"x"), *[(name, value.encode()) for value in forwarded]]
    return {"client": None if client is None else [client, 5000], "headers": headers}


@pytest.mark.parametrize(
    ("client", "forwarded", "found"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1:40001"], "198.51.100.1"),
        ("10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1,"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.7.7.7:80"], "198.51.100.1"),
        ("10.0.0.1", ["10.2.2.2, 10.3.3.3"], "10.2.2.2"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("fd00::1", ["[2001:db8::1]:40001"], "2001:db8::1"),
        (None, ["198.51.100.1"], "198.51.100.1"),
        (None, [], "127.0.0.1"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, unknown, 10.7.7.7"], "10.7.7.7"),
    ],
)
def test_a_forwarded_address_is_believed_of_trusted_proxies_alone(
    client: str | None, forwarded: list[str], found: str
) -> None:
    assert client_of_scope(scope(client, *forwarded), PROXIES) == ip_address(found)
    assert client_of_scope(scope(client, *forwarded), []) == (parse_address(client or "127.0.0.1"))


@pytest.mark.parametrize(
    ("forwarded", "found"),
    [
        (["for=198.51.100.1"], "198.51.100.1"),
        (["FOR=198.51.100.1;Proto=http;by=10.0.0.1"], "198.51.100.1"),
        (['by=10.0.0.1; for="198.51.100.1:40001"'], "198.51.100.1"),
        (["for=198.51.100.1:40001"], "198.51.100.1"),
        (['for="[2001:db8:cafe::17]:4711"'], "2001:db8:cafe::17"),
        (["for=[2001:db8:cafe::17]"], "2001:db8:cafe::17"),
        (["for=1.1.1.1, for=198.51.100.1"], "198.51.100.1"),
        (["for=1.1.1.1", "for=198.51.100.1"], "198.51.100.1"),
        (["for=198.51.100.1, for=10.7.7.7;proto=http"], "198.51.100.1"),
        ([",, for=198.51.100.1 , ,"], "198.51.100.1"),
        (['for="198.51.100\\.1"'], "198.51.100.1"),
        (['for=198.51.100.1;host="a,b;c=\\"d\\""'], "198.51.100.1"),
        (["for=198.51.100.1;for=198.51.100.2"], "198.51.100.1"),
        (["for=unknown"], "10.0.0.1"),
        (["for=_hidden"], "10.0.0.1"),
        (["for="], "10.0.0.1"),
        (["for"], "10.0.0.1"),
        (["proto=https"], "10.0.0.1"),
        (["for=198.51.100.1, for=unknown"], "10.0.0.1"),
        # What a client begins, its proxy goes on with: an open quote would take in the address that the proxy adds.
        (['for=1.1.1.1;x=", for=198.51.100.1'], "10.0.0.1"),
        (['for=1.1.1.1;x=", for="[2001:db8::1]"'], "10.0.0.1"),
        (['for="1.1.1.1", for=198.51.100.1'], "198.51.100.1"),
        (["for=1.1.1.1 for=198.51.100.1"], "10.0.0.1"),
    ],
)
def test_the_forwarded_header_is_read_as_rfc_7239_has_it(forwarded: list[str], found: str) -> None:
    told = scope("10.0.0.1", *forwarded, name=b"forwarded")
    assert client_of_scope(told, PROXIES) == ip_address(found)
    assert client_of_scope(scope("203.0.113.9", *forwarded, name=b"forwarded"), PROXIES) == ip_address("203.0.113.9")


@pytest.mark.parametrize("form", ["{}x", "for=1.1.1.1;{}x", "for=1.1.1.1{}@", "for=1.1.1.1,{}, for=1.1.1.2"])
def test_blanks_in_a_forwarded_header_cost_as_much_as_there_are(form: str) -> None:
    times = growth(lambda text: hops([(b"forwarded", text.encode())]), form, " \t", few=200, many=2000)
    assert times < 40, "looked at from each of them, ten times as many cost a hundred times as much"


def test_the_scheme_is_what_the_same_proxy_says() -> None:
    headers = [(b"forwarded", b"for=1.1.1.1;proto=http, for=198.51.100.1;proto=HTTPS, for=10.7.7.7;proto=http")]
    client = client_of(ip_address("10.0.0.1"), hops(headers), PROXIES)
    assert client == Client(ip_address("198.51.100.1"), "https")
    assert client_of(ip_address("10.0.0.1"), [Hop("unknown", "https")], PROXIES).scheme == "https"
    assert hops([(b"forwarded", b"for=198.51.100.1;proto=gopher")]) == [Hop("198.51.100.1", None)]


def test_of_two_headers_x_forwarded_for_is_read_unless_the_other_is_named() -> None:
    headers = [(b"forwarded", b"for=203.0.113.1"), (b"x-forwarded-for", b"203.0.113.2"), (b"x-real-ip", b"203.0.113.3")]
    assert hops(headers) == [Hop("203.0.113.2")]
    assert hops(headers[:1]) == [Hop("203.0.113.1")]
    assert hops(headers, "forwarded") == [Hop("203.0.113.1")]
    assert hops(headers, "x-real-ip") == [Hop("203.0.113.3")]
    assert hops(headers[:1], "x-forwarded-for") == []
