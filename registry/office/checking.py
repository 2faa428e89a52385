"""Checking a results list before anything is accepted (结果备案): the same for check and issue.

Row checks are `registry.rules`; added here is what only the registry knows: who already holds
such a certificate, who stands on file under another name, and how many serials are left.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.office.certificates import open_certificate
from registry.office.context import Context
from registry.office.issuing import Tally, find_batch, free_serials
from registry.rules.candidate import Candidate, ContentDigest
from registry.rules.findings import CheckedTable, Fault, FindingCode, Findings
from registry.rules.people import ID_TYPE_NAMES, IdType
from registry.rules.plan_roster import PlannedPerson
from registry.rules.roster import RosterChecker
from registry.rules.shared_cells import PASSED
from registry.rules.text import Cell, mask_id
from registry.store.certificates import Certificate, CertificateState
from registry.store.fields import blind_index
from registry.store.organisations import Issuer
from signing.record import Record

ASKED_AT_ONCE = 500
"""Persons, or numbers, that one statement asks for."""
_HOLDING = (CertificateState.VALID.value, CertificateState.SUSPENDED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRoster(CheckedTable):
    """A list after all checks. ``digest`` is over the faultless rows' content (SHA-256, hex).

    ``form`` are the findings on the file itself, ``values`` those on its rows and people.
    """

    candidates: Sequence[Candidate]
    tally: Tally
    digest: str


def check_roster(
    rows: Iterable[tuple[int, Mapping[str, Cell]]],
    issuer: Issuer,
    *,
    today: date,
    drawable: Callable[[str], bool],
    form: Findings,
) -> CheckedRoster:
    """Run the row checks over ``rows``; ``form`` are the findings on the file itself."""
    checker = RosterChecker(
        prefix=issuer.prefix, levels=frozenset(issuer.levels), today=today, drawable=drawable
    )
    candidates: list[Candidate] = []
    tally: Counter[tuple[int, str]] = Counter()
    digest = ContentDigest()
    for number, cells in rows:
        candidate = checker.row(number, cells)
        if candidate is not None:
            candidates.append(candidate)
            tally[candidate.issued.year, candidate.level] += 1
            digest.add(candidate)
    return CheckedRoster(
        candidates=candidates,
        tally=tally,
        digest=digest.hexdigest(),
        form=form,
        values=checker.finish(),
    )


def check_against_registry(
    session: Session, roster: CheckedRoster, issuer: Issuer, context: Context
) -> bool:
    """Add to the roster's findings what the registry knows; True if it was issued before.

    A list that was issued before is not checked further: everybody on it holds the certificate.
    """
    if roster.acceptable and find_batch(session, prefix=issuer.prefix, digest=roster.digest):
        return True
    _check_serials(session, roster, issuer)
    everyone = roster.candidates
    for start in range(0, len(everyone), ASKED_AT_ONCE):
        check_people(session, everyone[start : start + ASKED_AT_ONCE], roster.values, context)
    return False


def _check_serials(session: Session, roster: CheckedRoster, issuer: Issuer) -> None:
    for (year, level), wanted in sorted(roster.tally.items()):
        free = free_serials(session, issuer.prefix, year, level)
        if wanted > free:
            facts = {"year": str(year), "level": level, "free": str(free), "wanted": str(wanted)}
            roster.values.add(Fault(code=FindingCode.SERIALS_SHORT, facts=facts))


def check_people(
    session: Session, people: Sequence[Candidate], findings: Findings, context: Context
) -> None:
    """Add to ``findings`` who holds the same already, or stands on file under another name."""
    # One ID may stand on several rows (another occupation or level): all are looked at.
    rows: defaultdict[bytes, list[Candidate]] = defaultdict(list)
    for person in people:
        rows[blind_index(context.index_key, person.id_number)].append(person)
    held = session.scalars(
        select(Certificate).where(
            Certificate.id_tag.in_(list(rows)), Certificate.state.in_(_HOLDING)
        )
    )
    for certificate in held:
        name = open_certificate(certificate, context).record.name
        for person in rows[certificate.id_tag]:
            facts = {"value": mask_id(person.id_number), "number": certificate.number}
            if name != person.name:
                fault = Fault(code=FindingCode.PERSON_ON_FILE_OTHER_NAME, facts=facts)
                findings.add(fault, row=person.row, column="name")
            same = (certificate.occupation_code, certificate.level)
            if same == (person.occupation_code, person.level):
                fault = Fault(code=FindingCode.ALREADY_HELD, facts=facts)
                findings.add(fault, row=person.row, column="id_number")


def warn_of_holders(
    session: Session,
    people: Sequence[PlannedPerson],
    occupation_code: str,
    findings: Findings,
    context: Context,
) -> None:
    """Warn of who of a roster already holds the certificate that the assessment is for."""
    rows = {
        (blind_index(context.index_key, person.id_number), person.level): person
        for person in people
    }
    tags = sorted({tag for tag, _ in rows})
    for start in range(0, len(tags), ASKED_AT_ONCE):
        held = session.execute(
            select(Certificate.id_tag, Certificate.level).where(
                Certificate.id_tag.in_(tags[start : start + ASKED_AT_ONCE]),
                Certificate.state.in_(_HOLDING),
                Certificate.occupation_code == occupation_code,
            )
        )
        for tag, level in held:
            person = rows.get((tag, level))
            if person is not None:
                facts = {"value": mask_id(person.id_number)}
                fault = Fault(code=FindingCode.PLANNED_HOLDS, facts=facts)
                findings.add(fault, row=person.row, column="id_number")


def check_correction(
    record: Record,
    values: Mapping[str, str],
    *,
    today: date,
    drawable: Callable[[str], bool],
) -> tuple[Mapping[str, str] | None, Findings]:
    """Check a correction's values by the rules for a results row.

    Return the values in the record's own form, or None and the findings that forbid them.
    """
    checker = RosterChecker(
        prefix=record.prefix, levels=frozenset(record.level), today=today, drawable=drawable
    )
    cells: dict[str, Cell] = {
        "name": record.name,
        "id_type": ID_TYPE_NAMES[IdType(record.id_type)],
        "id_number": record.id_number,
        "admission": record.admission,
        "occupation": record.occupation,
        "occupation_code": record.occupation_code,
        "direction": record.direction,
        "level": record.level,
        "conclusion": PASSED,
        "issued": record.issued,
    }
    candidate = checker.row(1, {**cells, **values})
    if candidate is None:
        return None, checker.findings
    return {field: str(getattr(candidate, field, "")) for field in values}, checker.findings
