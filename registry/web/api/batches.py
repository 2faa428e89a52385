"""Results at the machine API (评价结果): scores, publicity, objections, review, approval, issue.

Approving and refusing are plain steps of the case.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office import approving, batches, closing, publicity, reviewing
from registry.office.almanac import read_almanac
from registry.office.batch_form import BatchForm, Evidence
from registry.office.cases import EDITABLE, CaseRow, machine_of
from registry.office.evidence_manifest import EvidenceKind, manifest_text
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Role
from registry.office.results import ResultLine, result_lines
from registry.office.rosters import read_row_findings
from registry.office.weighing import Weighed, weigh
from registry.office.withholding import withhold
from registry.sheets.layout_scores import SCORES
from registry.sheets.table import Table as Rows
from registry.web.api.cases import Case, after, case_of, doing_of
from registry.web.api.endpoint import (
    CREATED,
    Call,
    Given,
    Nothing,
    Remark,
    Sent,
    Table,
    Taken,
    Version,
)
from registry.web.api.filings import CLERKS
from registry.web.api.plans import PageQuery, Return, RowFinding, rows_text
from registry.web.api.problems import Fault, SheetFinding, findings_of
from registry.web.api.sheets import Kept, keep_table
from registry.web.batch_scores import drawable
from registry.web.gate import CASES, COMPANY, OFFICE
from registry.web.table_upload import LIMITS

TABLE = Table("batches")
HEADS = frozenset({Role.COMPANY_HEAD})
PAGE = 200
"""Rows of a page of results."""

OneLine = Annotated[str, Meta(pattern=r"^[^\t\r\n,，]+$", max_length=80)]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class HeldPlan(Given, frozen=True, kw_only=True):
    """A plan that was held and has no results yet."""

    case_id: int
    reference: str
    title: str


class HeldPlans(Given, frozen=True, kw_only=True):
    """The plans for which results can be registered."""

    plans: tuple[HeldPlan, ...]


class NewBatch(Taken, frozen=True, kw_only=True):
    """The held plan whose results these are."""

    plan_id: int


class NewEvidence(Taken, frozen=True, kw_only=True):
    """One piece of evidence kept by the company: SHA-256 in hex, size in bytes."""

    kind: EvidenceKind
    description: OneLine
    sha256: Digest
    size: Annotated[int, Meta(ge=1)]


class Manifest(Version, frozen=True, kw_only=True):
    """The whole evidence manifest."""

    evidence: tuple[NewEvidence, ...]


class Objection(Version, frozen=True, kw_only=True):
    """An objection, or how it was handled; without ID numbers."""

    text: str


class Withheld(Version, frozen=True, kw_only=True):
    """Who passed and gets no certificate: rows of the table of scores, each with the reason."""

    rows: tuple[RowFinding, ...]


class Batch(Given, frozen=True, kw_only=True):
    """Results: the form, what keeps them back, the publicity if there is one."""

    case: Case
    form: BatchForm
    faults: tuple[Fault, ...]
    publicity: publicity.Publicity | None


class Results(Given, frozen=True, kw_only=True):
    """One page of computed results, masked; marks and totals in tenths of a point."""

    people: tuple[ResultLine, ...]
    total: int
    passed: int


class Review(Given, frozen=True, kw_only=True):
    """What the checks of the office say of who passed."""

    passed: int
    withheld: int
    sound: bool
    faults: tuple[Fault, ...]
    findings: tuple[SheetFinding, ...]
    weighed: Weighed


class Issued(Given, frozen=True, kw_only=True):
    """The certificates of a batch; ``ranges`` are first and last numbers."""

    batch_id: str
    count: int
    ranges: tuple[tuple[str, str], ...]
    recognised: bool


@TABLE.get("/batches/plans", roles=COMPANY, takes=Nothing, gives=HeldPlans)
def list_batch_plans(call: Call, _: Nothing) -> HeldPlans:
    """List batch plans (可以登记结果的计划)."""
    with call.desk.read() as session:
        return HeldPlans(
            plans=tuple(
                HeldPlan(case_id=plan.case_id, reference=plan.reference, title=plan.title)
                for plan in batches.held_plans(session, call.by)
            )
        )


@TABLE.post("/batches", roles=COMPANY, takes=NewBatch, gives=Case, status=CREATED)
def open_batch(call: Call, given: NewBatch) -> Case:
    """Open batch (登记评价结果)."""
    with call.desk.write() as session:
        case = batches.open_batch(session, given.plan_id, by=call.by, context=call.context)
        return after(session, case)


@TABLE.get("/batches/<int:case_id>", roles=CASES, takes=Nothing, gives=Batch)
def show_batch(call: Call, _: Nothing) -> Batch:
    """Show batch (评价结果：内容、检查、公示和异议)."""
    with call.desk.read() as session:
        case = batches.get_batch(session, call.case_id, call.by)
        return Batch(
            case=case_of(case),
            form=batches.read_batch(case, call.context),
            faults=_faults(batches.check_batch(session, case, call.context)),
            publicity=publicity.publicity_of(
                session, case, call.context, read_almanac(session), today=call.desk.today()
            ),
        )


@TABLE.post(
    "/batches/<int:case_id>/scores", roles=COMPANY, takes=Version, gives=Kept, sent=Sent.FILE
)
def upload_scores(call: Call, given: Version) -> Kept:
    """Upload scores (上传成绩表（正文为 xlsx 或 csv）)."""
    _demand_editable(call)

    def put(session: Session, case: CaseRow, rows: Rows) -> batches.CheckedScores:
        return batches.put_scores(
            session,
            case,
            rows,
            form=rows.findings,
            drawable=drawable,
            doing=doing_of(call, given),
            context=call.context,
        )

    return keep_table(call, LIMITS, SCORES, put)


@TABLE.get("/batches/<int:case_id>/results", roles=CASES, takes=PageQuery, gives=Results)
def show_results(call: Call, given: PageQuery) -> Results:
    """Show results (逐人结果：成绩、合格与否和原因)."""
    with call.desk.read() as session:
        case = batches.get_batch(session, call.case_id, call.by)
        basis = batches.basis_of(session, case, call.context)
        lines = result_lines(session, case, basis.schemes, call.context)
    return Results(
        people=lines[PAGE * (given.page - 1) : PAGE * given.page],
        total=len(lines),
        passed=sum(line.outcome.passed for line in lines),
    )


@TABLE.post("/batches/<int:case_id>/evidence", roles=COMPANY, takes=Manifest, gives=Case)
def save_evidence(call: Call, given: Manifest) -> Case:
    """Save evidence (填写评价资料清单)."""
    text = manifest_text(
        tuple(
            Evidence(
                description=item.description,
                kind=item.kind.value,
                sha256=item.sha256,
                size=item.size,
            )
            for item in given.evidence
        )
    )
    with call.desk.write() as session:
        case = batches.get_batch(session, call.case_id, call.by)
        doing = doing_of(call, given)
        batches.set_evidence(session, case, text, doing=doing, context=call.context)
        return after(session, case)


@TABLE.post("/batches/<int:case_id>/publicity", roles=HEADS, takes=Remark, gives=Case)
def start_publicity(call: Call, given: Remark) -> Case:
    """Start publicity (开始内部公示)."""
    with call.desk.write() as session:
        case = batches.get_batch(session, call.case_id, call.by)
        publicity.start_publicity(session, case, doing_of(call, given), call.desk)
        return after(session, case)


@TABLE.post("/batches/<int:case_id>/publicity/take-back", roles=COMPANY, takes=Remark, gives=Case)
def take_publicity_back(call: Call, given: Remark) -> Case:
    """Take publicity back (撤回公示，修改结果)."""
    with call.desk.write() as session:
        case = batches.get_batch(session, call.case_id, call.by)
        publicity.take_back(session, case, doing_of(call, given), call.desk)
        return after(session, case)


@TABLE.post(
    "/batches/<int:case_id>/objections",
    roles=COMPANY,
    takes=Objection,
    gives=Case,
    status=CREATED,
)
def record_objection(call: Call, given: Objection) -> Case:
    """Record objection (登记异议)."""
    with call.desk.write() as session:
        case = batches.get_batch(session, call.case_id, call.by)
        publicity.record_objection(session, case, given.text, doing_of(call, given), call.desk)
        return after(session, case)


@TABLE.post(
    "/batches/<int:case_id>/objections/<int:number>", roles=COMPANY, takes=Objection, gives=Case
)
def handle_objection(call: Call, given: Objection) -> Case:
    """Handle objection (登记异议处理结果)."""
    with call.desk.write() as session:
        case = batches.get_batch(session, call.case_id, call.by)
        number, doing = call.number("number"), doing_of(call, given)
        publicity.handle_objection(session, case, number, given.text, doing=doing, desk=call.desk)
        return after(session, case)


@TABLE.post("/batches/<int:case_id>/submit", roles=HEADS, takes=Remark, gives=Case)
def submit_batch(call: Call, given: Remark) -> Case:
    """Submit batch (报送结果备案（逾期须写明理由）)."""
    with call.desk.write() as session:
        case = batches.get_batch(session, call.case_id, call.by)
        publicity.submit_batch(session, case, doing_of(call, given), call.desk)
        return after(session, case)


@TABLE.get("/batches/<int:case_id>/review", roles=OFFICE, takes=Nothing, gives=Review)
def review_batch(call: Call, _: Nothing) -> Review:
    """Review batch (审核：逐行检查合格人员)."""
    with call.desk.read() as session:
        case = batches.get_batch(session, call.case_id, call.by)
        seen = reviewing.review(
            session, case, drawable=drawable, context=call.context, today=call.desk.today()
        )
        weighed = weigh(session, case, call.context)
    return Review(
        passed=seen.passed,
        withheld=seen.withheld,
        sound=seen.sound,
        faults=_faults(seen.faults),
        findings=findings_of(seen.findings.listed),
        weighed=weighed,
    )


@TABLE.post("/batches/<int:case_id>/prepare", roles=CLERKS, takes=Remark, gives=Case)
def prepare_batch(call: Call, given: Remark) -> Case:
    """Prepare batch (审核通过，提交审批)."""
    with call.desk.write() as session:
        case = batches.get_batch(session, call.case_id, call.by)
        doing = doing_of(call, given)
        approving.prepare_batch(session, case, doing, call.desk, drawable=drawable)
        return after(session, case)


@TABLE.post("/batches/<int:case_id>/return", roles=OFFICE, takes=Return, gives=Case)
def return_batch(call: Call, given: Return) -> Case:
    """Return batch (退回，写明逐行意见)."""
    if not given.note.strip():
        raise FormFaults([FieldFault(field="note", text="请写明退回理由：对方据此修改")])
    with call.desk.write() as session:
        case = batches.get_batch(session, call.case_id, call.by)
        rows = read_row_findings(session, case, rows_text(given.rows))
        approving.return_batch(session, case, rows, doing_of(call, given), call.desk)
        return after(session, case)


@TABLE.post("/batches/<int:case_id>/withhold", roles=CLERKS, takes=Withheld, gives=Case)
def withhold_certificates(call: Call, given: Withheld) -> Case:
    """Withhold certificates (登记不核发证书人员，逐行写明理由；列出全部，未列的均核发)."""
    with call.desk.write() as session:
        case = batches.get_batch(session, call.case_id, call.by)
        rows = read_row_findings(session, case, rows_text(given.rows))
        withhold(session, case, rows, doing_of(call, given), call.context)
        return after(session, case)


@TABLE.post("/batches/<int:case_id>/issue", roles=CLERKS, takes=Version, gives=Issued)
def issue_batch(call: Call, given: Version) -> Issued:
    """Issue batch (核发证书；再次请求时返回已核发的证书)."""
    with call.desk.write() as session:
        case = batches.get_batch(session, call.case_id, call.by)
        return _issued(approving.issue_approved(session, case, doing_of(call, given), call.desk))


@TABLE.post("/batches/<int:case_id>/close", roles=CLERKS, takes=Version, gives=Case)
def close_batch(call: Call, given: Version) -> Case:
    """Close batch (无合格人员的批次办结，不核发证书；计划一并办结)."""
    with call.desk.write() as session:
        case = batches.get_batch(session, call.case_id, call.by)
        closing.close_batch(session, case, doing_of(call, given), call.desk)
        return after(session, case)


@TABLE.get("/batches/<int:case_id>/issued", roles=CASES, takes=Nothing, gives=Issued)
def show_issued(call: Call, _: Nothing) -> Issued:
    """Show issued (已核发的证书编号)."""
    with call.desk.read() as session:
        case = batches.get_batch(session, call.case_id, call.by)
        return _issued(approving.issued_results(session, case))


def _issued(done: approving.IssuedResults) -> Issued:
    return Issued(
        batch_id=done.batch_id,
        count=done.count,
        ranges=done.ranges,
        recognised=done.recognised,
    )


def _faults(faults: tuple[FieldFault, ...]) -> tuple[Fault, ...]:
    return tuple(Fault(field=fault.field, text=fault.text) for fault in faults)


def _demand_editable(call: Call) -> None:
    # Before a file is read: what cannot be changed makes no work.
    with call.desk.read() as session:
        case = batches.get_batch(session, call.case_id, call.by)
        if case.state not in EDITABLE:
            raise Refused(f"评价结果现为“{machine_of(case).words[case.state]}”，不能再修改")
