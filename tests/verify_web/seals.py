"""The office's seal root and a company's seal, for PDFs that the site is shown."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pikepdf
from cryptography.hazmat.primitives.asymmetric import ec

from keys.ceremony import make_seal_certificate, make_seal_root
from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.signer import public_bytes, software_signer
from signing.bundle import Evidence, proof_file
from signing.envelope import to_json
from signing.pdf import PROOF_NAME, RECORD_NAME, seal_pdf

NOW = datetime(2026, 11, 23, 10, 2, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)


class Seals:
    """The office's seal root, and a company's seal."""

    def __init__(self, uscc: str = "91440300MA0000001X") -> None:
        root_key = ec.generate_private_key(ec.SECP256R1())
        self.root = make_seal_root(root_key, "示例鉴定办", START)
        key = ec.generate_private_key(ec.SECP256R1())
        public = public_bytes(key)
        certificate = make_seal_certificate(
            root_key,
            self.root,
            key.public_key(),
            company="示例精密制造有限公司",
            uscc=uscc,
            now=START,
        )
        self.signer = software_signer(
            KeyInfo(
                key_id=key_id_of(Algorithm.ECDSA_P256, public),
                algorithm=Algorithm.ECDSA_P256,
                purpose=Purpose.PDF,
                issuer="Y000044999001",
                not_before=START,
                not_after=START + timedelta(days=1000),
                state=KeyState.ACTIVE,
                public_key=public,
                certificate=certificate,
            ),
            key,
        )

    def seal(self, attachments: dict[str, bytes]) -> bytes:
        pdf = pikepdf.new()
        pdf.add_blank_page(page_size=(595, 842))
        for name, content in attachments.items():
            pdf.attachments[name] = content
        output = io.BytesIO()
        pdf.save(output)
        return seal_pdf(output.getvalue(), self.signer, root=self.root, now=NOW, reason="发证")

    @staticmethod
    def attachments(evidence: Evidence) -> dict[str, bytes]:
        proof = proof_file(evidence, with_record=False)
        return {RECORD_NAME: to_json(evidence.envelope), PROOF_NAME: proof}
