"""What changes of certificates need in the small office: certificates, papers, a second approver.

Certificates are issued by the real use case, so that changing them signs and links as it does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.signer import PrivateKeySigner, public_bytes, software_signer
from registry.office import change_deciding as deciding
from registry.office import change_making as making
from registry.office.cases import Doing
from registry.office.certificates import editions, open_certificate
from registry.office.changes import Held, seal_held
from registry.office.identity import AccountId, Identity, Role
from registry.store.accounts import Account
from registry.store.audit import AuditLine
from registry.store.certificates import Certificate
from registry.store.changes import ChangeEvent
from registry.store.holders import ChangeRequest
from registry.store.log import EventGroup, EventPage
from registry.store.outbox import UploadRow

PREFIX = "Y000044999001"
PDF = b"%PDF-1.4 \xff a paper"


def key_of(now: Any) -> PrivateKeySigner:
    """Give the key with which `supervising_office` issues."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    public = public_bytes(private)
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ED25519, public),
        algorithm=Algorithm.ED25519,
        purpose=Purpose.RECORD,
        issuer=PREFIX,
        not_before=now - timedelta(days=1),
        not_after=now + timedelta(days=400),
        state=KeyState.ACTIVE,
        public_key=public,
    )
    return software_signer(info, private)


class Changing:
    """An office that has issued three certificates of company 1."""

    def __init__(self, small: Any, supervised: Any) -> None:
        self.small = small
        supervised.list_company(1)
        supervised.issue(3)
        small.signer = key_of(small.clock.now())
        with small.read() as session:
            rows = session.scalars(select(Certificate).order_by(Certificate.status_index)).all()
            self.numbers = [row.number for row in rows]

    def tools(self, login: str, drawable: Callable[[str], bool] = lambda _c: True) -> Any:
        """Give what changes a certificate."""
        return deciding.Tools(
            signer=self.small.desk.record_signer,
            before_signing=self.small.desk.before_signing,
            drawable=drawable,
            today=self.small.desk.today(),
            context=self.small.context(login),
        )

    def ask(self, login: str = "clerk", number: str = "", **given: Any) -> int:
        """Put a request down; a correction of the direction unless said otherwise."""
        facts: dict[str, Any] = {
            "kind": "correction",
            "cause": "data-error",
            "changes": {"direction": "设备维修"},
            "reason": "登记有误",
            "document": b"",
        } | given
        with self.small.write() as session:
            row = making.ask(
                session,
                making.Wish(number=number or self.numbers[0], **facts),
                by=self.small.who(login),
                drawable=lambda _c: True,
                context=self.small.context(login),
            )
            return int(row.request_id)

    def from_holder(self, number: str = "", **given: str) -> int:
        """Leave a request as a holder makes one."""
        field, wanted = given.get("field", "direction"), given.get("wanted", "设备维修")
        context, today = self.small.context("clerk"), self.small.desk.today()
        with self.small.write() as session:
            row = ChangeRequest(
                origin="holder", kind=given.get("kind", "correction"),
                number=number or self.numbers[0], id_tag=b"t" * 16, sealed=b"", document=b"",
                document_kind="", state="received", received_on=today, due_from=today,
                due_on=today, due_provisional=False, version=1,
            )  # fmt: skip
            session.add(row)
            session.flush()
            held = Held(answer="", field=field, reason="用字有误", wanted=wanted)
            seal_held(row, held, context)
            return int(row.request_id)

    def row(self, request_id: int) -> Any:
        """Read a request."""
        with self.small.read() as session:
            return session.get_one(ChangeRequest, request_id)

    def doing(self, request_id: int, login: str, note: str = "理由", version: int = 0) -> Doing:
        """Say who acts, on the request as it is."""
        seen = version or self.row(request_id).version
        return Doing(by=self.small.who(login), version=seen, note=note)

    def check(self, request_id: int, login: str = "clerk", **given: Any) -> None:
        """Check as the clerk."""
        facts: dict[str, Any] = {"cause": "data-error", "changes": {"direction": "设备维修"}}
        facts |= given
        with self.small.write() as session:
            deciding.check(
                session,
                request_id,
                facts["cause"],
                facts["changes"],
                self.doing(request_id, login),
                drawable=lambda _c: True,
                today=self.small.desk.today(),
                context=self.small.context(login),
            )

    def take(self, request_id: int, event: str, login: str = "clerk", note: str = "理由") -> None:
        """Take a step with a remark."""
        with self.small.write() as session:
            context = self.small.context(login)
            deciding.take(
                session, request_id, event, self.doing(request_id, login, note), context=context
            )

    def approve(self, request_id: int, login: str = "approver", *, now: bool = True) -> Any:
        """Approve."""
        with self.small.write() as session:
            doing = self.doing(request_id, login)
            return deciding.approve(session, request_id, doing, self.tools(login), now=now)

    def carry_out(self, request_id: int, login: str = "clerk") -> Any:
        """Carry out what was approved."""
        with self.small.write() as session:
            doing = self.doing(request_id, login)
            return deciding.carry_out(session, request_id, doing, self.tools(login))

    def prepared(self, **given: Any) -> int:
        """Bring a request of the office's to the approver."""
        request_id = self.ask(**given)
        facts = {name: given[name] for name in ("cause", "changes") if name in given}
        self.check(request_id, **facts)
        self.take(request_id, "prepare")
        return request_id

    def standing(self) -> dict[str, int]:
        """Count all that a change may leave behind."""
        tables = (Certificate, EventGroup, EventPage, UploadRow, ChangeEvent, AuditLine)
        with self.small.read() as session:
            return {
                table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0
                for table in tables
            }

    def records(self, number: str = "") -> list[Any]:
        """Open all editions of a number."""
        context = self.small.context("clerk")
        with self.small.read() as session:
            rows = editions(session, number or self.numbers[0])
            return [open_certificate(row, context) for row in rows]

    def account(self, login: str, role: Role, staff_number: str) -> Identity:
        """Add an account of the office; the same staff number is the same person's."""
        with self.small.write() as session:
            row = Account(
                login=login, display=b"", role=role.value, district="",
                staff_number=staff_number, company_id=None, password="!",
                disabled=True, password_at=self.small.clock.now(),
                created_at=self.small.clock.now(),
            )  # fmt: skip
            session.add(row)
            session.flush()
            number = AccountId(row.account_id)
        return Identity(account_id=number, login=login, role=role, source="127.0.0.1")
