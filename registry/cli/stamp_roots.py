"""The roots of the home's timestamp authorities (时间戳机构), which go into the trust folder."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificates

from registry.cli.home import Home
from registry.errors import HomeNotReady

FOLDER: Final = "timestamps"


def stamp_roots(home: Home) -> tuple[bytes, ...]:
    """Return the roots of all authorities that were ever asked (DER), in order of their files."""
    found: dict[bytes, None] = {}
    for file in sorted((home.path / FOLDER).glob("*.pem")):
        try:
            roots = load_pem_x509_certificates(file.read_bytes())
        except ValueError:
            raise HomeNotReady(f"{file} is no certificate in PEM: correct or remove it") from None
        found.update(dict.fromkeys(root.public_bytes(Encoding.DER) for root in roots))
    return tuple(found)
