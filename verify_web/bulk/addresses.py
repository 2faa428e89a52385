"""Where a notice of a change may be sent: the form of the address, and the IP addresses refused.

An employer chooses the address, and our working process calls it: without this it would knock at
doors that only we can reach (server-side request forgery, CWE-918). Refused is what the IANA
special-purpose registries (RFC 6890) list, what embeds another address, and clouds' own servers.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

LONGEST_ADDRESS: Final = 500
HTTPS_PORT: Final = 443
FIRST_FREE_PORT: Final = 1024
"""Below it stand other services, such as mail, that must not be talked to; 443 apart."""

_PLAIN: Final = re.compile(r"[!-~]+", re.ASCII)
_HOST: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?",
    re.ASCII,
)
_LONGEST_HOST: Final = 253

_REFUSED_4: Final = tuple(
    ipaddress.IPv4Network(net)
    for net in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' shared space, and a cloud's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's own server, at a public address
        "169.254.0.0/16",  # link-local, and clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT relays
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL_6: Final = ipaddress.IPv6Network("2000::/3")
"""The only IPv6 space given out so far; loopback, link-local, NAT64 and mapped ones lie outside."""
_REFUSED_6: Final = tuple(
    ipaddress.IPv6Network(net)
    for net in (
        "2001::/23",  # protocol assignments, Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address within
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


class CallFault(StrEnum):
    """Why a notice was not taken; the words are in `verify_web.bulk.wording`."""

    ADDRESS = "address"
    """Not an address that may be called, or its name leads to one that may not."""
    NAME = "name"
    """The name cannot be resolved."""
    CONNECTION = "connection"
    TLS = "tls"
    """No TLS, or a certificate that is not good for this name."""
    TIME = "time"
    ANSWER = "answer"
    """It answered, but not with HTTP, or not with 2xx."""
    REDIRECT = "redirect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An https address in its parts; `path` with its query."""

    host: str
    port: int
    path: str


def parse_target(text: str) -> Target | None:
    """Read an address a notice may be sent to; None for what is none.

    https alone, a DNS name in ASCII, port 443 or from 1024 on, no user and no fragment. A bare IP
    address is refused: no certificate for it would be worth anything, and none is needed.
    """
    if len(text) > LONGEST_ADDRESS or not _PLAIN.fullmatch(text):
        return None
    try:
        parts = urlsplit(text)
        port = HTTPS_PORT if parts.port is None else parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    if parts.scheme != "https" or "@" in parts.netloc or "\\" in text or "#" in text:
        return None
    if len(host) > _LONGEST_HOST or not _HOST.fullmatch(host):
        return None
    if port != HTTPS_PORT and port < FIRST_FREE_PORT:
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(host=host, port=port, path=path)


def is_public(text: str) -> bool:
    """Whether an IP address, as a resolver gives it, is one of the open internet."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in net for net in _REFUSED_4)
    if address.scope_id is not None or address not in _GLOBAL_6:
        return False
    return not any(address in net for net in _REFUSED_6)
