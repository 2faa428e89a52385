"""``certreg milestone add|list|prove``: dated steps of the procedure from the shell."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path

import click
from sqlalchemy.orm import Session

from registry.cli.base import home_option, json_option, out_option, show, write_for_holder
from registry.cli.home import Home
from registry.cli.services import Services
from registry.ledger.evidence import NotAnchored
from registry.ledger.proving import event_leaf, prove_leaf
from registry.office.milestones import (
    OpenedMilestone,
    get_milestone,
    list_milestones,
    open_milestone,
    record_milestone,
)
from registry.store.base import read_unit, write_unit
from signing.milestone import (
    MilestoneFacts,
    MilestoneKind,
    MilestoneProof,
    facts_bytes,
    milestone_file,
)
from signing.milestone_text import kind_words


@click.group("milestone")
def milestone_group() -> None:
    """Record dated steps of the procedure (程序节点), and prove them later."""


@milestone_group.command("add")
@click.argument("kind", type=click.Choice([kind.value for kind in MilestoneKind]))
@click.argument("subject")
@click.option(
    "--date",
    "day",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="The day in China on which the step took place.",
)
@click.option(
    "--file",
    "document",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="DOC",
    help="The step's document; only its SHA-256 is kept, so keep the document.",
)
@click.option("--note", default="", help="What kind of document it is, such as 计划备案表.")
@home_option
@json_option
def add_command(
    home: Home,
    *,
    kind: str,
    subject: str,
    day: datetime,
    document: Path | None,
    note: str,
    as_json: bool,
) -> None:
    """Record that step KIND of SUBJECT took place.

    SUBJECT is the office's reference (a plan's number, a batch, a prefix) and becomes public:
    never a person's name or ID number.
    """
    services = Services.open(home)
    services.require_head()
    facts = MilestoneFacts(
        date=day.date().isoformat(),
        document="" if document is None else _digest(document),
        kind=MilestoneKind(kind),
        note=note,
        subject=subject,
    )
    with write_unit(services.engine) as session:
        done = record_milestone(session, facts, context=services.context)
    show(
        {
            "milestone": done.milestone_id,
            "step": _step(facts),
            "subject": facts.subject,
            "date": facts.date,
            "document": facts.document or "none",
            "recorded": "before; nothing was added" if done.recognised else "now",
            "next": "run `certreg anchor` to put it into the log",
        },
        as_json=as_json,
    )


@milestone_group.command("list")
@click.argument("subject", required=False)
@home_option
@json_option
def list_command(home: Home, subject: str | None, *, as_json: bool) -> None:
    """List the steps recorded, or those of SUBJECT alone."""
    services = Services.open(home)
    with read_unit(services.engine) as session:
        found = [
            _facts(session, open_milestone(row, services.context))
            for row in list_milestones(session, subject)
        ]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for item in found:
        click.echo("  ".join(str(value) for value in item.values()))
    if not found:
        click.echo("no milestone is recorded" + (f" of {subject}" if subject else ""))


@milestone_group.command("prove")
@click.argument("milestone_id", type=click.IntRange(min=1), metavar="ID")
@out_option("FILE.tlog-proof")
@home_option
def prove_milestone_command(home: Home, milestone_id: int, out: Path) -> None:
    """Write the proof of milestone ID: facts, opening, inclusion and checkpoint.

    Whoever has the file can see the facts; give the document along with it.
    """
    services = Services.open(home)
    with read_unit(services.engine) as session:
        opened = open_milestone(get_milestone(session, milestone_id), services.context)
        leaf = event_leaf(session, opened.row.group_id)
        proof = MilestoneProof(
            entry=leaf.entry,
            facts=facts_bytes(opened.facts),
            opening=opened.opening,
            proof=prove_leaf(session, services.log, leaf.index),
        )
    data = milestone_file(proof)
    write_for_holder(out, data)
    document = " --document DOC" if opened.facts.document else ""
    click.echo(f"{out}: {len(data)} bytes; check it with `certverify {out} --trust DIR{document}`")


def _facts(session: Session, opened: OpenedMilestone) -> dict[str, object]:
    try:
        place = f"leaf {event_leaf(session, opened.row.group_id).index}"
    except NotAnchored:
        place = "not in the log yet: run `certreg anchor`"
    return {
        "milestone": opened.row.milestone_id,
        "date": opened.facts.date,
        "step": _step(opened.facts),
        "subject": opened.facts.subject,
        "document": opened.facts.document or "none",
        "note": opened.facts.note or "--",
        "in the log": place,
    }


def _step(facts: MilestoneFacts) -> str:
    return f"{facts.kind.value} {kind_words(facts.kind).zh}"


def _digest(document: Path) -> str:
    with document.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
