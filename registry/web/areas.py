"""The areas of the desks: whose pages make up the application, and what the menu shows to whom."""

from __future__ import annotations

from typing import Final

from flask import Blueprint

from registry.office.identity import Identity, Role
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
    plans,
    profile,
    registers,
    rules,
    schemes,
    signin,
    supervision,
)
from registry.web.api import app as api
from registry.web.gate import COMPANY, EVERY_ROLE, OFFICE

AREAS: Final = (
    cases,
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
    api,
)
"""Modules with a `blueprint(desk)`."""

_CASES: Final = COMPANY | OFFICE | {Role.SUPERVISOR, Role.AUDITOR}
MENU: Final = (
    ("/", "待办", "Due", _CASES),
    ("/list/filing", "企业备案", "Filings", _CASES),
    ("/filings/new", "申请备案", "New filing", COMPANY),
    ("/companies", "企业目录", "Companies", _CASES),
    ("/list/scheme", "评价方案", "Schemes", _CASES),
    ("/schemes/new", "新建方案", "New scheme", COMPANY),
    ("/list/plan", "实施计划", "Plans", _CASES),
    ("/plans/new", "新建计划", "New plan", COMPANY),
    ("/assessors", "考评人员", "Assessors", _CASES),
    ("/list/batch", "评价结果", "Results", _CASES),
    ("/batches/new", "登记结果", "New results", COMPANY),
    ("/occupations", "职业目录", "Occupations", _CASES),
    ("/experts", "专家库", "Experts", OFFICE | {Role.SUPERVISOR, Role.AUDITOR}),
    ("/rules", "规则与日历", "Rules", _CASES),
    ("/supervision", "监督管理", "Supervision", _CASES),
    ("/accounts", "账号管理", "Accounts", frozenset({Role.ADMIN})),
    ("/audit", "审计记录", "Audit", frozenset({Role.AUDITOR})),
    ("/me", "我的账号", "My account", EVERY_ROLE),
)
"""Address, Chinese, English, and the roles that see it."""


def blueprints(desk: Desk) -> list[Blueprint]:
    """Build the blueprints of all areas."""
    return [area.blueprint(desk) for area in AREAS]


def menu_of(identity: Identity | None) -> list[tuple[str, str, str]]:
    """Return the menu's entries for a person."""
    if identity is None:
        return []
    return [(path, zh, en) for path, zh, en, roles in MENU if identity.role in roles]
