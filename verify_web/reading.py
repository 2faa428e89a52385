"""What a worker takes out of a stranger's PDF, picture or table.

Runs confined, never in the site itself. It gives back bytes, texts, rows and the seal's step,
which the site then judges as it would anyone's. All libraries are loaded when this module is: once
confined, a worker cannot open a file.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

import pypdfium2
from PIL import Image

from signing.envelope import from_json
from signing.errors import SigningError, UnreadablePicture
from signing.pdf import read_pdf
from signing.pdf_verify import seal_step
from signing.qr_image import read_qr, read_qr_pixels
from signing.record import parse_record
from verify_web.bulk.table import Refused, read_table
from verify_web.findings import Finding

if TYPE_CHECKING:
    from keys.trust import Trust
    from verify_web.findings import Task

PAGE_PIXELS: Final = 9_000_000
"""Of a page looked at for its code: A4 at 300 dpi."""

PAGE_DPI: Final = 220
_POINTS_PER_INCH: Final = 72

# What the libraries load when they first need it, which would be too late.
for _module in (
    "cryptography.hazmat.backends.openssl.backend",
    "lxml.etree",
    "pyhanko.pdf_utils.filters",
):
    import_module(_module)
Image.preinit()


def read(task: Task, trust: Trust) -> Finding:
    """Read one file; `trust` is that of the task's folder."""
    try:
        if task.kind == "picture":
            return Finding(texts=read_qr(task.data))
        if task.kind == "table":
            return Finding(rows=tuple(read_table(task.data)))
        return _read_pdf(task, trust)
    except SigningError:
        return Finding(outcome="refused")
    except Refused as error:
        return Finding(outcome="refused", fault=error.fault)


def _read_pdf(task: Task, trust: Trust) -> Finding:
    inside = read_pdf(task.data)
    seal = seal_step(task.data, trust, _prefix(inside.record_json), now=task.now)
    if inside.record_json is None:
        return Finding(seal=seal, texts=_codes_on_page(task.data))
    return Finding(
        record=inside.record_json, proof=inside.tlog_proof, annotation=inside.annotation, seal=seal
    )


def _prefix(record_json: bytes | None) -> str:
    """Prefix of the record the seal should be the issuer's of; "" belongs to nobody."""
    if record_json is None:
        return ""
    try:
        return parse_record(from_json(record_json).payload).prefix
    except SigningError:
        return ""


def _codes_on_page(data: bytes) -> tuple[str, ...]:
    """Texts of the QR codes on the first page, as of a scan or a print to PDF; none is no fault."""
    try:
        document = pypdfium2.PdfDocument(data)
        page = document[0]
        width, height = page.get_size()
        scale = PAGE_DPI / _POINTS_PER_INCH
        # A page may be declared as large as a field: it is drawn on a smaller scale then.
        scale = min(scale, (PAGE_PIXELS / max(width * height, 1)) ** 0.5)
        return read_qr_pixels(page.render(scale=scale, grayscale=True).to_pil())
    except (pypdfium2.PdfiumError, UnreadablePicture, ValueError):
        return ()
