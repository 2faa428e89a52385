"""The certificate's PDF: its seal (电子签章) put on and checked, its attachments read."""

from signing.pdf.attachments import PROOF_NAME, RECORD_NAME, PdfEvidence, read_pdf
from signing.pdf.check import SealCheck, check_seal
from signing.pdf.seal import seal_pdf
from signing.pdf.stamp import Stamping, StampLevel

__all__ = [
    "PROOF_NAME",
    "RECORD_NAME",
    "PdfEvidence",
    "SealCheck",
    "StampLevel",
    "Stamping",
    "check_seal",
    "read_pdf",
    "seal_pdf",
]
