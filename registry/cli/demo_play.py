"""The demo's play: office and companies at their desks, then the office's work on certificates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from registry.cli.base import CLOCK, write_for_holder
from registry.cli.batches import write_upload
from registry.cli.demo_browser import Browser, DemoClock
from registry.cli.demo_cast import POWER, PRECISION
from registry.cli.demo_centre import play_centre
from registry.cli.demo_imports import import_history
from registry.cli.demo_staff import Person, Staff
from registry.cli.demo_states import (
    fix_pool,
    leave_filings,
    leave_plans,
    leave_schemes,
    leave_visit,
)
from registry.cli.demo_walk import BEGUN, Walk, with_clock
from registry.cli.desk_app import create_application
from registry.cli.home import Home, Settings
from registry.cli.press import make_pdf
from registry.cli.revising import correct_certificate
from registry.cli.services import Services
from registry.cli.setup import init_home
from registry.office.certificates import current_edition, editions
from registry.office.holders_contacts import put_contact
from registry.office.reasons import Reason
from registry.office.revising import revoke
from registry.office.suspending import suspend
from registry.store.base import read_unit, write_unit
from registry.store.milestones import MilestoneRow

OFFICE_NAME = "示例市职业技能鉴定指导办公室"
STEPS = 21
HOLDER_CONTACT = "holder@example.invalid"
SETTLED = timedelta(minutes=5)
"""The demo's last moment is so long ago that its codes (动态口令) are used up and new ones work."""

Ranges = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the demo has to tell at its end."""

    batches: tuple[tuple[str, str, Ranges], ...]
    refused: list[str]
    pages: tuple[tuple[str, str], ...]
    people: tuple[Person, ...]
    size: int
    milestones: int
    pdf: Path
    upload: Path
    holder: str
    """The number of the certificate whose made-up holder gets codes."""
    reported: str
    """The upload that the provincial centre has acknowledged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the demo's three servers are reached: the public site, the desks, the centre."""

    site: str
    desks: str
    centre: str


def play(home: Home, addresses: Addresses, step: Callable[[], None]) -> Told:
    """Play the whole procedure in a fresh home; ``step`` is called as it gets on."""
    base_url, desk_url = addresses.site, addresses.desks
    init_home(home, Settings(office=OFFICE_NAME, base_url=base_url, database="sqlite"))
    services, now = Services.open(home), CLOCK.now() - SETTLED
    walk = _begin(services, desk_url, DemoClock(moment=now - timedelta(days=BEGUN)), step)
    for part in (walk.list_companies, walk.publish_schemes, walk.hold_plans, walk.report_results):
        part()
        step()
    ranges = {name: walk.ranges(name) for name in ("main", "power")}
    upload = home.path / "upload" / "main.xlsx"
    walk.clock.moment = now
    for leave in (leave_filings, leave_schemes):
        leave(walk)
        step()
    refused = leave_plans(walk)
    draw = fix_pool(walk)
    services.anchor()
    leave_visit(walk, draw)
    imported = import_history(walk)
    step()
    valid, corrected, revoked = (ranges["main"][place][0] for place in range(3))
    suspended = ranges["power"][0][0]
    _change(services, corrected=corrected, revoked=revoked, suspended=suspended)
    done, _written = services.anchor()
    step()
    pdf = home.path / "documents" / f"{valid}.pdf"
    write_for_holder(pdf, make_pdf(services, valid))
    upload.parent.mkdir()
    with read_unit(services.engine) as session:
        batch = current_edition(session, valid).batch_id
        milestones = session.scalar(select(func.count()).select_from(MilestoneRow)) or 0
    write_upload(services, batch, upload)
    step()
    reported = play_centre(services, addresses.centre, valid[:13], valid)
    done, _written = services.anchor()
    step()
    return Told(
        batches=(
            (walk.assessments["main"].roster.name, PRECISION.name, ranges["main"]),
            (walk.assessments["power"].roster.name, POWER.name, ranges["power"]),
        ),
        refused=[walk.assessments["faulty"].roster.name, *refused],
        pages=_pages(
            services,
            valid=valid,
            corrected=corrected,
            revoked=revoked,
            suspended=suspended,
            imported=imported,
        ),
        people=tuple(walk.staff.people.values()),
        size=done.size,
        milestones=milestones,
        pdf=pdf,
        upload=upload,
        holder=_reachable(services, valid),
        reported=reported,
    )


def _reachable(services: Services, number: str) -> str:
    with write_unit(services.engine) as session:
        put_contact(session, number, HOLDER_CONTACT, by=None, context=services.context)
        return number


def _begin(services: Services, desk_url: str, clock: DemoClock, step: Callable[[], None]) -> Walk:
    past = with_clock(services, clock)
    app = create_application(past, desk_url, clock)
    staff = Staff(browse=lambda: Browser(app, desk_url), clock=clock, people={})
    sheets = services.home.path / "sheets"
    sheets.mkdir()
    (services.home.path / "documents").mkdir()
    walk = Walk(services=past, staff=staff, clock=clock, sheets=sheets, step=step)
    staff.found(past)
    walk.open_registers()
    return walk


def _change(services: Services, *, corrected: str, revoked: str, suspended: str) -> None:
    correct_certificate(services, corrected, Reason.DATA_ERROR, {"direction": "设备维修"})
    with write_unit(services.engine) as session:
        revoke(session, revoked, Reason.FRAUD, context=services.context)
    with write_unit(services.engine) as session:
        suspend(session, suspended, Reason.UNDER_INVESTIGATION, context=services.context)


def _pages(
    services: Services, *, valid: str, corrected: str, revoked: str, suspended: str, imported: str
) -> tuple[tuple[str, str], ...]:
    with read_unit(services.engine) as session:
        tokens = {
            "有效 valid": current_edition(session, valid).token,
            "已更正 corrected": editions(session, corrected)[0].token,
            "已撤销 revoked": current_edition(session, revoked).token,
            "已暂停 suspended": current_edition(session, suspended).token,
            "补录 imported": current_edition(session, imported).token,
        }
    base = services.settings.base_url
    pages = [(label, f"{base}/v/{token}") for label, token in tokens.items()]
    return (*pages, ("日志 log", f"{base}/log"), ("查询 lookup", f"{base}/lookup"))
