"""``certreg demo``: the whole path once, from spreadsheets to a served public page.

Everything goes through the same functions as the other commands. The people are made up; the
number prefixes are the marked test range ``Y000044999xxx``.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click

from registry.cli.base import CLOCK, Exit, home_option, write_for_holder
from registry.cli.batches import (
    CHINA,
    check_file,
    finding_lines,
    issue_file,
    write_upload,
)
from registry.cli.certificates import make_pdf
from registry.cli.demo_milestones import record_demo_milestones
from registry.cli.demo_people import demo_people
from registry.cli.demo_sheets import faulty_rows, row_of, write_csv, write_xlsx
from registry.cli.home import Home, Settings
from registry.cli.revising import correct_certificate
from registry.cli.serve import LOOPBACK, serve
from registry.cli.services import Services
from registry.cli.setup import enrol, init_home
from registry.errors import Refused
from registry.office.certificates import current_edition, editions
from registry.office.issuing import IssuedBatch
from registry.office.reasons import Reason
from registry.office.revising import revoke
from registry.office.suspending import suspend
from registry.store.base import read_unit, write_unit

MARK = ".certreg-demo"
"""Only a home with this file in it is ever deleted to begin afresh."""

PRECISION = ("Y000044999001", "深圳市示例精密制造有限公司", "91449999MA5DEM0015")
POWER = ("Y000044999002", "深圳市示例电力设备有限公司", "91449999MA5DEM0028")
OFFICE_NAME = "示例市职业技能鉴定指导办公室"
STEPS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the demo has to tell at its end."""

    batches: tuple[tuple[Path, IssuedBatch], ...]
    refused: tuple[Path, list[str]]
    pages: tuple[tuple[str, str], ...]
    size: int
    milestones: int
    pdf: Path
    upload: Path


@click.command("demo")
@home_option
@click.option("--no-serve", is_flag=True, help="Leave the home behind and end.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
def demo_command(home: Home, *, no_serve: bool, port: int) -> int:
    """Build a fresh home with made-up people, show what happened, and serve it."""
    _fresh(home)
    base_url = f"http://{LOOPBACK}:{port}"
    with click.progressbar(length=STEPS, label="demo", file=sys.stderr) as bar:
        told = _play(home, base_url, step=lambda: bar.update(1))
    _tell(home, told, base_url)
    if no_serve:
        return Exit.DONE
    click.echo(f"\nServing {base_url}/ (Ctrl-C ends it)")
    return serve(home, host=LOOPBACK, port=port, workers=1)


def _fresh(home: Home) -> None:
    """Empty the demo's own home; refuse to touch any other directory."""
    if home.path.exists() and any(home.path.iterdir()):
        if not (home.path / MARK).is_file():
            msg = f"{home.path} holds something that is no demo: name another folder with --home"
            raise Refused(msg)
        # The mark goes last, or a crash here would leave a folder that nobody dares to empty.
        for entry in home.path.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != MARK:
                entry.unlink()
    home.path.mkdir(parents=True, exist_ok=True)
    (home.path / MARK).touch()


def _play(home: Home, base_url: str, step: Callable[[], None]) -> Told:
    init_home(home, Settings(office=OFFICE_NAME, base_url=base_url, database="sqlite"))
    services = Services.open(home)
    for prefix, name, code in (PRECISION, POWER):
        enrol(services, name=name, uscc=code, prefix=prefix, levels="5,4,3,2,1")
    step()
    sheets = _write_sheets(home.path / "sheets")
    step()
    first = _issue(services, sheets[0], PRECISION[0], "深技鉴备〔2026〕第001号")
    milestones = record_demo_milestones(
        services, prefix=PRECISION[0], batch=first.batch_id, sheet=sheets[0]
    )
    step()
    second = _issue(services, sheets[1], POWER[0], "深技鉴备〔2026〕第002号")
    step()
    refused = check_file(services, sheets[2], PRECISION[0], CLOCK.now()).findings
    step()
    services.anchor()
    step()
    valid, corrected, revoked = (first.ranges[0][0], first.ranges[1][0], first.ranges[2][0])
    suspended = second.ranges[0][0]
    correct_certificate(services, corrected, Reason.DATA_ERROR, {"direction": "设备维修"})
    with write_unit(services.engine) as session:
        revoke(session, revoked, Reason.FRAUD, context=services.context)
    with write_unit(services.engine) as session:
        suspend(session, suspended, Reason.UNDER_INVESTIGATION, context=services.context)
    done, _written = services.anchor()
    step()
    pdf = home.path / "documents" / f"{valid}.pdf"
    pdf.parent.mkdir()
    write_for_holder(pdf, make_pdf(services, valid))
    step()
    upload = home.path / "upload" / f"{first.batch_id}.xlsx"
    upload.parent.mkdir()
    write_upload(services, first.batch_id, upload)
    step()
    return Told(
        batches=((sheets[0], first), (sheets[1], second)),
        refused=(sheets[2], finding_lines(refused)),
        pages=_pages(services, valid, corrected, revoked, suspended),
        size=done.size,
        milestones=milestones,
        pdf=pdf,
        upload=upload,
    )


def _write_sheets(folder: Path) -> tuple[Path, Path, Path]:
    folder.mkdir()
    issued = CLOCK.now().astimezone(CHINA).date() - timedelta(days=3)
    files = (
        folder / "01-精密制造-60人.xlsx",
        folder / "02-电力设备-25人.csv",
        folder / "03-有问题的名单.xlsx",
    )
    people = demo_people(60, offset=0, issued=issued)
    write_xlsx(files[0], [row_of(number, person) for number, person in enumerate(people, 1)])
    # GB 18030, in which Excel saves CSV, has every character of the rare names too.
    people = demo_people(25, offset=1_000, issued=issued)
    write_csv(files[1], [row_of(number, person) for number, person in enumerate(people, 1)])
    write_xlsx(files[2], faulty_rows(issued))
    return files


def _issue(services: Services, file: Path, prefix: str, approval: str) -> IssuedBatch:
    checked = check_file(services, file, prefix, CLOCK.now())
    batch = issue_file(services, checked, approval)
    if batch is None:
        raise Refused("; ".join(finding_lines(checked.findings)))
    return batch


def _pages(
    services: Services, valid: str, corrected: str, revoked: str, suspended: str
) -> tuple[tuple[str, str], ...]:
    with read_unit(services.engine) as session:
        tokens = {
            "有效 valid": current_edition(session, valid).token,
            "已更正 corrected": editions(session, corrected)[0].token,
            "已撤销 revoked": current_edition(session, revoked).token,
            "已暂停 suspended": current_edition(session, suspended).token,
        }
    base = services.settings.base_url
    pages = [(label, f"{base}/v/{token}") for label, token in tokens.items()]
    return (*pages, ("日志 log", f"{base}/log"), ("查询 lookup", f"{base}/lookup"))


def _tell(home: Home, told: Told, base_url: str) -> None:
    click.echo()
    for file, batch in told.batches:
        click.echo(f"✓ {file.name}: {batch.count} certificates, batch {batch.batch_id}")
        for first, last in batch.ranges:
            click.echo(f"    {first} … {last}")
    file, lines = told.refused
    click.echo(f"✗ {file.name}: refused, nothing issued")
    for line in lines:
        click.echo(f"    {line}")
    click.echo(f"\nlog: {told.size} entries   public site: {base_url}/")
    width = max(len(label) for label, _url in told.pages)
    for label, url in told.pages:
        click.echo(f"  {label:<{width}}  {url}")
    click.echo(f"PDF       {told.pdf}")
    click.echo(f"upload    {told.upload}")
    click.echo(f"steps     {told.milestones} recorded: certreg milestone list --home {home.path}")
    click.echo(f"offline   certverify {told.pdf} --trust {home.public / 'trust'}")
