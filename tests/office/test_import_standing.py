"""Imports beside the procedure: the list, former names, keys, other imports, and their end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from keys.signer import software_signer
from registry.office import importing as use
from registry.office.document_vault import vault_of
from registry.office.fault_reports import (
    IMPORT_REPORT_DAYS,
    IMPORT_REPORTS,
    PLACE,
    keep_report,
)
from registry.office.importing_history import bodies_of, issuing_since
from registry.office.importing_keys import KeyTooYoung
from registry.office.importing_steps import timeline
from registry.office.retention import Erased, erase_expired
from registry.rules.errors import ForbiddenStep
from registry.rules.importing import IMPORT
from registry.store.audit import AuditLine
from registry.store.imports import CertificateImport
from registry.store.procedure import Case, CaseEvent, Company, CompanyChange

FILING_DAY = datetime(2025, 3, 4, 2, 0, tzinfo=UTC)


@pytest.fixture
def importing(small: Any, supervised: Any, beside: Any) -> Any:
    key = beside("change_office").key_of(small.clock.now())
    return beside("import_office").Importing(small, supervised, key)


def company(small: Any, **values: Any) -> None:
    with small.write() as session:
        session.execute(update(Company).where(Company.company_id == 1).values(**values))


def codes(small: Any, importing: Any, import_id: int) -> list[tuple[str, int | None, Any]]:
    """Look at a waiting import as its page does."""
    with small.read() as session:
        row = session.get_one(CertificateImport, import_id)
        context, today = small.context("approver"), small.desk.today()
        _rows, findings = use.look_again(session, row, today=today, context=context)
    return [
        (one.code.value, one.where.row, dict(one.facts))
        for one in findings.listed
        if one.code.value != "catalogue-absent"
    ]


def dated(importing: Any, day: date) -> Any:
    """Check one row of a day."""
    number = f"Y000044999001{day.year % 100}3000900"
    (row,) = importing.cells((900,), 900)
    importing.cells = lambda *_: [row | {"issued": day.isoformat(), "number": number}]
    done = importing.prepare()
    del importing.cells
    return done.findings


def test_a_listed_companys_certificates_are_issued_here_since_its_listing(
    small: Any, importing: Any
) -> None:
    """Also before its first batch: the notice lets none be but from an approved one."""
    with small.read() as session:
        assert issuing_since(session, "Y000044999001") == date(2025, 11, 1)
    assert [one.code.value for one in dated(importing, date(2025, 11, 1)).listed][-1] == (
        "date-since-issuing"
    )
    assert dated(importing, date(2025, 10, 31)).errors == 0


def test_a_delisting_makes_no_certificate_history_again(small: Any, importing: Any) -> None:
    company(small, state="barred", listed_on=None)
    with small.write() as session:
        now = small.clock.now()
        filing = Case(
            kind="filing", reference="BA-2025-0001", company_id=1, title="示例", state="approved",
            form=b"", opened_at=now, changed_at=now,
        )  # fmt: skip
        session.add(filing)
        session.flush()
        session.add(
            CaseEvent(
                case_id=filing.case_id, at=FILING_DAY, actor="approver", event="approve",
                from_state="prepared", to_state="approved",
            )
        )  # fmt: skip
    with small.read() as session:
        assert issuing_since(session, "Y000044999001") == date(2025, 3, 4)


@pytest.mark.parametrize(
    ("state", "word"), [("barred", "不予受理期内"), ("unlisted", "未备案"), ("listed", "")]
)
def test_who_left_the_list_keeps_its_history_and_it_is_told(
    small: Any, importing: Any, state: str, word: str
) -> None:
    import_id = importing.prepared()
    company(small, state=state)
    told = [one for one in codes(small, importing, import_id) if one[0] == "issuer-unlisted"]
    assert told == ([("issuer-unlisted", None, {"found": word})] if word else [])
    assert importing.approve(import_id).count == 2


def test_a_barred_company_gets_no_new_certificates_by_an_import(small: Any, importing: Any) -> None:
    company(small, state="barred", listed_on=None)
    before = importing.standing()
    found = dated(importing, small.desk.today())
    assert found.errors == 1
    assert {"date-since-issuing", "issuer-unlisted"} <= {one.code.value for one in found.listed}
    assert importing.standing() == before


def test_names_a_body_was_filed_under_are_its_own(small: Any, importing: Any) -> None:
    now = small.clock.now()
    facts = {"company_id": 1, "kind": "name", "basis": "示例", "based_on": date(2024, 1, 1),
             "proposed_by": 1, "proposed_at": now}  # fmt: skip
    with small.write() as session:
        session.add_all(
            (
                CompanyChange(before="旧示例厂", after="中示例厂", state="adopted", **facts),
                CompanyChange(before="中示例厂", after="拟示例厂", state="dropped", **facts),
            )
        )
    names = ["旧示例厂", "中示例厂", "拟示例厂", "拟示例厂", ""]
    rows = [
        one | {"assessor": name}
        for name, one in zip(names, importing.cells(range(20, 25)), strict=True)
    ]
    importing.cells = lambda *_: rows
    import_id = importing.prepared()
    told = [one for one in codes(small, importing, import_id) if one[0] == "assessor-unfiled"]
    assert [one[1] for one in told] == [4, 5]
    with small.read() as session:
        bodies = bodies_of(session, importing.checked().rows, "Y000044999001")
    assert [(one.name, one.count, one.filed) for one in bodies] == [
        ("拟示例厂", 2, False),
        ("中示例厂", 1, True),
        ("旧示例厂", 1, True),
    ]


def test_two_that_wait_with_the_same_number_are_told_of_each_other(
    small: Any, importing: Any
) -> None:
    one = importing.prepared(serials=(7, 8), offset=100)
    two = importing.prepared(serials=(8, 9), offset=200)
    number = "Y000044999001213000008"
    for import_id, other, row in ((one, "I-2026-0002", 3), (two, "I-2026-0001", 2)):
        assert codes(small, importing, import_id) == [
            ("number-waiting", row, {"found": other, "value": number})
        ]
    # A person lets one go, and the other stands alone.
    importing.take(two, "reject", "approver")
    assert codes(small, importing, one) == []


def test_an_import_that_cannot_be_read_is_named_and_stops_no_other(
    small: Any, importing: Any
) -> None:
    one, two, three = (
        importing.prepared(serials=(serial,), offset=100 * serial) for serial in (1, 2, 3)
    )
    with small.write() as session:
        session.get_one(CertificateImport, two).sealed = b"\x00" * 64
        session.get_one(CertificateImport, three).digest = "0" * 64
    assert codes(small, importing, one) == [
        ("import-unreadable", None, {"found": "I-2026-0002"}),
        ("import-unreadable", None, {"found": "I-2026-0003"}),
    ]
    assert importing.approve(one).count == 1


def test_a_key_that_is_too_young_is_said_in_chinese_first(small: Any, importing: Any) -> None:
    import_id = importing.prepared()
    info = replace(small.signer.info, not_before=datetime(2021, 6, 30, 16, tzinfo=UTC))
    small.signer = software_signer(info, small.signer.private_key)
    before = importing.standing()
    with pytest.raises(KeyTooYoung, match=r"^有 2 本证书的发证日期早于") as refused:
        importing.approve(import_id)
    assert "2 certificates are dated before 2021-07-01" in str(refused.value)
    assert importing.standing() == before


def erased(small: Any) -> Erased:
    with small.write() as session:
        return erase_expired(session, vault_of(small.desk), small.desk.context())


@contextmanager
def on(small: Any, moment: datetime) -> Iterator[None]:
    before, small.clock.moment = small.clock.moment, moment
    yield
    small.clock.moment = before


@pytest.mark.parametrize("approved", [False, True])
def test_what_nobody_ends_lapses_after_the_term_and_its_rows_go(
    small: Any, importing: Any, approved: bool
) -> None:
    import_id = importing.prepared()
    if approved:
        small.clock.moment += timedelta(days=10)
        importing.approve(import_id, now=False)
    last = (
        datetime(2031, 12, 6, 2, 0, tzinfo=UTC)
        if approved
        else datetime(2031, 11, 26, 2, 0, tzinfo=UTC)
    )
    with on(small, last):
        assert erased(small).imports == 0
    assert importing.sealed(import_id) != b""
    with on(small, last + timedelta(days=1)):
        assert erased(small).imports == 1
        assert erased(small) == Erased()
    row = importing.row(import_id)
    assert (row.state, importing.sealed(import_id)) == ("lapsed", b"")
    with small.read() as session:
        actions = list(session.scalars(select(AuditLine.action).order_by(AuditLine.line_id)))
        lines = timeline(session, row, small.context("clerk"))
    assert actions[-2:] == ["import-lapse", "retention-erase"]
    assert (lines[-1].word, lines[-1].who) == (IMPORT.words["lapse"], "系统")
    with pytest.raises(ForbiddenStep, match="流程已办结"):
        importing.approve(import_id)


def test_an_import_that_has_ended_does_not_lapse(small: Any, importing: Any) -> None:
    import_id = importing.prepared()
    importing.approve(import_id)
    with on(small, datetime(2040, 1, 1, tzinfo=UTC)):
        assert erased(small).imports == 0
    assert importing.row(import_id).state == "carried-out"


def test_a_report_of_an_import_goes_after_its_day_and_no_other(small: Any) -> None:
    folder, context = small.desk.documents, small.desk.context()
    for number in (7, IMPORT_REPORTS + 3):
        keep_report(folder, number, b"rows", context)
    small.clock.moment += timedelta(days=IMPORT_REPORT_DAYS)
    assert erased(small) == Erased()
    small.clock.moment += timedelta(days=1)
    assert erased(small) == Erased(import_reports=1)
    assert [file.name for file in (folder / PLACE).iterdir()] == ["7"]
