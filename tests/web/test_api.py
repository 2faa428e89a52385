"""The machine API as a machine meets it: tokens, strict reading, answers that repeat nothing."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import select

from registry.office import passwords, totp
from registry.office.sessions import identifier
from registry.store.accounts import Account, WebSession
from registry.store.audit import AuditLine
from registry.web.api import app as api
from registry.web.api import cases
from registry.web.app import create_desks

BASE = "/api/v1"
PASSWORD = "Correct-Horse-42"
SECRET_WORD = "440301198501019999"


class Machine:
    """A program with a token; it sends no cookie and none of a browser's marks."""

    def __init__(self, app: Any, token: str = "") -> None:
        self.client = app.test_client(use_cookies=False)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, method: str, path: str, status: int, **more: Any) -> Any:
        answer = self.client.open(BASE + path, method=method, headers=self.headers, **more)
        assert answer.status_code == status, (method, path, answer.status_code, answer.text)
        return answer if status >= 400 else answer.get_json()

    def get(self, path: str, status: int = 200) -> Any:
        return self.ask("GET", path, status)

    def post(self, path: str, status: int = 200, **body: Any) -> Any:
        return self.ask("POST", path, status, json=body)

    def send(self, path: str, data: bytes, status: int = 200) -> Any:
        return self.ask("POST", path, status, data=data)


@pytest.fixture
def machine(desks: Any) -> Any:
    return lambda login="": Machine(desks, login)


@pytest.fixture
def real(small: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give the application with the real sign-in; every account has the same password."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "HASHER", cheap)
    passwords._dummy.cache_clear()
    with small.write() as session:
        for account in session.scalars(select(Account)):
            account.password = passwords.hash_password(PASSWORD)
    return create_desks(small.desk, secret=b"s" * 32, identify=identifier(small.desk))


def enrol(small: Any, login: str) -> bytes:
    """Give an account a second factor; return its secret."""
    secret = b"t" * 20
    with small.write() as session:
        account = session.scalars(select(Account).where(Account.login == login)).one()
        account.totp = totp._seal(account, secret, small.desk.context())
    return secret


def code_now(small: Any, secret: bytes) -> str:
    now = int(small.clock.now().timestamp())
    return TOTP(secret, 6, SHA1(), 30).generate(now).decode()  # noqa: S303


def test_a_token_opens_and_is_given_back(real: Any) -> None:
    token = Machine(real).post("/session", 201, login="editor1", password=PASSWORD)["token"]
    holder = Machine(real, token)
    assert holder.get("/session") == {
        "login": "editor1",
        "role": "company-editor",
        "district": "",
        "company_id": 1,
    }
    assert holder.get("/due")["total"] == 0
    holder.ask("DELETE", "/session", 200)
    answer = holder.ask("GET", "/session", 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert json.loads(answer.text)["code"] == "http-401"


def test_the_second_factor_is_asked_and_a_code_is_good_once(real: Any, small: Any) -> None:
    secret = enrol(small, "clerk")
    door = Machine(real)
    door.post("/session", 422, login="clerk", password=PASSWORD)
    code = code_now(small, secret)
    token = door.post("/session", 201, login="clerk", password=PASSWORD, code=code)["token"]
    assert Machine(real, token).get("/session")["role"] == "clerk"
    again = door.post("/session", 422, login="clerk", password=PASSWORD, code=code)
    wrong = door.post("/session", 422, login="clerk", password="wrong", code=code)
    unknown = door.post("/session", 422, login="nobody", password="wrong")
    assert again.text == wrong.text == unknown.text
    assert json.loads(again.text)["code"] == "sign-in-refused"


def test_an_account_that_was_never_finished_gets_no_token(real: Any, small: Any) -> None:
    answer = Machine(real).post("/session", 422, login="approver", password=PASSWORD)
    assert json.loads(answer.text)["code"] == "sign-in-unfinished"
    with small.read() as session:
        assert session.scalars(select(WebSession)).all() == []


def test_five_failures_lock_the_account_here_too(real: Any) -> None:
    door = Machine(real)
    for _ in range(5):
        door.post("/session", 422, login="editor1", password="wrong")
    door.post("/session", 422, login="editor1", password=PASSWORD)


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Basic ZWRpdG9yMTo=", "Bearer unknown", "editor1", "Bearer editor1 x"],
)
def test_what_is_no_token_opens_nothing(desks: Any, header: str) -> None:
    client = desks.test_client(use_cookies=False)
    answer = client.get(f"{BASE}/due", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"


def test_a_bearer_opens_no_page(desks: Any) -> None:
    client = desks.test_client(use_cookies=False)
    answer = client.get("/list/filing", headers={"Authorization": "Bearer clerk"})
    assert answer.status_code == 302


def test_cookie_and_bearer_together_are_refused(desks: Any, browse: Any) -> None:
    client = browse("editor1")._client
    own = {"Sec-Fetch-Site": "same-origin"}
    assert client.get(f"{BASE}/due", headers=own).status_code == 200
    both = {**own, "Authorization": "Bearer head1"}
    assert client.get(f"{BASE}/due", headers=both).status_code == 400


@pytest.mark.parametrize(
    "marks",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Cookie": "desk=x"},
    ],
)
def test_a_browser_elsewhere_is_no_machine(desks: Any, marks: dict[str, str]) -> None:
    client = desks.test_client(use_cookies=False)
    headers = {"Authorization": "Bearer editor1", **marks}
    answer = client.post(f"{BASE}/filings", json={}, headers=headers)
    assert answer.status_code == 403


BAD_BODIES = (
    ("{", ""),
    ("[]", ""),
    ("null", ""),
    (f'"{SECRET_WORD}"', ""),
    (f'{{"version": "{SECRET_WORD}"}}', "version"),
    ('{"note": "x"}', "version"),
    ('{"version": 1.5}', "version"),
    ('{"version": true}', "version"),
    (f'{{"version": 1, "{SECRET_WORD}": 1}}', ""),
    (f'{{"version": 1, "x` - at `$.{SECRET_WORD}": 1}}', ""),
    (f'{{"version": 1, "note": ["{SECRET_WORD}"]}}', "note"),
    ("[" * 100_000, ""),
    ('{"version": 1, "note": "\ud800"}', ""),
)


@pytest.mark.parametrize(("body", "field"), BAD_BODIES)
def test_a_malformed_body_is_refused_without_quoting_it(
    machine: Any, new_filing: int, body: str, field: str
) -> None:
    answer = machine("head1").ask(
        "POST",
        f"/cases/{new_filing}/steps/submit",
        400,
        data=body.encode("utf-8", "surrogatepass"),
        content_type="application/json",
    )
    problem = json.loads(answer.text)
    assert answer.content_type == "application/problem+json"
    assert problem["code"] == "malformed"
    assert [fault["field"] for fault in problem["errors"]] == [field]
    assert SECRET_WORD not in answer.text


@pytest.fixture
def new_filing(machine: Any) -> int:
    return int(machine("editor1").post("/filings", 201)["case_id"])


def test_a_body_of_another_kind_or_too_long_is_refused(machine: Any, new_filing: int) -> None:
    head, path = machine("head1"), f"/cases/{new_filing}/steps/submit"
    head.ask("POST", path, 400, data={"version": "1"})
    head.ask("POST", path, 400, data=b'{"version": 1}', content_type="text/plain")
    long = b'{"version": 1, "note": "' + b"x" * (1 << 20) + b'"}'
    head.ask("POST", path, 400, data=long, content_type="application/json")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "kind"),
        (f"?kind={SECRET_WORD}", "kind"),
        ("?kind=filing&page=0", "page"),
        ("?kind=filing&page=x", "page"),
        (f"?kind=filing&{SECRET_WORD}=1", ""),
        ("?kind=filing&kind=plan", ""),
    ],
)
def test_a_malformed_query_is_refused_without_quoting_it(
    machine: Any, query: str, field: str
) -> None:
    answer = machine("clerk").get(f"/cases{query}", 400)
    assert [fault["field"] for fault in json.loads(answer.text)["errors"]] == [field]
    assert SECRET_WORD not in answer.text


def test_faults_of_a_form_name_fields_and_repeat_nothing(machine: Any, new_filing: int) -> None:
    answer = machine("editor1").post(
        f"/filings/{new_filing}/company",
        422,
        version=1,
        address="",
        legal_person="赵示例",
        contact="钱示例",
        phone=SECRET_WORD + "x",
        main_business="制造",
        scope="制造",
    )
    problem = json.loads(answer.text)
    assert problem["code"] == "form-faults"
    assert {fault["field"] for fault in problem["errors"]} == {"address", "phone"}
    for said in (SECRET_WORD, "赵示例", "钱示例"):
        assert said not in answer.text


def test_what_keeps_a_filing_back_is_all_said_at_once(machine: Any, new_filing: int) -> None:
    head = machine("head1")
    answer = head.post(f"/cases/{new_filing}/steps/submit", 422, version=1)
    problem = json.loads(answer.text)
    assert problem["code"] == "not-ready"
    fields = {fault["field"] for fault in problem["errors"]}
    assert {"company", "conditions", "occupations", "documents"} <= fields
    assert head.get(f"/filings/{new_filing}")["ready"] is False


def test_an_old_version_loses(machine: Any, new_filing: int) -> None:
    editor, path = machine("editor1"), f"/filings/{new_filing}/conditions"
    body: dict[str, Any] = {
        **dict.fromkeys(("insured_staff", "managers", "experts", "supervisors"), 5),
        **dict.fromkeys(("registered_here", "good_standing", "mechanisms", "pay_rules"), True),
    }
    assert editor.post(path, version=1, **body)["version"] == 2
    answer = editor.post(path, 409, version=1, **body)
    assert json.loads(answer.text)["code"] == "case-moved"


def test_another_tenants_case_is_not_there(machine: Any, new_filing: int) -> None:
    """Every address with a case in it, asked well-formed or not, by another company."""
    other = machine("head2")
    asked = 0
    for row in api.ENDPOINTS:
        if "<int:case_id>" not in row.path or not {"company-head"} & set(row.roles):
            continue
        path = row.path.replace("<int:case_id>", str(new_filing)).replace("<level>", "5")
        path = path.replace("<event>", "submit")
        for number in ("document_id", "place", "number"):
            path = path.replace(f"<int:{number}>", "1")
        needs = row.sent.value != "json" and "version" in row.takes.__struct_fields__
        query = "?version=1" if needs else ""
        if row.name == "upload_document":
            query = "?kind=licence&name=a.pdf"
        more = {"json": example(row.takes)} if row.sent.value == "json" else {}
        answer = other.ask(row.method, path + query, 404, **more)
        assert "备案" not in json.loads(answer.text)["title"]
        asked += 1
    assert asked > 20


EXAMPLES = {
    "first_day": "2026-12-21",
    "last_day": "2026-12-22",
    "standard_kind": "national",
}


def example(takes: Any) -> dict[str, Any]:
    """Give the least body that reads."""
    found: dict[str, Any] = {}
    for member in msgspec.structs.fields(takes):
        kind = str(member.type)
        plain = [] if "tuple" in kind else True if "bool" in kind else 1 if "int" in kind else "x"
        if member.required:
            found[member.name] = EXAMPLES.get(member.name, plain)
    return found


def test_an_unexpected_fault_says_nothing_of_itself(
    machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ValueError(SECRET_WORD)

    monkeypatch.setattr(cases, "docket", broken)
    answer = machine("clerk").get("/due", 500)
    assert json.loads(answer.text)["code"] == "server-error"
    assert SECRET_WORD not in answer.text


def test_an_unknown_address_and_method_are_problems_too(machine: Any) -> None:
    for method, path, status in (("GET", "/nothing", 404), ("PUT", "/due", 405)):
        answer = machine("clerk").ask(method, path, status)
        assert answer.content_type == "application/problem+json"


def test_what_a_person_is_refused_leaves_a_line(machine: Any, small: Any, new_filing: int) -> None:
    machine("head1").post(f"/cases/{new_filing}/steps/accept", 422, version=1)
    with small.read() as session:
        last = session.scalars(select(AuditLine).order_by(AuditLine.line_id.desc())).first()
        assert (last.actor, last.result) == ("account:head1", "refused")
        assert last.action == "api.take_step"


def test_an_auditor_sees_a_companys_people_masked(machine: Any, filing_office: Any) -> None:
    filing_id = int(machine("editor1").post("/filings", 201)["case_id"])
    filing_office.fill_filing(filing_id)
    assert machine("clerk").get(f"/filings/{filing_id}")["form"]["contact"] == "钱示例"
    form = machine("auditor").get(f"/filings/{filing_id}")["form"]
    assert "钱示例" not in json.dumps(form, ensure_ascii=False)
    assert "0755-00000001" not in json.dumps(form)
