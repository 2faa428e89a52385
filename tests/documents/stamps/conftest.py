"""A timestamp authority that stands in for a real one: in memory, and as a server on loopback."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from asn1crypto import algos, cms, tsp, x509
from cryptography import x509 as pyca
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from signing.pdf import Stamping, StampLevel

NOW = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
MESSAGE_DIGEST, SIGNING_CERTIFICATE = "1.2.840.113549.1.9.4", "1.2.840.113549.1.9.16.2.47"


def certificate(
    name: str, key: Key, issuer: pyca.Certificate | None, issuer_key: Key, **change: Any
) -> pyca.Certificate:
    """A certificate of the authority: of its root, an intermediate (`ca`), or its stamping key."""
    is_ca = change.pop("ca", issuer is None)
    start = change.pop("start", NOW - timedelta(days=100))
    usages = change.pop("usages", [ExtendedKeyUsageOID.TIME_STAMPING])
    critical = change.pop("critical", True)
    assert not change
    subject = pyca.Name([pyca.NameAttribute(NameOID.COMMON_NAME, name)])
    above = issuer.subject if issuer is not None else subject
    builder = (
        pyca.CertificateBuilder(
            above,
            subject,
            key.public_key(),
            int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]),
        )
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=3650))
        .add_extension(pyca.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(
            pyca.KeyUsage(
                digital_signature=not is_ca,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=is_ca,
                crl_sign=is_ca,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(pyca.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            pyca.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if not is_ca:
        builder = builder.add_extension(pyca.ExtendedKeyUsage(usages), critical=critical)
    return builder.sign(issuer_key, SHA256())


def der(made: pyca.Certificate) -> bytes:
    return made.public_bytes(Encoding.DER)


@dataclass(kw_only=True)
class Authority:
    """Answers requests as RFC 3161 has it; its attributes say what it does otherwise."""

    key: Key
    own: bytes
    chain: list[bytes]
    """What its answers carry: its own certificate and those above but for the root."""
    root: bytes
    at: datetime = NOW
    status: str = "granted"
    nonce_shift: int = 0
    requests: list[bytes] = field(default_factory=list)
    spoil: Callable[[bytes], bytes] = lambda answer: answer
    padding: int = 0

    def answer(self, request: bytes) -> bytes:
        self.requests.append(request)
        asked = tsp.TimeStampReq.load(request)
        status = tsp.PKIStatusInfo({"status": self.status})
        if self.status != "granted":
            return b"\x30" + bytes([len(status.dump())]) + status.dump()  # a reply without a token
        response = tsp.TimeStampResp({"status": status, "time_stamp_token": self.token(asked)})
        return self.spoil(response.dump())

    def token(self, asked: Any) -> cms.ContentInfo:
        info = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": "1.2.3.4.5" + ".1" * self.padding,
                "message_imprint": asked["message_imprint"],
                "serial_number": len(self.requests),
                "gen_time": self.at,
                "nonce": asked["nonce"].native + self.nonce_shift,
            }
        )
        own = x509.Certificate.load(self.own)
        attributes = cms.CMSAttributes(
            [
                {"type": "content_type", "values": ["tst_info"]},
                {"type": "message_digest", "values": [hashlib.sha256(info.dump()).digest()]},
                {
                    "type": "signing_certificate_v2",
                    "values": [{"certs": [{"cert_hash": hashlib.sha256(self.own).digest()}]}],
                },
            ]
        )
        digest = algos.DigestAlgorithm({"algorithm": "sha256"})
        elliptic = isinstance(self.key, ec.EllipticCurvePrivateKey)
        signer = {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                "issuer_and_serial_number",
                {"issuer": own.issuer, "serial_number": own.serial_number},
            ),
            "digest_algorithm": digest,
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": "sha256_ecdsa" if elliptic else "sha256_rsa"},
            "signature": self.sign(attributes.dump()),
        }
        signed = {
            "version": "v3",
            "digest_algorithms": [digest],
            "encap_content_info": {"content_type": "tst_info", "content": info},
            "certificates": [
                cms.CertificateChoices("certificate", x509.Certificate.load(one))
                for one in self.chain
            ],
            "signer_infos": [signer],
        }
        return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})

    def sign(self, message: bytes) -> bytes:
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(message, ec.ECDSA(SHA256()))
        return self.key.sign(message, padding.PKCS1v15(), SHA256())

    def stamping(self, level: StampLevel = StampLevel.SEAL, **change: Any) -> Stamping:
        usual = Stamping(
            ask=self.answer, roots=(self.root,), level=level, random=lambda size: b"\x07" * size
        )
        return replace(usual, **change)


def make_authority(**change: Any) -> Authority:
    """An authority with a root, an intermediate and a stamping key; `change` is of the latter."""
    elliptic = change.pop("elliptic", False)
    name = change.pop("name", "Example TSA")
    root_key, middle_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    key: Key = (
        ec.generate_private_key(ec.SECP256R1())
        if elliptic
        else rsa.generate_private_key(65537, 2048)
    )
    root = certificate(f"{name} root", root_key, None, root_key)
    middle = certificate(f"{name} CA", middle_key, root, root_key, ca=True)
    own = certificate(f"{name} 1", key, middle, middle_key, **change)
    return Authority(key=key, own=der(own), chain=[der(own), der(middle)], root=der(root))


@pytest.fixture(scope="session")
def new_authority() -> Callable[..., Authority]:
    return make_authority


@pytest.fixture
def authority(made_authority: Authority) -> Authority:
    """An authority in its usual mood; its keys are made once."""
    return replace(made_authority, requests=[])


@pytest.fixture(scope="session")
def made_authority() -> Authority:
    return make_authority()


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[bytes], tuple[int, str, bytes]]], str]]:
    """Serve answers (status, media type, body) to what is posted; gives the address."""
    with _serving() as start:
        yield start


@contextmanager
def _serving() -> Iterator[Any]:
    servers: list[tuple[HTTPServer, Thread]] = []

    def start(respond: Callable[[bytes], tuple[int, str, bytes]]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/timestamp-query"
                status, kind, answer = respond(body)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(answer)))
                if status in {301, 302, 307}:
                    self.send_header("Location", "http://127.0.0.1:9/")
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/tsa"

    try:
        yield start
    finally:
        for server, thread in servers:
            server.shutdown()
            thread.join()
            server.server_close()
