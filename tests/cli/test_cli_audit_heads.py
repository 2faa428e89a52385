"""The audit chain is held against the published log, which the database's owner cannot rewrite."""

from __future__ import annotations

import os
from typing import Any

import pytest
from sqlalchemy import delete, text

from registry.cli.home import Home
from registry.cli.services import Services
from registry.office.audit_chain import Verdict, link_audit, verify_audit
from registry.store.base import read_unit, write_unit
from registry.store.milestones import MilestoneRow


@pytest.fixture
def services(desk: Any) -> Services:
    assert desk("desk", "daily").status == 0
    return Services.open(Home(path=desk.home, environ=os.environ))


def _verdict(services: Services) -> Verdict:
    with read_unit(services.engine) as session:
        return verify_audit(session, services.context, services.logged_heads()).verdict


def test_a_chain_made_anew_with_its_milestones_is_found(services: Services) -> None:
    assert _verdict(services) is Verdict.INTACT
    with write_unit(services.engine) as session:
        session.execute(text("DELETE FROM audit_links"))
        session.execute(text("UPDATE audit_lines SET detail = 'x' WHERE line_id = 1"))
        session.execute(delete(MilestoneRow))
        link_audit(session)
    assert _verdict(services) is Verdict.BROKEN


def test_a_log_that_cannot_be_read_makes_nothing_intact(services: Services) -> None:
    folder = services.home.public / "log" / "tile" / "entries"
    bundle = max(
        (file for file in folder.rglob("*") if file.is_file()), key=lambda file: int(file.name)
    )
    bundle.chmod(0o600)
    bundle.write_bytes(b"\xff")
    assert services.logged_heads() is None
    assert _verdict(services) is Verdict.CANNOT_SAY


def test_before_the_first_checkpoint_the_log_holds_none(desk: Any) -> None:
    services = Services.open(Home(path=desk.home, environ=os.environ))
    (services.home.public / "log" / "checkpoint").unlink(missing_ok=True)
    assert services.logged_heads() == frozenset()
