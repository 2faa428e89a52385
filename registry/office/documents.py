"""Documents of a case (申请材料): a row with digest, size and type; the bytes stand elsewhere.

The bytes are stored before the row is written (`document_files.receive`), outside the transaction:
a scan may take a minute and must not hold the database. Who sees the case sees its documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.almanac import read_almanac
from registry.office.cases import EDITABLE, CaseKind, audit, get_case, machine_of
from registry.office.context import Context
from registry.office.document_files import Examiner, Received, receive
from registry.office.document_types import DocumentRefused
from registry.office.document_vault import Paper, vault_of
from registry.office.due import china_day
from registry.office.filing_form import PAPERS
from registry.office.identity import Identity, NotAllowed
from registry.office.kept import once
from registry.office.retention import kept_until
from registry.office.unit import Desk
from registry.rules.workflow import Actor
from registry.store.prepared import Prepared
from registry.store.procedure import Case, CaseDocument

MOST_DOCUMENTS: Final = 60
"""Of one case: a bound on what one account can fill the disk with."""

_DOCUMENTS: Final = Prepared(
    select(*CaseDocument.__table__.columns)
    .where(CaseDocument.case_id == bindparam("case"), CaseDocument.removed_at.is_(None))
    .order_by(CaseDocument.document_id)
)

KINDS: Final[dict[CaseKind, Mapping[str, str]]] = {CaseKind.FILING: PAPERS}
"""The kinds of documents that a case takes, with their words; an area adds its own."""


def kinds_of(case: Case) -> Mapping[str, str]:
    """Give the kinds of documents that a case takes, with their words."""
    return KINDS.get(CaseKind(case.kind), {})


def documents_of(session: Session, case: Case) -> tuple[CaseDocument, ...]:
    """Return the case's documents that were not removed, in the order of their coming.

    To look at: rows that the session does not follow.
    """

    def read() -> tuple[CaseDocument, ...]:
        return tuple(_DOCUMENTS.named(session, case=case.case_id))

    return once(session, ("documents", case.case_id), read)


def get_document(session: Session, case: Case, document_id: int) -> CaseDocument:
    """Return a document of this very case; ``NotFound`` for any other."""
    row = session.get(CaseDocument, document_id)
    if row is None or row.case_id != case.case_id or row.removed_at is not None:
        raise NotFound("没有此文件，或者已被删除")
    return row


def paper_of(row: CaseDocument) -> Paper:
    """Give which stored file a row speaks of."""
    return Paper(case_id=row.case_id, sha256=row.sha256)


def check_may_change(session: Session, case: Case, by: Identity) -> None:
    """Raise ``NotAllowed`` or ``Refused`` unless the person may add and remove documents now."""
    if not by.acts_as(Actor.COMPANY):
        raise NotAllowed("只有企业人员可以上传或者删除材料")
    # The row is locked, or a document could slip in while another person submits the case.
    session.refresh(case, with_for_update=session.get_bind().dialect.name == "postgresql")
    if case.state not in EDITABLE:
        here = machine_of(case).words[case.state]
        raise Refused(f"办件现为“{here}”，材料不能再增减")


def take_in(
    desk: Desk,
    case_id: int,
    kind: str,
    name: str,
    stream: IO[bytes],
    *,
    by: Identity,
    examiner: Examiner,
) -> CaseDocument:
    """Examine, store and record a file; asked first whether it may come, so that no work is lost.

    Raises ``NotFound``, ``ScanFailed``, and what `add_document` raises.
    """
    with desk.read() as session:
        case = get_case(session, case_id, by)
        check_may_change(session, case, by)
        _check_kind(case, kind)
    received = receive(
        vault_of(desk), case_id, name, stream, examiner=examiner, now=desk.clock.now()
    )
    with desk.write() as session:
        case = get_case(session, case_id, by)
        return add_document(session, case, kind, received, by=by, context=desk.context(by))


def add_document(
    session: Session, case: Case, kind: str, received: Received, *, by: Identity, context: Context
) -> CaseDocument:
    """Record a received file as a document of the case.

    Raises ``NotAllowed``, ``Refused``, ``DocumentRefused`` for a kind the case does not take, for
    the same bytes twice under one kind, or for too many.
    """
    if received.case_id != case.case_id:
        raise AssertionError  # the bytes are sealed for another case and would not open
    almanac = read_almanac(session)
    check_may_change(session, case, by)
    _check_kind(case, kind)
    present = documents_of(session, case)
    if any((d.kind, d.sha256) == (kind, received.sha256) for d in present):
        raise DocumentRefused("同一文件已经上传过")
    if len(present) >= MOST_DOCUMENTS:
        raise DocumentRefused(f"一个办件最多 {MOST_DOCUMENTS} 个文件，请合并后上传")
    row = CaseDocument(
        case_id=case.case_id,
        kind=kind,
        name=received.name,
        media_type=received.media.value,
        size=received.size,
        sha256=received.sha256,
        scan=received.scan,
        stored_at=context.clock.now(),
        kept_until=kept_until(china_day(context.clock.now()), almanac),
    )
    session.add(row)
    session.flush()
    line = audit(f"{case.kind}-document-add", case.reference, by, context)
    line.detail = f"document {row.document_id}; {kind}; sha256 {received.sha256}"
    session.add(line)
    return row


def remove_document(
    session: Session, case: Case, document_id: int, *, by: Identity, context: Context
) -> None:
    """Take a document out of the case while the company has it.

    Row and bytes are kept for the term of the rule (`retention`).
    """
    almanac = read_almanac(session)
    check_may_change(session, case, by)
    row = get_document(session, case, document_id)
    row.removed_at = context.clock.now()
    row.kept_until = kept_until(china_day(row.removed_at), almanac)
    line = audit(f"{case.kind}-document-remove", case.reference, by, context)
    line.detail = f"document {document_id}; {row.kind}; sha256 {row.sha256}"
    session.add(line)


def _check_kind(case: Case, kind: str) -> None:
    if kind not in kinds_of(case):
        raise DocumentRefused("请选择材料种类")
