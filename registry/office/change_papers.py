"""Papers that come with change requests (证明材料): looked into before a request takes them.

They are sealed into the request's own row and are kept with it. Whoever hands one in, it passes
what documents of cases pass: type by its bytes, scripts and programs in a PDF, the virus scan. It
is plain on the disk only meanwhile, and no transaction is open.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final, NewType

from registry.errors import Refused
from registry.office.changes import document_kind
from registry.office.document_files import Examiner, ScanFailed, examine
from registry.office.document_types import DocumentRefused
from registry.office.form_faults import FieldFault, FormFaults

Examined = NewType("Examined", bytes)
"""A paper's bytes that passed, empty for no paper. Made here alone."""

NO_PAPER: Final = Examined(b"")
_FORM: Final = "证明材料为 PDF、JPEG 或者 PNG 文件，不超过 10 MB"


class PaperRefused(Refused):
    """A holder's paper is not taken in, and so the request is not put down."""

    code = "paper-refused"


class PaperNotScanned(ScanFailed):
    """The virus scan gave no answer about a paper: ``faults`` say so at its field."""

    def __init__(self, failed: ScanFailed) -> None:
        """Say it in the words of ``failed``."""
        super().__init__(str(failed))
        self.faults = (FieldFault(field="document", text=str(failed)),)


def paper_kind(data: bytes) -> str:
    """Say what kind of paper it is, "" for none. Raises ``FormFaults``."""
    kind = document_kind(data)
    if kind is None:
        raise FormFaults([FieldFault(field="document", text=_FORM)])
    return kind


def examined(folder: Path, data: bytes, *, examiner: Examiner, now: datetime) -> Examined:
    """Look into a paper; ``folder`` is that of the documents.

    Raises ``FormFaults`` at the field ``document``, saying what to hand in, and
    ``PaperNotScanned``.
    """
    if paper_kind(data):
        try:
            examine(folder, data, examiner=examiner, now=now)
        except DocumentRefused as refused:
            raise FormFaults([FieldFault(field="document", text=str(refused))]) from None
        except ScanFailed as failed:
            raise PaperNotScanned(failed) from None
    return Examined(data)


def examined_of_holder(folder: Path, data: bytes, *, examiner: Examiner, now: datetime) -> Examined:
    """Look into a holder's paper. Raises ``PaperRefused``, ``PaperNotScanned``."""
    try:
        return examined(folder, data, examiner=examiner, now=now)
    except FormFaults:
        raise PaperRefused("a paper that cannot be taken in") from None
