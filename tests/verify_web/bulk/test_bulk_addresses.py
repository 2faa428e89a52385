"""Where notices may be sent: a table of addresses that only this machine, or nobody, may reach."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify_web.bulk.addresses import is_public, parse_target

REFUSED = [
    "0.0.0.0",  # noqa: S104 -- an address that must be refused
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
    "localhost",
    "0x7f.1",
    "2130706433",
    "",
]


@pytest.mark.parametrize("address", REFUSED)
def test_a_special_address_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "172.32.0.1", "223.5.5.5", "2400:3200::1"])
def test_a_public_address_is_taken(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses())
def test_nothing_is_taken_that_the_standard_library_calls_private(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    special = not address.is_global or address.is_multicast or address.is_reserved
    assert not (is_public(str(address)) and special)


@pytest.mark.parametrize(
    "text",
    [
        "http://hr.example.com/",
        "ftp://hr.example.com/",
        "hr.example.com",
        "//hr.example.com/",
        "https://",
        "https:///path",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://user:word@hr.example.com/",
        "https://hr.example.com@127.0.0.1/",
        "https://hr.example.com\\@127.0.0.1/",
        "https://hr.example.com/#part",
        "https://hr.example.com:22/",
        "https://hr.example.com:0/",
        "https://hr.example.com:80/",
        "https://hr.example.com:65536/",
        "https://hr.example.com:x/",
        "https://hr.example.com/a b",
        "https://hr.example.com/\r\nX-Y: z",
        "https://hr.example.com/通知",
        "https://人事.example.com/",
        "https://hr..example.com/",
        "https://-hr.example.com/",
        "https://hr.example.com./",
        f"https://hr.example.com/{'a' * 500}",
    ],
)
def test_a_form_that_is_not_taken(text: str) -> None:
    assert parse_target(text) is None


def test_a_form_that_is_taken() -> None:
    target = parse_target("https://HR.example.com:8443/hooks/a?token=b")
    assert target is not None
    assert (target.host, target.port, target.path) == ("hr.example.com", 8443, "/hooks/a?token=b")
    plain = parse_target("https://hr.example.com")
    assert plain is not None
    assert (plain.port, plain.path) == (443, "/")


@given(st.text(max_size=60))
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    target = parse_target(f"https://{text}")
    if target is not None:
        assert target.host.isascii()
        assert "\r" not in target.path
        assert "\n" not in target.path
