"""Requests sent again with their key: answered as before, done once, whatever breaks between."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from registry.errors import RegistryError
from registry.office import answers, holding
from registry.store.answers import ApiAnswer
from registry.store.procedure import Case, Company
from registry.store.registers import Expert
from registry.web.api import registers

BASE = "/api/v1"
PREFIX = "Y000044999001"
SMALL_PDF = (
    b"%PDF-1.7\n1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n"
    b"2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj\n"
    b"3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>> endobj\n"
    b"trailer <</Root 1 0 R>>\n%%EOF\n"
)
MEMBER = {"kind": "expert", "name": "示例戊", "fields": "车工"}


class Machine:
    """A program that names a key with each POST."""

    def __init__(self, app: Any, login: str) -> None:
        self.client = app.test_client(use_cookies=False)
        self.login = login

    def post(self, path: str, key: str | None, status: int = 201, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.login}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        answer = self.client.post(BASE + path, headers=headers, **more)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer


@pytest.fixture
def clerk(desks: Any) -> Machine:
    return Machine(desks, "clerk")


def labels(small: Any) -> list[str]:
    with small.read() as session:
        return list(session.scalars(select(Expert.label).order_by(Expert.expert_id)))


def rows(small: Any) -> list[ApiAnswer]:
    with small.read() as session:
        return list(session.scalars(select(ApiAnswer)))


def test_the_same_request_is_answered_again_and_done_once(small: Any, clerk: Machine) -> None:
    first = clerk.post("/experts", "k-1", json=MEMBER)
    again = clerk.post("/experts", '"k-1"', json=MEMBER)
    assert (again.data, again.content_type) == (first.data, first.content_type)
    assert labels(small) == ["ZJ-001"]
    clerk.post("/experts", "k-2", json=MEMBER)
    clerk.post("/experts", None, json=MEMBER)
    assert labels(small) == ["ZJ-001", "ZJ-002", "ZJ-003"]


def test_the_answer_is_sealed_and_the_key_is_not_kept(small: Any, clerk: Machine) -> None:
    clerk.post("/experts", "my-own-key", json=MEMBER)
    (row,) = rows(small)
    assert row.status == 201
    stored = row.body + row.key_hash + row.request_hash
    assert "示例戊".encode() not in stored
    assert b"my-own-key" not in stored
    small.engine.dispose()
    for file in small.home.iterdir():
        assert not file.is_file() or "示例戊".encode() not in file.read_bytes()
    with small.write() as session:
        kept = session.get_one(ApiAnswer, row.answer_id)
        kept.body = kept.body[:-1] + bytes([kept.body[-1] ^ 1])
    assert clerk.post("/experts", "my-own-key", 503, json=MEMBER).get_json()["code"] == (
        "field-damaged"
    )


@pytest.mark.parametrize("change", ["body", "bytes", "query", "path"])
def test_a_key_is_good_for_one_request(small: Any, clerk: Machine, change: str) -> None:
    clerk.post("/experts", "k", json=MEMBER)
    body, path = json.dumps(MEMBER), "/experts"
    match change:
        case "body":
            body = json.dumps({**MEMBER, "fields": "钳工"})
        case "bytes":
            body = json.dumps(MEMBER, indent=1)
        case "query":
            path = "/experts?more=1"
        case _:
            path = "/experts/1/active"
    answer = clerk.post(path, "k", 422, data=body, content_type="application/json")
    assert answer.get_json()["code"] == "idempotency-key-used"
    assert labels(small) == ["ZJ-001"]


def test_each_account_has_keys_of_its_own(small: Any, desks: Any, clerk: Machine) -> None:
    clerk.post("/experts", "k", json=MEMBER)
    Machine(desks, "approver").post("/experts", "k", json=MEMBER)
    assert labels(small) == ["ZJ-001", "ZJ-002"]
    # What one may not do, another's answer does not tell.
    Machine(desks, "head1").post("/experts", "k", 403, json=MEMBER)


def test_a_refusal_is_not_kept(small: Any, clerk: Machine) -> None:
    wrong = {**MEMBER, "name": ""}
    for _ in range(2):
        assert clerk.post("/experts", "k", 422, json=wrong).get_json()["errors"]
    clerk.post("/experts", "k", 400, json={"kind": 1})
    assert rows(small) == []
    clerk.post("/experts", "k", json=MEMBER)
    assert labels(small) == ["ZJ-001"]


@pytest.mark.parametrize("key", ["", " ", "a b", "中", "x" * 129, 'a"b', '"a', "a\\b"])
def test_a_key_that_is_none_is_refused(small: Any, clerk: Machine, key: str) -> None:
    encoded = key.encode().decode("latin-1")
    answer = clerk.post("/experts", encoded, 400, json=MEMBER)
    assert answer.get_json()["code"] == "malformed"
    assert labels(small) == []


def test_an_answer_is_kept_for_two_days(small: Any, clerk: Machine) -> None:
    clerk.post("/experts", "k", json=MEMBER)
    small.clock.moment += timedelta(hours=47)
    clerk.post("/experts", "k", json=MEMBER)
    assert len(labels(small)) == 1
    small.clock.moment += timedelta(hours=2)
    clerk.post("/experts", "other", json=MEMBER)
    assert len(rows(small)) == 1
    clerk.post("/experts", "k", json=MEMBER)
    assert len(labels(small)) == 3


def test_two_at_once_with_one_key(
    small: Any, desks: Any, clerk: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second is told to wait, though the first holds the database's write lock."""
    inside, go_on = threading.Event(), threading.Event()
    real = registers.registers.add_member

    def slow(*args: Any, **more: Any) -> Any:
        done = real(*args, **more)
        inside.set()
        assert go_on.wait(20)
        return done

    monkeypatch.setattr(registers.registers, "add_member", slow)
    answered: list[Any] = []
    first = threading.Thread(
        target=lambda: answered.append(clerk.post("/experts", "k", json=MEMBER))
    )
    first.start()
    assert inside.wait(20)
    second = Machine(desks, "clerk").post("/experts", "k", 409, json=MEMBER)
    assert second.get_json()["code"] == "idempotency-in-progress"
    assert second.headers["Retry-After"] == "2"
    other = Machine(desks, "clerk").post("/experts", "k", 422, json={**MEMBER, "fields": "钳工"})
    assert other.get_json()["code"] == "idempotency-key-used"
    go_on.set()
    first.join(20)
    monkeypatch.undo()
    again = clerk.post("/experts", "k", json=MEMBER)
    assert again.data == answered[0].data
    assert labels(small) == ["ZJ-001"]


class Killed(BaseException):
    """The process ends here: nothing after it runs."""


def killed_at(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Cut a request off at a place, as a power cut would: what is open is lost."""

    def cut(*_args: Any, **_more: Any) -> None:
        raise Killed

    if place == "before":
        monkeypatch.setattr(registers.registers, "add_member", cut)
    elif place == "between":
        monkeypatch.setattr(answers, "keep", cut)
    else:
        monkeypatch.setattr(holding.Holder, "commit", cut)
    # A dead process gives no turn back.
    monkeypatch.setattr(answers, "let_go", lambda *_: None)


@pytest.mark.parametrize("place", ["before", "between", "at-the-commit"])
def test_cut_off_before_the_commit_nothing_was_done(
    small: Any, desks: Any, clerk: Machine, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    with monkeypatch.context() as patch:
        killed_at(patch, place)
        with pytest.raises(Killed):
            clerk.post("/experts", "k", json=MEMBER)
    assert labels(small) == []
    # The dead attempt's turn is respected for a while: it might be alive.
    clerk.post("/experts", "k", 409, json=MEMBER)
    small.clock.moment += answers.TURN
    clerk.post("/experts", "k", json=MEMBER)
    clerk.post("/experts", "k", json=MEMBER)
    assert labels(small) == ["ZJ-001"]


def test_cut_off_after_the_commit_the_answer_is_there(
    small: Any, clerk: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = holding.Holder.commit

    def cut(holder: Any) -> None:
        waits = holder.waiting is not None
        real(holder)
        if waits:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(holding.Holder, "commit", cut)
        with pytest.raises(Killed):
            clerk.post("/experts", "k", json=MEMBER)
    assert labels(small) == ["ZJ-001"]
    assert clerk.post("/experts", "k", json=MEMBER).get_json()["label"] == "ZJ-001"
    assert labels(small) == ["ZJ-001"]


def test_an_attempt_that_was_taken_over_comes_to_nothing(
    small: Any, clerk: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It slept through its turn, another took the key over: only one of them is done."""
    real = registers.registers.add_member

    def slept(session: Any, *args: Any, **more: Any) -> Any:
        done = real(session, *args, **more)
        # By the very connection that holds the lock: the other's turn, as if it were committed.
        session.execute(ApiAnswer.__table__.update().values(attempt=b"a" * 16))
        return done

    with monkeypatch.context() as patch:
        patch.setattr(registers.registers, "add_member", slept)
        patch.setattr(answers, "let_go", lambda *_: None)
        clerk.post("/experts", "k", 409, json=MEMBER)
    assert labels(small) == []


def test_a_file_is_part_of_the_request(small: Any, desks: Any, filing_office: Any) -> None:
    editor = Machine(desks, "editor1")
    case_id = editor.post("/filings", "open", json={}).get_json()["case_id"]
    assert editor.post("/filings", "open", json={}).get_json()["case_id"] == case_id
    kinds = desks.test_client(use_cookies=False).get(
        f"{BASE}/cases/{case_id}/documents", headers={"Authorization": "Bearer editor1"}
    )
    kind = next(iter(kinds.get_json()["kinds"]))
    path = f"/cases/{case_id}/documents?kind={kind}&name=a.pdf"
    first = editor.post(path, "file", data=SMALL_PDF)
    assert editor.post(path, "file", data=SMALL_PDF).data == first.data
    answer = editor.post(path, "file", 422, data=SMALL_PDF + b"\n")
    assert answer.get_json()["code"] == "idempotency-key-used"
    # Without a key the same file again is a refusal.
    assert editor.post(path, None, 422, data=SMALL_PDF).get_json()["code"] == "document-refused"


def prepared(small: Any, filing_office: Any) -> int:
    """Give a filing that waits for its approval, pilot company, by the use cases."""
    from registry.office import filing_review, filings
    from registry.office.almanac import read_almanac
    from registry.office.filing_approval import record_prefix
    from registry.office.steps import take

    with small.write() as session:
        session.get_one(Company, 1).pilot = True
        case = filings.start_filing(
            session,
            by=small.who("editor1"),
            context=small.context("editor1"),
            almanac=read_almanac(session),
            today=small.desk.today(),
        )
        case_id = int(case.case_id)
    filing_office.fill_filing(case_id)
    for login, event in (("head1", "submit"), ("clerk", "accept")):
        with small.write() as session:
            case = session.get_one(Case, case_id)
            take(session, case, event, small.doing(login, case), small.desk)
    with small.write() as session:
        case = session.get_one(Case, case_id)
        doing = small.doing("clerk", case)
        context = small.context("clerk")
        filing_review.assign(session, case, 5, doing=doing, context=context)
    with small.write() as session:
        case = session.get_one(Case, case_id)
        doing, context = small.doing("clerk", case), small.context("clerk")
        record_prefix(session, case, PREFIX, doing=doing, context=context)
    with small.write() as session:
        case = session.get_one(Case, case_id)
        take(session, case, "prepare", small.doing("clerk", case, "拟同意"), small.desk)
    return case_id


def test_an_approval_in_parts_is_carried_on(small: Any, desks: Any, filing_office: Any) -> None:
    """Keys are made between two transactions of it: cut off there, the key carries it on."""
    case_id = prepared(small, filing_office)
    chief = Machine(desks, "approver")
    with small.read() as session:
        version = session.get_one(Case, case_id).version
    body = {"version": version, "note": "同意", "prefix": PREFIX}
    small.refusal = RegistryError("made by the test: no keys today")
    chief.post(f"/filings/{case_id}/approve", "k", 503, json=body)
    assert (rows(small), len(small.enrolled)) == ([], 1)
    small.refusal = None
    first = chief.post(f"/filings/{case_id}/approve", "k", 200, json=body)
    again = chief.post(f"/filings/{case_id}/approve", "k", 200, json=body)
    assert (first.get_json()["state"], again.data) == ("approved", first.data)
    assert len(small.enrolled) == 2
    # Without the key the second would have met a case that moved on.
    chief.post(f"/filings/{case_id}/approve", None, 409, json=body)
