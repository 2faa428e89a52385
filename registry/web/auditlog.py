"""The auditor's pages (审计记录): lines by day, actor and action, and the check of their chain."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, render_template, request

from registry.office.audit_chain import verify_audit
from registry.office.auditing import (
    KEPT_BASIS,
    KEPT_YEARS,
    PAGE,
    Wanted,
    audit_lines,
    require_auditor,
)
from registry.office.identity import Role
from registry.office.passwords import Wrong
from registry.office.unit import Desk
from registry.web.audit_words import action_word
from registry.web.gate import decide, me

_FILTERS = ("since", "until", "actor", "action", "result")


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("auditlog", __name__, url_prefix="/audit")

    @routes.get("")
    @decide(Role.AUDITOR)
    def lines() -> str:
        wanted, errors = _wanted()
        with desk.read() as session:
            shown = audit_lines(session, wanted, me())
        values = {name: request.args.get(name, "") for name in _FILTERS}
        onward = {**values, "before": str(shown[-1].line_id)} if len(shown) == PAGE else None
        return render_template(
            "auditlog/lines.html",
            lines=shown,
            action_word=action_word,
            values=values,
            onward=onward,
            errors=errors,
            kept=(KEPT_YEARS, KEPT_BASIS),
        )

    @routes.get("/check")
    @decide(Role.AUDITOR)
    def check() -> str:
        require_auditor(me())
        with desk.read() as session:
            found = verify_audit(session, desk.context(me()), desk.logged_heads())
        return render_template("auditlog/check.html", found=found)

    return routes


def _wanted() -> tuple[Wanted, list[Wrong]]:
    errors: list[Wrong] = []

    def day(name: str) -> date | None:
        text = request.args.get(name, "").strip()
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            errors.append(Wrong(field=name, text="日期应为 2026-01-31 的形式"))
            return None

    wanted = Wanted(
        since=day("since"),
        until=day("until"),
        actor=request.args.get("actor", "").strip()[:80],
        action=request.args.get("action", "").strip()[:40],
        result=request.args.get("result", "").strip()[:24],
        before=request.args.get("before", type=int),
    )
    return wanted, errors
