"""Faults of the machine API as problem+json (RFC 9457): a code, words, and the members at fault.

Everything that can be wrong with a form is said at once in ``errors``; nothing sent is repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

import msgspec
from flask import Response
from werkzeug.exceptions import HTTPException

from registry.errors import Refused
from registry.office.answers import InProgress
from registry.office.filing_form import PAPERS, SECTION_WORDS
from registry.office.filings import NotReady
from registry.office.form_faults import FieldFault
from registry.office.plan_check import PlanNotReady
from registry.office.schemes import SchemeNotReady
from registry.rules.errors import PrefixError
from registry.rules.findings import Finding
from registry.web import errors
from registry.web.api.endpoint import Given
from registry.web.api.reading import Malformed
from registry.wording import message
from registry.wording_filing import shortfall_text
from registry.wording_schemes import scheme_text

RETRY_SECONDS: Final = 2
"""When to ask again for an answer that is being made."""

_DETAILS: Final = {
    400: "请求不符合接口说明，见 errors。",
    401: "令牌无效或者已过期，请重新登录取得令牌。",
    404: "没有此地址。",
    405: "此地址不用这种方法，见接口说明。",
    413: "请求过大。",
}


_OF_CELLS: Final = frozenset({"value", "codepoint", "found"})
"""Facts of a finding that were in the table that was sent."""


class Fault(Given, frozen=True, kw_only=True):
    """One member at fault ("" is the whole), and what to do about it."""

    field: str
    text: str


class SheetFinding(Given, frozen=True, kw_only=True):
    """One finding of a table by row and column as the file numbers and names them."""

    code: str
    severity: str
    row: int | None
    column: str | None
    text: str


class Problem(Given, frozen=True, kw_only=True):
    """What went wrong: ``code`` is stable, ``detail`` is for people.

    ``findings`` are of a table that was sent, which was then not kept at all.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    errors: tuple[Fault, ...] = ()
    findings: tuple[SheetFinding, ...] = ()


class SheetRefused(Refused):
    """A table has errors; nothing of it was kept."""

    code = "sheet-refused"

    def __init__(self, found: Iterable[Finding], total: int) -> None:
        """``total`` counts the errors that are not listed, too."""
        self.found = tuple(found)
        super().__init__(f"表格有 {total} 处错误，未予保存，见 findings")


def without_values(listed: Iterable[Finding]) -> Iterator[Finding]:
    """Take what stood in the cells out of findings: row and column say where it is."""
    for found in listed:
        taken = {name: "…" for name in found.facts if name in _OF_CELLS}
        yield replace(found, facts={**found.facts, **taken})


def findings_of(listed: Iterable[Finding]) -> tuple[SheetFinding, ...]:
    """Word findings one by one."""
    return tuple(
        SheetFinding(
            code=found.code.value,
            severity=found.severity.value,
            row=found.where.row,
            column=found.where.column,
            text=message(found),
        )
        for found in listed
    )


def respond(error: Exception) -> Response:
    """Answer a fault of an API route."""
    problem = errors.classify(error)
    if isinstance(error, Malformed):
        problem = replace(problem, code="malformed")
    if isinstance(error, HTTPException):
        problem = replace(problem, detail=_DETAILS.get(problem.status, _DETAILS[400]))
    # Logs what is ours to mend, and notes the refusal.
    errors.respond(problem, error)
    found = without_values(error.found) if isinstance(error, SheetRefused) else ()
    body = Problem(
        title=problem.title,
        status=problem.status,
        detail=problem.detail,
        code=problem.code,
        errors=tuple(Fault(field=f.field, text=f.text) for f in faults_of(error)),
        findings=findings_of(found),
    )
    answer = Response(msgspec.json.encode(body), problem.status, content_type=errors.PROBLEM_TYPE)
    if problem.status == 401:  # noqa: PLR2004 - RFC 9110 §11.6.1 asks for the header
        answer.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, InProgress):
        answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


def faults_of(error: Exception) -> Iterable[FieldFault]:
    """Give all that is wrong, member by member, as far as the error knows."""
    match error:
        case PlanNotReady():
            return tuple(fault for _, fault in error.check.faults)
        case NotReady():
            return tuple(_of_filing(error))
        case SchemeNotReady():
            return tuple(_of_scheme(error))
        case PrefixError():
            return (FieldFault(field="prefix", text="机构编码为 13 位，见接口说明"),)
        case _:
            found = getattr(error, "faults", ())
            return tuple(fault for fault in found if isinstance(fault, FieldFault))


def _of_filing(error: NotReady) -> Iterator[FieldFault]:
    seen = error.preview
    for section in seen.unfilled:
        yield FieldFault(field=section.value, text=f"“{SECTION_WORDS[section]}”未填写")
    for paper in seen.missing:
        yield FieldFault(field="documents", text=f"缺少材料：{PAPERS[paper]}")
    for shortfall in seen.shortfalls:
        if shortfall.bars:
            yield FieldFault(field=shortfall.condition.value, text=shortfall_text(shortfall))


def _of_scheme(error: SchemeNotReady) -> Iterator[FieldFault]:
    seen = error.preview
    if not seen.listed:
        yield FieldFault(field="company", text="企业不在备案名单内")
    if not seen.filed:
        yield FieldFault(field="occupation_code", text="此职业（工种）未备案")
    if seen.standard_missing:
        yield FieldFault(field="standard", text="请填写评价所依据的标准")
    if seen.levels_missing:
        yield FieldFault(field="levels", text="请填写评价等级和评价内容")
    for found in seen.findings:
        yield FieldFault(field=f"level-{found.level}", text=scheme_text(found.finding))
