"""``certreg template|check|issue|upload-file``: a results list on its way to certificates."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from registry.cli.base import CLOCK, Exit, OutFile, home_option, json_option, out_option, show
from registry.cli.desk_unit import make_desk
from registry.cli.home import Home
from registry.cli.services import Services
from registry.documents.fonts import drawable_codepoints, font_set
from registry.errors import Refused
from registry.ledger.follow import group_of_batch, wait_published
from registry.office.approving import IssuedResults, issue_by_reference
from registry.office.checking import CheckedRoster, check_against_registry, check_roster
from registry.office.direct import demand_direct_filing
from registry.office.issuers import get_issuer
from registry.office.issuing import IssuedBatch, IssueOrder, issue_batch
from registry.office.reporting import batch_report
from registry.rules.findings import Fault, Finding, Findings, Severity
from registry.rules.numbers import PREFIX_LENGTH
from registry.sheets.errors import SheetError
from registry.sheets.reader import open_table
from registry.sheets.report import write_report
from registry.sheets.table import Table
from registry.sheets.template import write_template
from registry.store.base import read_unit, write_unit
from registry.store.organisations import Issuer
from registry.store.outbox import UploadKind
from registry.upload.mapping import load_mapping
from registry.upload.naming import filed_name
from registry.upload.workbook import DataKind, UploadRow, write_workbook
from registry.wording import message

CHINA = ZoneInfo("Asia/Shanghai")
MAPPING = "guangdong-certificates"
SHOWN_FINDINGS = 50
LONGEST_REFERENCE = 80
PATIENCE = 30
"""Seconds: far more than a round takes while a service is at work."""
_KINDS = {
    UploadKind.NEW: DataKind.NEW,
    UploadKind.CORRECTION: DataKind.CORRECTION,
    UploadKind.SUPPLEMENT: DataKind.SUPPLEMENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A list as read and checked. ``table`` is None when the file itself could not be read."""

    issuer: Issuer
    table: Table | None
    roster: CheckedRoster | None
    findings: Findings
    issued_before: bool


def check_file(services: Services, file: Path, prefix: str, now: datetime) -> Checked:
    """Read and check ``file`` as `check` and `issue` both do; writes nothing."""
    with read_unit(services.engine) as session:
        issuer = get_issuer(session, prefix)
    try:
        table = open_table(file)
    except SheetError as error:
        findings = Findings()
        fault = Fault(code=error.finding.code, facts=error.finding.facts)
        findings.add(fault)
        return Checked(
            issuer=issuer, table=None, roster=None, findings=findings, issued_before=False
        )
    drawable = drawable_codepoints(font_set())
    roster = check_roster(
        table,
        issuer,
        today=now.astimezone(CHINA).date(),
        drawable=lambda character: ord(character) in drawable,
        form=table.findings,
    )
    with read_unit(services.engine) as session:
        before = check_against_registry(session, roster, issuer, services.context)
    return Checked(
        issuer=issuer,
        table=table,
        roster=roster,
        findings=roster.findings,
        issued_before=before,
    )


def issue_file(services: Services, checked: Checked, approval: str) -> IssuedBatch | None:
    """Issue a checked list in one transaction; None if it has errors.

    Raises ``DirectFilingShut`` in a home where certificates come from approved batches.
    """
    roster = checked.roster
    if roster is None or checked.findings.errors:
        return None
    order = IssueOrder(
        prefix=checked.issuer.prefix,
        approval=approval,
        digest=roster.digest,
        tally=roster.tally,
        candidates=roster.candidates,
    )
    services.require_head()
    signer = services.record_signer(checked.issuer.prefix)
    with write_unit(services.engine) as session:
        demand_direct_filing(session, opened=services.settings.direct)
        return issue_batch(session, order, signer=signer, context=services.context)


def finding_facts(finding: Finding) -> dict[str, object]:
    """Return a finding as the facts that ``--json`` prints."""
    return {
        "code": finding.code.value,
        "severity": finding.severity.value,
        "row": finding.where.row,
        "column": finding.where.column,
        "message": message(finding),
    }


def finding_lines(findings: Findings, limit: int = SHOWN_FINDINGS) -> list[str]:
    """Return one line a finding, errors first, and a last line if more were found."""
    listed = sorted(findings.listed, key=lambda finding: finding.severity is Severity.WARNING)
    marks = {Severity.ERROR: "✗", Severity.WARNING: "!"}
    lines = [f"{marks[finding.severity]} {message(finding)}" for finding in listed[:limit]]
    hidden = findings.errors + findings.warnings - len(lines)
    if hidden > 0:
        lines.append(f"…另有 {hidden} 处（and {hidden} more: use --report FILE.xlsx）")
    return lines


@click.command("template")
@click.argument("what", type=click.Choice(["results"]))
@out_option("FILE.xlsx")
def template_command(what: str, out: Path) -> None:
    """Write an empty spreadsheet to be filled in (评价结果模板)."""
    write_template(out)
    click.echo(f"{out}: empty {what} template")


_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_issuer = click.option("--issuer", "prefix", required=True, metavar="PREFIX", help="13 characters.")


@click.command("check")
@_file
@_issuer
@click.option(
    "--report",
    type=OutFile(),
    metavar="FILE.xlsx",
    help="Write the rows with the findings beside them.",
)
@home_option
@json_option
def check_command(
    home: Home, file: Path, prefix: str, report: Path | None, *, as_json: bool
) -> int:
    """Check a results list as `issue` would, and write nothing."""
    checked = check_file(Services.open(home), file, prefix, CLOCK.now())
    if report is not None and checked.table is not None and checked.roster is not None:
        write_report(checked.table, checked.roster.values, report, message=message)
    return _tell(checked, file, as_json=as_json)


def _tell(checked: Checked, file: Path, *, as_json: bool) -> int:
    """Say what was found, in one object or in lines, and conclude; alike for check and issue."""
    facts: dict[str, object] = {
        "file": file.name,
        "people": len(checked.roster.candidates) if checked.roster else 0,
        "errors": checked.findings.errors,
        "warnings": checked.findings.warnings,
        "issued before": checked.issued_before,
    }
    if as_json:
        facts["findings"] = [finding_facts(finding) for finding in checked.findings.listed]
    show(facts, as_json=as_json)
    if not as_json:
        for line in finding_lines(checked.findings):
            click.echo(line)
    if not checked.findings.errors:
        return Exit.DONE
    click.echo(
        f"certreg: {checked.findings.errors} error(s); nothing was issued. Mend the rows named and "
        "send the file again",
        err=True,
    )
    return Exit.REFUSED


def check_reference(text: str) -> str:
    """Return an approval's reference as it is kept; it stands in a public leaf for ever."""
    reference = text.strip()
    if not reference or not reference.isprintable() or len(reference) > LONGEST_REFERENCE:
        msg = f"--approval takes 1 to {LONGEST_REFERENCE} printable characters"
        raise Refused(msg)
    return reference


@click.command("issue")
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--case", "reference", metavar="REF", help="Reference of an approved batch (JG-…).")
@click.option("--issuer", "prefix", metavar="PREFIX", help="With FILE: 13 characters.")
@click.option(
    "--approval",
    metavar="REF",
    callback=lambda _context, _option, value: None if value is None else check_reference(value),
    help="With FILE: reference of the approval (备案文号). It is published.",
)
@click.option(
    "--wait",
    "patience",
    is_flag=False,
    flag_value=PATIENCE,
    type=click.IntRange(0, 86_400),
    metavar="[SECONDS]",
    help=f"Wait until `certreg anchor --follow` has published it ({PATIENCE} if not said).",
)
@home_option
@json_option
def issue_command(
    home: Home,
    file: Path | None,
    *,
    reference: str | None,
    prefix: str | None,
    approval: str | None,
    patience: int | None,
    as_json: bool,
) -> int:
    """Issue certificates to who passed, all of them or none: of an approved batch, --case REF.

    FILE with --issuer and --approval is for a home made by `certreg init --direct`.
    """
    if reference is not None and file is None and prefix is None and approval is None:
        services = Services.open(home)
        done = issue_case(services, reference.strip())
        return _conclude(services, done, patience, as_json=as_json)
    if reference is not None or file is None or prefix is None or approval is None:
        raise click.UsageError("say --case REF, or FILE with --issuer and --approval")
    services = Services.open(home)
    with read_unit(services.engine) as session:
        demand_direct_filing(session, opened=services.settings.direct)
    checked = check_file(services, file, prefix, CLOCK.now())
    batch = issue_file(services, checked, approval)
    if batch is None:
        return _tell(checked, file, as_json=as_json)
    if not as_json:
        for line in finding_lines(checked.findings):
            click.echo(line)
    return _conclude(services, batch, patience, as_json=as_json)


def issue_case(services: Services, reference: str) -> IssuedResults:
    """Issue an approved batch in one transaction, by the use case that the desk calls."""
    desk = make_desk(services, "")
    with write_unit(services.engine) as session:
        return issue_by_reference(session, reference, desk, services.context)


def _conclude(
    services: Services,
    batch: IssuedBatch | IssuedResults,
    patience: int | None,
    *,
    as_json: bool,
) -> int:
    facts: dict[str, object] = {
        "batch": batch.batch_id,
        "certificates": batch.count,
        "numbers": [f"{first} … {last}" for first, last in batch.ranges],
        "recognised": batch.recognised,
        "next": "nothing was issued: this list was issued before"
        if batch.recognised
        else "run `certreg anchor` to put the batch into the log and publish it",
    }
    try:
        if patience is not None:
            facts |= _await(services, batch.batch_id, patience)
    finally:
        # Whatever becomes of the waiting: these numbers are given away.
        show(facts, as_json=as_json)
    return Exit.DONE


def _await(services: Services, batch: str, patience: int) -> dict[str, object]:
    with read_unit(services.engine) as session:
        group = group_of_batch(session, batch)
    found = wait_published(
        services.engine, services.log, group, sleep=time.sleep, deadline=patience
    )
    return {"first leaf": found.first_index, "log size": found.size, "next": "nothing: published"}


@click.command("upload-file")
@click.argument("batch")
@out_option("FILE.xlsx")
@home_option
@json_option
def upload_file_command(home: Home, batch: str, out: Path, *, as_json: bool) -> None:
    """Write the provincial centre's workbook (.xlsx or .csv) for BATCH."""
    show(write_upload(Services.open(home), batch, out), as_json=as_json)


def write_upload(services: Services, batch: str, out: Path) -> dict[str, object]:
    """Write the workbook; return what was written. Withdrawals are no rows of this table."""
    now = CLOCK.now()
    with read_unit(services.engine) as session:
        reports = list(batch_report(session, batch, services.context))
        filed = filed_name(session, batch[:PREFIX_LENGTH], now)
    rows = [
        UploadRow(
            name=report.record.name,
            id_type=report.record.id_type,
            id_number=report.record.id_number,
            employer="",
            occupation=report.record.occupation,
            direction=report.record.direction,
            level=report.record.level,
            number=report.record.number,
            issued=date.fromisoformat(report.record.issued),
            assessor=report.record.issuer,
            issuer_body=report.record.issuer,
            kind=_KINDS[report.kind],
        )
        for report in reports
        if report.kind in _KINDS
    ]
    summary = write_workbook(load_mapping(MAPPING), rows, out, created=now, filed=filed)
    return {
        "file": str(out),
        "rows": summary.rows,
        "withdrawals to report by letter": len(reports) - len(rows),
        "sha256": summary.sha256,
        "mapping": summary.version,
    }
