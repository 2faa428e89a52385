"""Whose request it is: the client's address, also behind a proxy that is known to be ours.

`X-Forwarded-For` is anybody's to write, so only the entries that trusted proxies appended
count: read from the right, the first address that is no trusted proxy. Addresses are used for
limits alone and are never logged.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Final

from flask import request

if TYPE_CHECKING:
    from collections.abc import Collection
    from ipaddress import IPv4Network, IPv6Network

    Address = IPv4Address | IPv6Address
    Network = IPv4Network | IPv6Network

MOST_HOPS: Final = 8
"""Entries of `X-Forwarded-For` looked at; a chain of proxies of one's own is shorter."""

_V4_PREFIXES: Final = (32, 24, 16)
_V6_PREFIXES: Final = (64, 48, 32)
"""One client, its site and its provider: a household is given a whole /64 or /56 (RFC 6177)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Where a request came from: host (one client), network (its neighbours), provider."""

    host: str
    network: str
    provider: str


def this_client(trusted: tuple[Network, ...]) -> Client:
    """Find the client of the request under way."""
    return client_of(request.remote_addr, request.headers.get("X-Forwarded-For", ""), trusted)


@lru_cache(maxsize=1024)
def client_of(peer: str | None, forwarded: str, trusted: tuple[Network, ...]) -> Client:
    """Find the client of a request that came from `peer`, by its `X-Forwarded-For` value."""
    address = _parse(peer or "")
    if address is None:
        # A Unix socket's peer has no address: all who come through it share one allowance.
        return Client(host="", network="", provider="")
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()][-MOST_HOPS:]
    while _is_trusted(address, trusted) and hops:
        before = _parse(hops.pop())
        if before is None:
            break
        address = before
    return _client(address)


def parse_networks(texts: Collection[str]) -> tuple[Network, ...]:
    """Read the trusted proxies' addresses or networks. Raises ValueError."""
    return tuple(ip_network(text.strip()) for text in texts if text.strip())


def _parse(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A server that listens on both writes ::ffff:192.0.2.1.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_trusted(address: Address, trusted: Collection[Network]) -> bool:
    return any(address in network for network in trusted)


def _client(address: Address) -> Client:
    prefixes = _V4_PREFIXES if address.version == 4 else _V6_PREFIXES  # noqa: PLR2004 -- IPv4
    host, network, provider = (
        str(ip_network((address.packed, prefix), strict=False)) for prefix in prefixes
    )
    return Client(host=host, network=network, provider=provider)
