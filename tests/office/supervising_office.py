"""What supervision needs in the small office: recorded plans, drawn supervisors, a ledger's rounds.

A round here numbers the waiting groups, ends with a status group and shows a head, as the
sequencer does; the root is made up, since no desk can check it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import date, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.signer import public_bytes, software_signer
from registry.cli.demo_people import demo_people
from registry.office.assessor_entry import AssessorEntry
from registry.office.assessors import add_assessor
from registry.office.cases import CaseKind, open_case
from registry.office.identity import AccountId, Identity, Role
from registry.office.issuer_keys import announce_key
from registry.office.issuing import IssueOrder, issue_batch
from registry.office.plan_form import PlanForm, form_bytes
from registry.rules.candidate import Candidate, content_digest
from registry.rules.people import check_character
from registry.store.accounts import Account
from registry.store.log import EventGroup, LogHead
from registry.store.organisations import Issuer
from registry.store.procedure import Case, CaseEvent, Company
from registry.store.registers import Expert
from signing.tlog.lines import write_base64
from signing.tlog.treehead import Checkpoint, format_checkpoint

ORIGIN = "127.0.0.1:8000/log"
PLAN = PlanForm(
    direction="数控车工",
    first_day="2026-12-21",
    last_day="2026-12-22",
    levels=("4",),
    occupation="车工",
    occupation_code="6-18-01-01",
)
PREFIXES = {1: "Y000044999001", 2: "Y000044999002"}


def supervisor(label: str, account: int = 0) -> Identity:
    number = account or 100 + int(label[-3:])
    return Identity(account_id=AccountId(number), login=label.lower(), role=Role.SUPERVISOR)


class Supervised:
    """The office as supervision finds it."""

    def __init__(self, small: Any) -> None:
        self.small = small
        self.visitors: dict[str, Identity] = {}

    def list_company(self, company_id: int = 1, listed_on: date = date(2025, 11, 1)) -> None:
        with self.small.write() as session:
            company = session.get_one(Company, company_id)
            prefix = PREFIXES[company_id]
            session.add(
                Issuer(
                    prefix=prefix,
                    name=company.name,
                    uscc=company.uscc,
                    levels="54321",
                    added_at=self.small.clock.now(),
                )
            )
            session.flush()
            company.state, company.listed_on, company.prefix = "listed", listed_on, prefix

    def plans(self, count: int = 3, login: str = "editor1", state: str = "recorded") -> list[str]:
        references = []
        for _ in range(count):
            by = self.small.who(login)
            with self.small.write() as session:
                case = open_case(
                    session,
                    CaseKind.PLAN,
                    session.get_one(Company, by.company_id),
                    title="车工 四级",
                    form=form_bytes(PLAN),
                    by=by,
                    context=self.small.context(login),
                )
                case.state, case.first_day = state, date(2026, 12, 21)
                references.append(str(case.reference))
        return references

    def assessed(self, days_ago: int, login: str = "editor1") -> None:
        """Make a held plan whose results were filed so many days ago."""
        self.held(days_ago, login)
        by = self.small.who(login)
        with self.small.write() as session:
            case = open_case(
                session,
                CaseKind.BATCH,
                session.get_one(Company, by.company_id),
                title="车工 四级",
                form=b"{}",
                by=by,
                context=self.small.context(login),
                parent=session.scalars(select(Case).where(Case.state == "held")).first(),
            )
            case.state = "submitted"
            case.received_on = self.small.desk.today() - timedelta(days=days_ago)

    def held(self, days_ago: int, login: str = "editor1") -> None:
        """Make a plan that was marked held so many days ago."""
        (reference,) = self.plans(1, login, "held")
        with self.small.write() as session:
            case = session.scalars(select(Case).where(Case.reference == reference)).one()
            session.add(
                CaseEvent(
                    case_id=case.case_id,
                    at=self.small.clock.now() - timedelta(days=days_ago),
                    actor="system",
                    event="hold",
                    from_state="recorded",
                    to_state="held",
                )
            )

    def supervisors(self, count: int = 2) -> list[str]:
        labels = [f"DD{number:03}" for number in range(1, count + 1)]
        members = []
        with self.small.write() as session:
            for label in labels:
                person = supervisor(label)
                self.visitors[label] = person
                members.append((label, person.account_id))
                session.add(
                    Account(
                        account_id=person.account_id,
                        login=person.login,
                        display=b"",
                        role=person.role.value,
                        staff_number=f"GH-{person.account_id:03}",
                        password="!",
                        password_at=self.small.clock.now(),
                        created_at=self.small.clock.now(),
                    )
                )
            session.flush()
            for label, account in members:
                session.add(
                    Expert(
                        kind="supervisor",
                        label=label,
                        fields="",
                        active=True,
                        sealed=b"",
                        account_id=account,
                    )
                )
        return labels

    def issue(self, count: int = 3) -> str:
        """Issue a batch of company 1, which is listed; its number."""
        private = Ed25519PrivateKey.from_private_bytes(bytes(32))
        public, now = public_bytes(private), self.small.clock.now()
        info = KeyInfo(
            key_id=key_id_of(Algorithm.ED25519, public),
            algorithm=Algorithm.ED25519,
            purpose=Purpose.RECORD,
            issuer=PREFIXES[1],
            not_before=now - timedelta(days=1),
            not_after=now + timedelta(days=400),
            state=KeyState.ACTIVE,
            public_key=public,
        )
        people = [
            Candidate(
                row=row,
                name=person.name,
                id_type="resident-id",
                id_number=person.id_number,
                admission=person.admission,
                occupation=person.occupation,
                occupation_code=person.occupation_code,
                direction=person.direction,
                level=person.level,
                issued=person.issued,
            )
            for row, person in enumerate(demo_people(count, offset=0, issued=date(2026, 11, 20)), 2)
        ]
        order = IssueOrder(
            prefix=PREFIXES[1],
            approval="深技鉴备〔2026〕1号",
            digest=content_digest(people),
            tally=Counter((person.issued.year, person.level) for person in people),
            candidates=people,
        )
        with self.small.write() as session:
            announce_key(session, PREFIXES[1], info, now=now)
            session.flush()
            signer = software_signer(info, private)
            context = self.small.context("clerk")
            return issue_batch(session, order, signer=signer, context=context).batch_id

    def assessor(self, serial: int = 900) -> int:
        """Register an assessor of company 1."""
        first = f"44030119850101{serial:03d}"
        entry = AssessorEntry(
            name="考评甲",
            id_type="resident-id",
            id_number=first + check_character(first),
            occupations="6-18-01-01",
            certificate="KP-1",
            valid_until=date(2028, 12, 31),
        )
        with self.small.write() as session:
            return add_assessor(
                session,
                entry,
                by=self.small.who("editor1"),
                context=self.small.context("editor1"),
                today=self.small.desk.today(),
            )

    def anchor(self, word: str = "root") -> bytes:
        """Run a round: number what waits, close with a status leaf, show a head; its note."""
        now = self.small.clock.now()
        with self.small.write() as session:
            head = session.get(LogHead, ORIGIN)
            size = head.size if head else 0
            waiting = select(EventGroup).where(EventGroup.first_index.is_(None))
            for group in session.scalars(waiting.order_by(EventGroup.group_id)):
                group.first_index = size
                size += group.count
            session.add(EventGroup(kind="status", count=1, at=now, first_index=size))
            size += 1
            note = make_note(size, word)
            values = {"size": size, "root": bytes(32), "note": note, "signed_at": now}
            if head is None:
                session.add(LogHead(origin=ORIGIN, status_leaf=0, status_entry=b"", **values))
            else:
                for name, value in values.items():
                    setattr(head, name, value)
        return note

    @staticmethod
    def make_note(size: int, word: str = "root", signature: bytes = b"signature") -> bytes:
        """Make the note of another size."""
        return make_note(size, word, signature)


def make_note(size: int, word: str = "root", signature: bytes = b"signature") -> bytes:
    """Make a note of a size: nobody at a desk can tell that its signature is none."""
    root = hashlib.sha256(f"{word} {size}".encode()).digest()
    text = format_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=root))
    return f"{text}\n— {ORIGIN} {write_base64(b'1234' + signature)}\n".encode()
