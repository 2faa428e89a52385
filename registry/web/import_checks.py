"""The checks of an import with their answers (补录检查), for the page and the machine API alike.

What the registry has against a table is asked anew each time it is looked at; what the rows say by
themselves was checked when the table was handed in, and the seal says that they are the same rows.
A check that could not be made, or whose answer a person has to weigh, is neither passed nor failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.change_checks import Check
from registry.office.identity import Identity
from registry.office.importing import ImportRecord, look_again
from registry.office.importing_steps import steps_open_to
from registry.office.importing_sums import Sums, sums_of_batch, sums_of_rows
from registry.office.persons import UnknownPerson
from registry.office.unit import Desk
from registry.rules.findings import WARNINGS, FindingCode, Findings
from registry.rules.importing import IMPORT
from registry.rules.workflow import Step

SHOWN: Final = 10
"""Findings that are listed at one check."""

_SAME: Final = "补录表与提交时一致，各行已按编号规则和填写要求检查"
_CHECKS: Final[tuple[tuple[str, frozenset[FindingCode]], ...]] = (
    ("证书编号未曾登记", frozenset({FindingCode.NUMBER_HELD})),
    (
        "持证人未持有同一职业同一等级的证书，姓名与登记一致",
        frozenset({FindingCode.ALREADY_HELD, FindingCode.PERSON_ON_FILE_OTHER_NAME}),
    ),
    (
        "职业编码和等级在职业目录内",
        frozenset(
            {
                FindingCode.OCCUPATION_UNLISTED,
                FindingCode.LEVEL_UNLISTED,
                FindingCode.CATALOGUE_ABSENT,
            }
        ),
    ),
    ("本年度编号接续，不跳号", frozenset({FindingCode.NUMBER_JUMP})),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """An import as it is seen now: its checks (none once it has ended), and its table in sums."""

    checks: tuple[Check, ...]
    sums: Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """The steps open to somebody, and why there are none where that has to be said ("" if not)."""

    steps: tuple[Step, ...]
    why_not: str


def look(desk: Desk, session: Session, row: ImportRecord, by: Identity) -> Looked:
    """Look at an import. Raises ``FieldDamaged``."""
    if row.state in IMPORT.final:
        return Looked(checks=(), sums=sums_of_batch(session, row.batch_id or ""))
    try:
        rows, findings = look_again(session, row, today=desk.today(), context=desk.context(by))
    except Refused as refused:
        # Other rows than were handed in: the page must stand, for the table can be withdrawn.
        checks = (Check(word=_SAME, passed=False, detail=str(refused)),)
        return Looked(checks=checks, sums=Sums())
    return Looked(
        checks=(Check(word=_SAME, passed=True), *_answers(findings)), sums=sums_of_rows(rows)
    )


def steps_for(session: Session, row: ImportRecord, by: Identity) -> Open:
    """Give the steps open to a person; that nobody knows who they are is an answer as well."""
    try:
        return Open(steps=steps_open_to(session, row, by), why_not="")
    except UnknownPerson as unknown:
        return Open(steps=(), why_not=str(unknown))


def _answers(findings: Findings) -> Sequence[Check]:
    listed, answers = findings.listed, []
    for word, codes in _CHECKS:
        found = tuple(one for one in listed if one.code in codes)
        count = sum(findings.counts.get(code, 0) for code in codes)
        worst = any(findings.counts.get(code, 0) for code in codes - WARNINGS)
        answers.append(
            Check(
                word=word,
                passed=False if worst else None if count else True,
                detail=f"{count} 处" if count > SHOWN else "",
                findings=found[:SHOWN],
            )
        )
    return answers
