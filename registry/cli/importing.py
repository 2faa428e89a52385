"""``certreg import``: certificates that were issued before they were in this registry (补录).

In a home for direct filing one command checks a table and imports it; elsewhere a table is
prepared at the desk and approved there by another person, and the machine's key is used only for
an import that was (``--approved``). ``--preview`` writes nothing and is open everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from registry.cli.base import CLOCK, Exit, OutFile, home_option, json_option, show
from registry.cli.batches import CHINA, finding_facts, finding_lines
from registry.cli.home import Home
from registry.cli.services import Services
from registry.documents.fonts import drawable_codepoints, font_set
from registry.errors import Refused
from registry.office.change_deciding import Tools
from registry.office.direct import DirectFilingShut, demand_direct_filing
from registry.office.importing import carry_out_at_machine, find_same, import_directly, preview
from registry.office.importing_checks import CheckedImport, check_table
from registry.office.issuers import get_issuer
from registry.office.issuing import IssuedBatch
from registry.rules.findings import Fault, Findings
from registry.sheets.errors import SheetError
from registry.sheets.layout_import import IMPORT
from registry.sheets.reader import open_table
from registry.sheets.report import write_report
from registry.sheets.table import Table
from registry.sheets.template import write_import_form
from registry.store.base import read_unit, write_unit
from registry.wording import message

_NEXT = "run `certreg anchor` to put the certificates into the log and publish them"
_BEFORE = "nothing was imported: this table was imported before"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """A table as read and checked; ``table`` and ``checked`` are None if it could not be read.

    ``before`` is the reference of the import by which it came before, "" for a new one.
    """

    table: Table | None
    checked: CheckedImport | None
    findings: Findings
    before: str


@click.command("import")
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--prefix", metavar="PREFIX", help="With FILE: the organisation's 13 characters.")
@click.option("--preview", "looking", is_flag=True, help="Check FILE and write nothing.")
@click.option(
    "--report",
    type=OutFile(),
    metavar="OUT.xlsx",
    help="With FILE: write its rows with the findings beside them.",
)
@click.option(
    "--approved",
    metavar="IMPORT",
    help="The import approved at the desk (I-2026-0001), which holds the rows; needed but in a "
    "home made by `certreg init --direct`.",
)
@click.option("--form", type=OutFile(), metavar="OUT.xlsx", help="Write the empty table (空白表).")
@home_option
@json_option
def import_command(
    home: Home,
    file: Path | None,
    *,
    prefix: str | None,
    looking: bool,
    report: Path | None,
    approved: str | None,
    form: Path | None,
    as_json: bool,
) -> int:
    """Import existing certificates (补录) from FILE, all of them or none, under their own numbers.

    FILE --prefix PREFIX is for a home made by `certreg init --direct`, or with --preview; elsewhere
    --approved IMPORT carries out what was approved at the desk.
    """
    about_file = file is not None or prefix is not None or looking or report is not None
    if form is not None:
        if about_file or approved is not None:
            raise click.UsageError("--form is said alone: it writes the empty table.")
        write_import_form(form)
        click.echo(f"{form}: empty table of existing certificates (既有证书补录)")
        return Exit.DONE
    if approved is not None:
        if about_file:
            raise click.UsageError("the approved import holds the rows: leave FILE out.")
        return _conclude(_carry_out(Services.open(home), approved), None, as_json=as_json)
    if file is None or prefix is None:
        raise click.UsageError("say FILE and --prefix, or --approved IMPORT, or --form OUT.xlsx")
    services = Services.open(home)
    if not looking:
        _demand_direct(services)
    looked = _look(services, file, prefix)
    if report is not None and looked.table is not None and looked.checked is not None:
        write_report(looked.table, looked.checked.values, report, message=message)
    if looking or looked.checked is None or looked.findings.errors:
        return _tell(looked, file, as_json=as_json)
    return _import(services, looked, file, prefix, as_json=as_json)


def _look(services: Services, file: Path, prefix: str) -> _Looked:
    with read_unit(services.engine) as session:
        get_issuer(session, prefix)
    try:
        table = open_table(file, layout=IMPORT)
    except SheetError as error:
        findings = Findings()
        findings.add(Fault(code=error.finding.code, facts=error.finding.facts))
        return _Looked(table=None, checked=None, findings=findings, before="")
    tools = _tools(services)
    checked = check_table(
        table, prefix, today=tools.today, drawable=tools.drawable, form=table.findings
    )
    with read_unit(services.engine) as session:
        before = preview(session, checked, today=tools.today, context=services.context)
    return _Looked(table=table, checked=checked, findings=checked.findings, before=before)


def _import(services: Services, looked: _Looked, file: Path, prefix: str, *, as_json: bool) -> int:
    if looked.table is None:
        raise Refused("the table could not be read")
    tools = _tools(services)
    # Checked anew inside: what the preview found may have been overtaken meanwhile.
    checked = check_table(
        looked.table,
        prefix,
        today=tools.today,
        drawable=tools.drawable,
        form=looked.table.findings,
    )
    with write_unit(services.engine) as session:
        demand_direct_filing(session, opened=services.settings.direct)
        done = import_directly(session, checked, tools)
        same = find_same(session, checked)
        reference = same.reference if same else ""
    if done is None:
        overtaken = _Looked(
            table=looked.table, checked=checked, findings=checked.findings, before=""
        )
        return _tell(overtaken, file, as_json=as_json)
    if not as_json:
        for line in finding_lines(checked.findings):
            click.echo(line)
    return _conclude((reference, done), checked.findings, as_json=as_json)


def _carry_out(services: Services, reference: str) -> tuple[str, IssuedBatch]:
    with write_unit(services.engine) as session:
        done = carry_out_at_machine(session, reference, _tools(services))
    return reference.strip().upper(), done


def _demand_direct(services: Services) -> None:
    with read_unit(services.engine) as session:
        try:
            demand_direct_filing(session, opened=services.settings.direct)
        except DirectFilingShut:
            msg = (
                "existing certificates are imported here by an approved table: prepare it at the "
                "desk (/imports), have another person approve it there, and name it with "
                "`--approved I-2026-0001`; `--preview` checks a table"
            )
            raise DirectFilingShut(msg) from None


def _tools(services: Services) -> Tools:
    points = drawable_codepoints(font_set())
    return Tools(
        signer=services.record_signer,
        before_signing=services.require_head,
        drawable=lambda character: ord(character) in points,
        today=CLOCK.now().astimezone(CHINA).date(),
        context=services.context,
    )


def _tell(looked: _Looked, file: Path, *, as_json: bool) -> int:
    """Say what was found, in one object or in lines, and conclude."""
    facts: dict[str, object] = {
        "file": file.name,
        "certificates": len(looked.checked.rows) if looked.checked else 0,
        "errors": looked.findings.errors,
        "warnings": looked.findings.warnings,
        "imported before as": looked.before or "—",
    }
    if as_json:
        facts["findings"] = [finding_facts(finding) for finding in looked.findings.listed]
    show(facts, as_json=as_json)
    if not as_json:
        for line in finding_lines(looked.findings):
            click.echo(line)
    if not looked.findings.errors:
        return Exit.DONE
    click.echo(
        f"certreg: {looked.findings.errors} error(s); nothing was imported. Mend the rows named "
        "and send the file again",
        err=True,
    )
    return Exit.REFUSED


def _conclude(done: tuple[str, IssuedBatch], findings: Findings | None, *, as_json: bool) -> int:
    """Say what was done. `findings` are those of a table that was looked at here."""
    reference, batch = done
    facts: dict[str, object] = {
        "import": reference,
        "batch": batch.batch_id,
        "certificates": batch.count,
        "numbers": [f"{first} … {last}" for first, last in batch.ranges],
        "recognised": batch.recognised,
        "next": _BEFORE if batch.recognised else _NEXT,
    }
    if as_json and findings is not None:
        facts["findings"] = [finding_facts(finding) for finding in findings.listed]
    show(facts, as_json=as_json)
    return Exit.DONE
