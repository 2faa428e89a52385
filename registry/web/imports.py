"""Existing certificates at the office's desk (证书补录): list, one import, its rows.

A clerk hands a table in (`registry.web.import_upload`), another person decides, and either carries
it out (`registry.web.import_steps`). Persons stand on the rows' page alone, and each page of it
that is looked at leaves a line.
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint, render_template, request

from registry.office.disclosures import Disclosed, note_disclosure
from registry.office.form_faults import FieldFault
from registry.office.identity import Role
from registry.office.importing import find_import, require_city
from registry.office.importing_list import PAGE, list_imports, one_listed
from registry.office.importing_rows import open_rows
from registry.office.importing_steps import timeline
from registry.office.unit import Desk
from registry.rules.levels import level_of
from registry.rules.people import ID_TYPE_NAMES, IdType
from registry.web import import_steps, import_upload
from registry.web.cases import page_asked
from registry.web.filing_words import by_field
from registry.web.gate import OFFICE, decide, me
from registry.web.import_checks import look, steps_for
from registry.wording import message

TONES: Final = {"carried-out": "good", "refused": "bad", "withdrawn": "", "lapsed": ""}
"""How a state looks; all others are under way."""

ROWS_PAGE: Final = 25
OCCUPATIONS_SHOWN: Final = 40
BODIES_SHOWN: Final = 20


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("imports", __name__)

    @routes.get("/imports")
    @decide(of=OFFICE)
    def listing() -> str:
        page_number = page_asked()
        with desk.read() as session:
            rows, total = list_imports(session, me(), page=page_number)
        return render_template(
            "imports/list.html",
            rows=rows,
            total=total,
            tones=TONES,
            page=page_number,
            pages=-(-total // PAGE),
            prepares=me().role is Role.CLERK,
        )

    @routes.get("/imports/<reference>")
    @decide(of=OFFICE)
    def one(reference: str) -> str:
        return page(desk, reference)

    @routes.get("/imports/<reference>/rows")
    @decide(of=OFFICE)
    def rows(reference: str) -> str:
        return _rows_page(desk, reference)

    import_upload.add_routes(routes, desk)
    import_steps.add_routes(routes, desk, page)
    return routes


def page(desk: Desk, reference: str, faults: tuple[FieldFault, ...] = ()) -> str:
    """Render one import. Raises ``NotAllowed``, ``NotFound``."""
    require_city(me(), Role.CLERK, Role.APPROVER)
    with desk.read() as session:
        row = find_import(session, reference)
        listed = one_listed(session, row)
        seen = look(desk, session, row, me())
        open_now = steps_for(session, row, me())
        lines = timeline(session, row, desk.context(me()))
    return render_template(
        "imports/one.html",
        row=listed,
        digest=row.digest,
        tone=TONES.get(listed.state, "warn"),
        checks=[(one, tuple(map(message, one.findings))) for one in seen.checks],
        unsound=seen.unsound,
        waits_for_key=seen.waits_for_key,
        sums=seen.sums,
        bodies=seen.bodies[:BODIES_SHOWN],
        more_bodies=max(len(seen.bodies) - BODIES_SHOWN, 0),
        occupations=seen.sums.occupations[:OCCUPATIONS_SHOWN],
        level=level_of,
        steps={step.event for step in open_now.steps},
        why_not=open_now.why_not,
        lines=lines,
        arrival=import_upload.arrival(desk, mine=row.prepared_by == me().account_id),
        typed=request.form,
        faults=faults,
        wrong=by_field(faults),
    )


def _rows_page(desk: Desk, reference: str) -> str:
    require_city(me(), Role.CLERK, Role.APPROVER)
    page_number = page_asked()
    with desk.read() as session:
        row = find_import(session, reference)
        listed = one_listed(session, row)
        rows = open_rows(session, row, desk.context(me()))
    start = ROWS_PAGE * (page_number - 1)
    text = render_template(
        "imports/rows.html",
        row=listed,
        rows=rows[start : start + ROWS_PAGE],
        level=level_of,
        id_types={kind.value: ID_TYPE_NAMES[kind] for kind in IdType},
        page=page_number,
        pages=-(-len(rows) // ROWS_PAGE),
    )
    note_disclosure(desk, Disclosed.IMPORT_ROWS, listed.reference, me(), number=page_number)
    return text
