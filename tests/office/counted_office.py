"""Certificates straight in the tables of the small office: what statistics count. Nobody exists."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from registry.store.certificates import Batch, Certificate, CertificateState
from registry.store.log import EventGroup
from registry.store.organisations import Issuer
from registry.store.outbox import RowState, UploadRow
from registry.store.procedure import Company
from registry.store.uploads import Upload, VisibilityCheck
from signing.canonical import encode
from signing.record import IdType, Record

PREFIXES = {1: "Y000044999001", 2: "Y000044999002"}


class Counted:
    """The office's certificates; they are numbered as they come."""

    def __init__(self, small: Any) -> None:
        self.small = small
        self.status = 0
        self.batches: dict[tuple[int, datetime], str] = {}
        with self.small.write() as session:
            for company_id, prefix in PREFIXES.items():
                company = session.get_one(Company, company_id)
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
                company.prefix = prefix

    def issue(
        self,
        company: int,
        issued: date,
        count: int = 1,
        *,
        level: str = "4",
        occupation: str = "6-20-01-01",
        seen: date | None = None,
        state: CertificateState = CertificateState.VALID,
        edition: int = 1,
        number: str = "",
    ) -> list[int]:
        """Put certificates of one batch in; return their status indices."""
        at = datetime.combine(issued, datetime.min.time(), self.small.clock.now().tzinfo)
        made = []
        with self.small.write() as session:
            batch = self._batch(session, company, at)
            group = EventGroup(
                kind="issue", batch_id=batch, count=count, at=at, first_status=self.status
            )
            session.add(group)
            session.flush()
            for _ in range(count):
                index = self.status
                own = number or f"{PREFIXES[company]}26{level}{index:06}"
                session.add(
                    Certificate(
                        status_index=index,
                        number=own,
                        edition=edition,
                        batch_id=batch,
                        group_id=group.group_id,
                        level=level,
                        occupation_code=occupation,
                        issued=issued,
                        state=state,
                        token=f"t{index}",
                        key_id="k",
                        id_tag=index.to_bytes(16),
                        sealed=self._sealed(index, own, level, occupation, issued),
                    )
                )
                session.flush()
                if seen is not None:
                    check = {"source": "centre", "seen_on": seen, "seen_by": "centre"}
                    session.add(VisibilityCheck(status_index=index, **check))
                made.append(index)
                self.status += 1
        return made

    def report(self, index: int, *, sent: datetime | None, answered: date | None) -> None:
        """Put a certificate's upload row in, as sent and answered on these days."""
        with self.small.write() as session:
            certificate = session.get_one(Certificate, index)
            upload_id = None
            if sent is not None:
                upload_id = f"U{index:08}"
                session.add(
                    Upload(
                        upload_id=upload_id,
                        prefix=certificate.batch_id[:13],
                        state="sent",
                        created_at=sent,
                        sent_at=sent,
                        row_count=1,
                    )
                )
                session.flush()
            session.add(
                UploadRow(
                    status_index=index,
                    kind="新增",
                    batch_id=certificate.batch_id,
                    upload_id=upload_id,
                    state=(RowState.ACCEPTED if answered else RowState.OWED).value,
                    answered_on=answered,
                )
            )

    def _batch(self, session: Any, company: int, at: datetime) -> str:
        key = company, at
        if key not in self.batches:
            self.batches[key] = f"{PREFIXES[company]}-2026-{len(self.batches):04}"
            session.add(
                Batch(
                    batch_id=self.batches[key],
                    prefix=PREFIXES[company],
                    content_digest=f"{len(self.batches):064}",
                    approval="示例",
                    first_status=self.status,
                    count=1,
                    issued_at=at,
                )
            )
        return self.batches[key]

    def _sealed(self, index: int, number: str, level: str, occupation: str, issued: date) -> bytes:
        record = Record(
            admission="",
            direction="",
            edition=1,
            id_number="440300199001011234",
            id_type=IdType.RESIDENT,
            issued=issued.isoformat(),
            issuer="示例",
            level=level,
            name="张示例",
            number=number,
            occupation="钳工",
            occupation_code=occupation,
            prefix=number[:13],
            previous="",
        )
        plain = bytes(32) + (64).to_bytes(2) + bytes(64) + encode(record)
        sealed: bytes = self.small.desk.context().sealed_records().seal(index, bytes(12), plain)
        return sealed
