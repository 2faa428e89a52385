"""The checks of an import with their answers (补录检查), for the page and the machine API alike.

What the registry has against a table is asked anew each time it is looked at; what the rows say by
themselves was checked when the table was handed in, and the seal says that they are the same rows.
A check that could not be made, or whose answer a person has to weigh, is neither passed nor failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.change_checks import Check
from registry.office.identity import Identity
from registry.office.importing import ImportRecord, look_again
from registry.office.importing_history import BodyCount, bodies_of
from registry.office.importing_keys import Fitness, look_at_key
from registry.office.importing_steps import steps_open_to
from registry.office.importing_sums import Sums, sums_of_batch, sums_of_rows
from registry.office.persons import UnknownPerson
from registry.office.unit import Desk
from registry.rules.findings import WARNINGS, FindingCode, Findings
from registry.rules.imported import ImportRow
from registry.rules.importing import IMPORT
from registry.rules.workflow import Step

SHOWN: Final = 10
"""Findings that are listed at one check."""

_SAME: Final = "补录表与提交时一致，各行已按编号规则和填写要求检查"
_KEY: Final = "签发密钥有效且涵盖发证日期"
_CHECKS: Final[tuple[tuple[str, frozenset[FindingCode]], ...]] = (
    (
        "证书编号未曾登记，也不在其他待办的补录中",
        frozenset(
            {
                FindingCode.NUMBER_HELD,
                FindingCode.NUMBER_WAITING,
                FindingCode.IMPORT_UNREADABLE,
            }
        ),
    ),
    (
        "持证人未持有同一职业同一等级的证书，姓名与登记一致",
        frozenset({FindingCode.ALREADY_HELD, FindingCode.PERSON_ON_FILE_OTHER_NAME}),
    ),
    (
        "职业编码、名称和等级与职业目录一致",
        frozenset(
            {
                FindingCode.OCCUPATION_UNLISTED,
                FindingCode.OCCUPATION_NAME_DIFFERS,
                FindingCode.LEVEL_UNLISTED,
                FindingCode.CATALOGUE_ABSENT,
            }
        ),
    ),
    (
        "本年度和上年度编号接续，不跳号",
        frozenset({FindingCode.NUMBER_JUMP, FindingCode.NUMBER_JUMP_FAR}),
    ),
    ("发证日期早于本系统为该机构发证之日", frozenset({FindingCode.DATE_SINCE_ISSUING})),
    ("企业在备案名单内", frozenset({FindingCode.ISSUER_UNLISTED})),
    ("评价机构为备案名称或者曾用的备案名称", frozenset({FindingCode.ASSESSOR_UNFILED})),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """An import as it is seen now: its checks (none once it has ended), and its table in sums.

    ``bodies`` are the names of the assessing body that the open table's certificates have.
    """

    checks: tuple[Check, ...]
    sums: Sums
    bodies: tuple[BodyCount, ...] = ()

    @property
    def unsound(self) -> bool:
        """Whether a check failed, so that nobody can approve or carry it out now."""
        return any(one.passed is False for one in self.checks)

    @property
    def waits_for_key(self) -> bool:
        """Whether nothing but the key stands in the way: the table need not be handed in again."""
        return {one.word for one in self.checks if one.passed is False} == {_KEY}


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
    key = _key_answer(desk, session, row.prefix, rows)
    return Looked(
        checks=(Check(word=_SAME, passed=True), *_answers(findings), key),
        sums=sums_of_rows(rows),
        bodies=bodies_of(session, rows, row.prefix),
    )


def steps_for(session: Session, row: ImportRecord, by: Identity) -> Open:
    """Give the steps open to a person; that nobody knows who they are is an answer as well."""
    try:
        return Open(steps=steps_open_to(session, row, by), why_not="")
    except UnknownPerson as unknown:
        return Open(steps=(), why_not=str(unknown))


def _key_answer(desk: Desk, session: Session, prefix: str, rows: Sequence[ImportRow]) -> Check:
    """Ask the key that would sign, before somebody approves what it cannot sign."""
    answer = look_at_key(session, prefix, rows, desk.record_signer)
    match answer.fitness:
        case Fitness.FIT:
            return Check(word=_KEY, passed=True)
        case Fitness.ENDED:
            said = "该机构的签发密钥不在有效状态，请联系系统管理员更换密钥"
            return Check(word=_KEY, passed=False, detail=said)
        case Fitness.YOUNG:
            said = (
                f"密钥自 {answer.begins} 起有效，有 {answer.young} 本证书的发证日期在此之前，"
                "请联系系统管理员更换密钥"
            )
            return Check(word=_KEY, passed=False, detail=said)
        case Fitness.UNREADABLE:
            said = "密钥此时无法读取，请联系系统管理员"
            return Check(word=_KEY, passed=None, detail=said)
        case _:
            assert_never(answer.fitness)


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
