"""The areas of the desks: whose pages make up the application, and what the menu shows to whom."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from flask import Blueprint

from registry.office.identity import Role
from registry.office.unit import Desk
from registry.web import (
    accounts,
    assessors,
    auditlog,
    batches,
    cases,
    companies,
    documents,
    filings,
    imports,
    overview,
    plans,
    profile,
    registers,
    requests,
    rules,
    schemes,
    signin,
    statistics,
    supervision,
    uploads,
)
from registry.web.api import app as api
from registry.web.gate import COMPANY, OFFICE

AREAS: Final = (
    cases,
    overview,
    statistics,
    assessors,
    plans,
    batches,
    signin,
    profile,
    accounts,
    auditlog,
    filings,
    documents,
    companies,
    registers,
    rules,
    schemes,
    supervision,
    requests,
    imports,
    uploads,
    api,
)
"""Modules with a `blueprint(desk)`."""

_CASES: Final = COMPANY | OFFICE | {Role.SUPERVISOR, Role.AUDITOR}
MENU: Final = (
    ("/", "待办", "Due", _CASES),
    ("/list/filing", "企业备案", "Filings", _CASES),
    ("/list/scheme", "评价方案", "Schemes", _CASES),
    ("/list/plan", "实施计划", "Plans", _CASES),
    ("/list/batch", "评价结果", "Results", _CASES),
    ("/assessors", "考评人员", "Assessors", _CASES),
    ("/companies", "企业目录", "Companies", _CASES),
    ("/occupations", "职业目录", "Occupations", _CASES),
    ("/experts", "专家库", "Experts", OFFICE | {Role.SUPERVISOR, Role.AUDITOR}),
    ("/supervision", "监督管理", "Supervision", _CASES),
    ("/requests", "证书变更", "Changes", COMPANY | OFFICE),
    ("/imports", "补录", "Imports", OFFICE),
    ("/uploads", "省级上报", "Uploads", OFFICE | {Role.AUDITOR}),
    ("/overview", "统计", "Figures", _CASES),
    ("/rules", "规则与日历", "Rules", _CASES),
    ("/accounts", "账号管理", "Accounts", frozenset({Role.ADMIN})),
    ("/audit", "审计记录", "Audit", frozenset({Role.AUDITOR})),
)
"""Address, Chinese, English, and the roles that see it: the procedure first, then the registers.

New cases begin on their lists; one's own account stands beside the way out.
"""

_ALSO: Final = {
    "/list/filing": ("/filings/",),
    "/list/scheme": ("/schemes/",),
    "/list/plan": ("/plans/",),
    "/list/batch": ("/batches/",),
    "/overview": ("/statistics",),
    "/rules": ("/calendar/",),
    "/uploads": ("/visibility",),
}
"""Where else one is in the same area."""


def blueprints(desk: Desk) -> list[Blueprint]:
    """Build the blueprints of all areas."""
    return [area.blueprint(desk) for area in AREAS]


@lru_cache(maxsize=2000)
def menu_of(role: Role, here: str) -> tuple[tuple[str, str, str, str], ...]:
    """Return the menu's entries for a role at an address.

    The last of each is what ``aria-current`` says: "page", "true" within the area, "" elsewhere.
    """
    return tuple(
        (path, zh, en, _current(path, here)) for path, zh, en, roles in MENU if role in roles
    )


def _current(path: str, here: str) -> str:
    if here == path:
        return "page"
    return "true" if here.startswith((f"{path}/", *_ALSO.get(path, ()))) else ""
