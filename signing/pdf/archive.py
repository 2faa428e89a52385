"""The archive timestamp of PAdES B-LTA (ETSI EN 319 142-1 §6.3): a second one, over all there is.

After the seal come, in one incremental update, the certificates and revocation lists needed to
check it later (Document Security Store, ISO 32000-2 §12.8.4.3) and a document timestamp over the
whole file. A seal that allows no change allows these (§12.8.2.2.2).
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from asn1crypto import cms, crl, x509
from pyhanko.sign.fields import SigFieldSpec
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.constants import ESIC_EXTENSION_1
from pyhanko.sign.signers.pdf_byterange import DocumentTimestamp
from pyhanko.sign.validation.dss import DocumentSecurityStore

from signing.errors import StampFailed
from signing.pdf.cms import DIGEST
from signing.pdf.stamp import ask_stamp
from signing.pdf.writer import SealWriter

if TYPE_CHECKING:
    from datetime import datetime

    from signing.pdf.stamp import Stamping

FIELD_NAME: Final = "ArchiveTimestamp"
FIELD_LABEL: Final = "存档时间戳 Archive timestamp"


def add_archive_stamp(
    sealed: bytes, stamping: Stamping, *, now: datetime, certificates: tuple[bytes, ...], room: int
) -> bytes:
    """Append the store and the document timestamp to a PDF that is sealed and stamped.

    `certificates` (DER) are kept in the store; `room` is the longest token taken, in bytes.
    Raises StampFailed.
    """
    writer = SealWriter(BytesIO(sealed))
    writer.register_extension(ESIC_EXTENSION_1)
    DocumentSecurityStore.supply_dss_in_writer(
        writer,
        None,
        certs=[x509.Certificate.load(der) for der in dict.fromkeys(certificates)],
        crls=[crl.CertificateList.load(der) for der in stamping.crls],
    )
    field = SigFieldSpec(sig_field_name=FIELD_NAME, readable_field_name=FIELD_LABEL)
    steps: Any = PdfCMSEmbedder(new_field_spec=field).write_cms(FIELD_NAME, writer)
    next(steps)
    placeholder: Any = DocumentTimestamp
    steps.send(SigObjSetup(sig_placeholder=placeholder(bytes_reserved=2 * room)))
    prepared, output = steps.send(SigIOSetup(md_algorithm=DIGEST, output=BytesIO()))
    token = ask_stamp(stamping, prepared.document_digest, now)
    if len(token) > room:
        raise StampFailed("the timestamp authority's second token is far longer than its first")
    steps.send(cms.ContentInfo.load(token))
    return bytes(output.getvalue())
