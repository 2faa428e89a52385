"""``certreg show``: one certificate from the shell."""

from __future__ import annotations

import click

from registry.cli.base import CLOCK, home_option, json_option, number_argument, show
from registry.cli.chain_lines import chain_lines
from registry.cli.home import Home
from registry.cli.services import Services
from registry.cli.states import STATES, state_words
from registry.ledger.evidence import NotAnchored, find_leaf
from registry.office.almanac import read_almanac
from registry.office.certificates import current_edition, editions, open_certificate
from registry.office.chain import chain_of_number
from registry.office.due import china_day
from registry.office.imported import registered_on
from registry.rules.levels import level_of
from registry.rules.numbers import parse_number
from registry.store.base import read_unit
from registry.store.certificates import CertificateState
from registry.wording_numbers import explain
from signing.record import mask_id


@click.command("show")
@number_argument
@home_option
@json_option
def show_command(home: Home, number: str, *, as_json: bool) -> None:
    """Show certificate NUMBER: its facts, state, editions, reporting, place in the log."""
    services = Services.open(home)
    explained = [
        f"{part.text:<8} {part.label} {part.meaning}".rstrip()
        for part in explain(parse_number(number))
    ]
    with read_unit(services.engine) as session:
        row = current_edition(session, number)
        record = open_certificate(row, services.context).record
        try:
            place = f"leaf {find_leaf(session, row).index}"
        except NotAnchored:
            place = "not yet: run `certreg anchor`"
        history = [
            f"{item.edition}: {state_words(session, item)}" for item in editions(session, number)
        ]
        registered = registered_on(session, row.batch_id)
        almanac, today = read_almanac(session), china_day(CLOCK.now())
        newest, *older = chain_of_number(session, number, almanac, today=today)
    show(
        {
            "number": number,
            "number parts": explained,
            "state": STATES[CertificateState(row.state)],
            "edition": row.edition,
            "editions": history,
            "name": record.name,
            "ID": f"{record.id_type} {mask_id(record.id_number)}",
            "occupation": f"{record.occupation} {record.occupation_code}",
            "direction": record.direction or "--",
            "level": level_of(record.level).printed,
            "issuer": record.issuer,
            "issued": record.issued,
            **({} if registered is None else {"registered": f"{registered} 补录"}),
            "batch": row.batch_id,
            "in the log": place,
            "reporting": chain_lines(newest),
            **{f"reporting of edition {one.edition}": chain_lines(one) for one in older},
            "page": f"{services.settings.base_url}/v/{row.token}",
        },
        as_json=as_json,
    )
