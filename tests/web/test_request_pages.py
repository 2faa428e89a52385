"""The desk's requests of holders: who sees them, what the office answers, what is kept sealed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from registry.office.change_papers import Examined
from registry.office.holders import begin, enter
from registry.office.holders_contacts import contact_of
from registry.office.holders_requests import request, requests_of
from registry.store.audit import AuditLine
from registry.store.certificates import Batch, Certificate
from registry.store.fields import FieldCipher, blind_index
from registry.store.holders import ChangeRequest, HolderContact, HolderSession
from registry.store.log import EventGroup
from signing.canonical import encode
from signing.holder_messages import Begin, Enter, Request
from signing.record import IdType, Record

NUMBER = "Y000044999001263000001"
ID, NAME = "440301190001010019", "欧阳示例"
PDF = b"%PDF-1.4 \xff a paper"


@pytest.fixture
def held(small: Any) -> Any:
    """Give the office with one certificate, as issuing leaves it (no signature is looked at)."""
    context = small.context("clerk")
    record = Record(
        admission="", direction="", edition=1, id_number=ID, id_type=IdType.RESIDENT,
        issued="2026-11-20", issuer="深圳市示例精密制造有限公司", level="3", name=NAME,
        number=NUMBER, occupation="电工", occupation_code="6-31-01-03", prefix=NUMBER[:13],
        previous="",
    )  # fmt: skip
    small._enrol("深圳市示例精密制造有限公司", "91449999MA5DEM0015", NUMBER[:13], "3")
    with small.write() as session:
        now = context.clock.now()
        session.add(
            Batch(
                batch_id="B-1", prefix=NUMBER[:13], content_digest="0" * 64, approval="x",
                first_status=0, count=1, issued_at=now,
            )
        )  # fmt: skip
        group = EventGroup(
            kind="issue", batch_id="B-1", count=1, at=now, first_status=0, certificates=1
        )
        session.add(group)
        session.flush()
        plain = b"o" * 32 + (64).to_bytes(2) + b"s" * 64 + encode(record)
        session.add(
            Certificate(
                status_index=0, number=NUMBER, edition=1, batch_id="B-1",
                group_id=group.group_id, level="3", occupation_code="6-31-01-03",
                issued=now.date(), state=0, token="a" * 16, key_id="k" * 16,
                id_tag=blind_index(context.index_key, ID),
                sealed=context.sealed_records().seal(0, b"n" * 12, plain),
            )
        )  # fmt: skip
    return small


def asked(office: Any, clerk: Any, **changes: Any) -> str:
    """Put a contact down, sign in as the holder and ask for a correction."""
    clerk.post("/requests/contact", number=NUMBER, contact="138 0013 8000")
    context = office.context("clerk")
    with office.write() as session:
        facts = {"number": NUMBER, "name": NAME}
        begun, letter = begin(session, Begin(facts=facts, network=""), context=context)
        assert letter is not None
        assert not letter.is_mail
        code = "".join(c for c in letter.text.splitlines()[0] if c.isdigit())
        entered = enter(session, Enter(handle=begun.handle, code=code, network=""), context=context)
        fields = {"field": "name", "wanted": "欧阳示范", "kind": "correction"} | changes
        ask = Request(
            session=entered.session, number=NUMBER, reason="姓名用字有误", document=PDF, **fields
        )
        return str(request(session, ask, Examined(PDF), context=context).reference)


def test_a_request_arrives_and_its_holder_reads_the_answer(held: Any, browse: Any) -> None:
    clerk = browse("clerk")
    reference = asked(held, clerk)
    listed = clerk.get("/requests")
    assert reference in listed
    assert "信息更正" in listed
    # 2026-11-26 and ten working days.
    assert "截止2026年12月10日" in listed
    assert "欧阳" not in listed
    page = clerk.get("/requests/1")
    assert "欧阳示范" in page
    assert "姓名用字有误" in page
    answer = clerk._client.get("/requests/1/document")
    assert answer.get_data() == PDF
    assert "attachment" in answer.headers["Content-Disposition"]
    # A returned request says why, to the clerk who sends it back and to its holder.
    assert "已说明理由" in clerk.post(
        "/requests/1/steps/return", status=422, version=1, **{"note-return": " "}
    ).get_data(as_text=True)
    clerk.post("/requests/1/steps/return", version=1, **{"note-return": "请附户籍证明"})
    # Taken once: another clerk who still has the page open changes nothing.
    clerk.post("/requests/1/steps/return", status=409, version=1, **{"note-return": "不齐"})
    assert shown_to_holder(held) == ("returned", "请附户籍证明")
    clerk.post("/requests/1/resubmit", version=2, **{"note-resubmit": "户籍证明已收"})
    clerk.post(
        "/requests/1/steps/propose-refusal", version=3, **{"note-propose-refusal": "证明不符"}
    )
    # What is proposed and not decided, a holder is not told.
    assert shown_to_holder(held) == ("accepted", "请附户籍证明")
    clerk.post("/requests/1/steps/reject", status=422, version=4, **{"note-reject": "证明不符"})
    page = browse("approver")
    page.post("/requests/1/steps/reject", version=4, **{"note-reject": "户籍证明与姓名不符"})
    assert shown_to_holder(held) == ("refused", "户籍证明与姓名不符")
    with held.read() as session:
        lines = session.scalars(select(AuditLine)).all()
        assert [line.action for line in lines] == [
            "holder-contact", "holder-begin", "holder-enter", "request-correction",
            "request-paper-download", "change-return", "requests.step", "change-resubmit",
            "change-propose-refusal", "requests.step", "change-reject",
        ]  # fmt: skip
        assert not any(word in str(vars(line)) for line in lines for word in (NAME, ID, "138"))


def shown_to_holder(office: Any) -> tuple[str, str]:
    """Give state and answer of the one request, as its holder reads them."""
    with office.read() as session:
        tag = blind_index(office.desk.index_key, ID)
        (shown,) = requests_of(session, tag, office.context("clerk"))
        return shown.state, shown.answer


def test_what_a_request_says_is_sealed(held: Any, browse: Any) -> None:
    asked(held, browse("clerk"))
    with held.read() as session:
        row = session.scalars(select(ChangeRequest)).one()
        kept = row.sealed + row.document
        assert "欧阳示范".encode() not in kept
        assert PDF not in kept
        contact = session.scalars(select(HolderContact)).one()
        assert b"13800138000" not in contact.sealed
        cipher = FieldCipher(held.desk.field_key, "holder_contacts.sealed")
        assert cipher.open(contact.contact_id, contact.sealed) == b"13800138000"


def test_another_district_and_other_roles_see_nothing(held: Any, browse: Any) -> None:
    asked(held, browse("clerk"))
    elsewhere = browse("clerk-a")
    assert "R-000001" not in elsewhere.get("/requests")
    elsewhere.get("/requests/1", status=403)
    elsewhere.post("/requests/contact", status=422, number=NUMBER, contact="13800138000")
    for login in ("editor1", "head1", "supervisor", "admin", "auditor"):
        browse(login).get("/requests/1", status=403)
    approver = browse("approver")
    assert "核对无误" not in approver.get("/requests/1")


@pytest.mark.parametrize(
    "contact", ["", "12345678901", "1380013800", "a@b", "a b@c@d.cn", "１３８"]
)
def test_a_contact_out_of_form_is_refused(held: Any, browse: Any, contact: str) -> None:
    page = browse("clerk").post("/requests/contact", status=422, number=NUMBER, contact=contact)
    assert "请填写 11 位手机号或者电子邮箱" in page.get_data(as_text=True)


def test_a_new_contact_ends_the_holders_sessions(held: Any, browse: Any) -> None:
    clerk = browse("clerk")
    asked(held, clerk)
    with held.read() as session:
        assert session.scalars(select(HolderSession)).all()
    clerk.post("/requests/contact", number=NUMBER.lower(), contact="holder@example.invalid")
    with held.read() as session:
        assert not session.scalars(select(HolderSession)).all()
        tag = blind_index(held.desk.index_key, ID)
        assert contact_of(session, tag, held.context("clerk")) == "holder@example.invalid"
