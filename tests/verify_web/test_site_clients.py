"""Whose request it is: `X-Forwarded-For` counts as far as trusted proxies wrote it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify_web.clients import client_of, parse_networks

NONE = ()
OURS = parse_networks(["127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "host"),
    [
        ("192.0.2.7", "", NONE, "192.0.2.7/32"),
        # Nobody is believed who is not trusted, and no proxy is trusted by default.
        ("192.0.2.7", "198.51.100.1", NONE, "192.0.2.7/32"),
        ("127.0.0.1", "198.51.100.1", NONE, "127.0.0.1/32"),
        ("192.0.2.7", "198.51.100.1", OURS, "192.0.2.7/32"),
        ("127.0.0.1", "198.51.100.1", OURS, "198.51.100.1/32"),
        # What the client wrote stands to the left of what the proxy saw.
        ("127.0.0.1", "203.0.113.9, 198.51.100.1", OURS, "198.51.100.1/32"),
        ("127.0.0.1", "203.0.113.9, 198.51.100.1, 10.1.2.3", OURS, "198.51.100.1/32"),
        ("127.0.0.1", "", OURS, "127.0.0.1/32"),
        ("127.0.0.1", "unknown", OURS, "127.0.0.1/32"),
        ("127.0.0.1", "198.51.100.1, garbage, 10.1.2.3", OURS, "10.1.2.3/32"),
        ("127.0.0.1", "10.0.0.9", OURS, "10.0.0.9/32"),
        ("::ffff:192.0.2.7", "", NONE, "192.0.2.7/32"),
        ("2001:db8:1::5", "2001:db8:77:1:2:3:4:5", OURS, "2001:db8:77:1::/64"),
        ("", "198.51.100.1", OURS, ""),
        (None, "", OURS, ""),
    ],
)
def test_the_client_is_found(
    peer: str | None, forwarded: str, trusted: tuple[object, ...], host: str
) -> None:
    assert client_of(peer, forwarded, trusted).host == host


def test_neighbours_share_a_network_and_a_provider() -> None:
    one, near, far = (client_of(peer, "", NONE) for peer in ("192.0.2.7", "192.0.2.9", "192.0.9.1"))
    assert (one.network, one.provider) == ("192.0.2.0/24", "192.0.0.0/16")
    assert one.host != near.host
    assert one.network == near.network != far.network
    assert one.provider == far.provider
    six = client_of("2001:db8:77:1::5", "", NONE)
    assert (six.network, six.provider) == ("2001:db8:77::/48", "2001:db8::/32")


def test_a_long_chain_is_not_walked_for_ever() -> None:
    chain = ", ".join(["198.51.100.1"] + ["10.0.0.1"] * 50)
    assert client_of("127.0.0.1", chain, OURS).host == "10.0.0.1/32"


@given(st.text(max_size=80), st.text(max_size=80))
def test_anything_in_the_header_gives_some_client(peer: str, forwarded: str) -> None:
    client = client_of(peer, forwarded, OURS)
    assert client.host == "" or "/" in client.host


def test_a_setting_that_is_no_network_is_refused() -> None:
    assert parse_networks(["", " 127.0.0.1 "]) == parse_networks(["127.0.0.1/32"])
    for text in ("localhost", "10.0.0.1/8", "10.0.0.0/33"):
        with pytest.raises(ValueError, match=r"."):
            parse_networks([text])
