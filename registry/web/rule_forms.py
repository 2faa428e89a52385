"""The pages on which a rule is made (登记新规定): a term or a threshold, dated, with its basis."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.errors import NotFound
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Role
from registry.office.rule_making import NewTerm, NewThreshold, make_term, make_threshold
from registry.office.rules_list import RuleShown, name_of, rules_list
from registry.office.unit import Desk
from registry.rules.terms import Counting, Term, TermRule, Threshold, ThresholdRule, Unit
from registry.rules.text import squeeze
from registry.web.gate import decide, me
from registry.web.plan_parts import first_words
from registry.wording_schemes import COUNTINGS, TERMS, THRESHOLDS, UNITS

Page = Response | str | tuple[str, int]
Faults = tuple[FieldFault, ...]


def add_routes(routes: Blueprint, desk: Desk) -> None:
    """Add the pages on which a rule is made."""

    @routes.get("/rules/terms/<name>")
    @decide(Role.APPROVER)
    def term(name: str) -> str:
        return _term_page(desk, name)

    @routes.post("/rules/terms/<name>")
    @decide(Role.APPROVER)
    def new_term(name: str) -> Page:
        try:
            new = _typed_term(name)
            with desk.write() as session:
                context, today = desk.context(me()), desk.today()
                make_term(session, new, by=me(), context=context, today=today)
        except FormFaults as refused:
            return _term_page(desk, name, refused.faults), 422
        return redirect(url_for("rules.rules", done=1), 303)

    @routes.get("/rules/thresholds/<name>")
    @decide(Role.APPROVER)
    def threshold(name: str) -> str:
        return _threshold_page(desk, name)

    @routes.post("/rules/thresholds/<name>")
    @decide(Role.APPROVER)
    def new_threshold(name: str) -> Page:
        try:
            new = _typed_threshold(name)
            with desk.write() as session:
                context, today = desk.context(me()), desk.today()
                make_threshold(session, new, by=me(), context=context, today=today)
        except FormFaults as refused:
            return _threshold_page(desk, name, refused.faults), 422
        return redirect(url_for("rules.rules", done=1), 303)


def _current(desk: Desk, wanted: Term | Threshold) -> TermRule | ThresholdRule | None:
    with desk.read() as session:
        shown = [item.rule for item in rules_list(session, desk.today()) if _is(item, wanted)]
    return shown[-1] if shown else None


def _is(item: RuleShown, wanted: Term | Threshold) -> bool:
    return name_of(item.rule) is wanted


def _term_of(name: str) -> Term:
    if name not in frozenset(Term):
        raise NotFound("没有此项期限")
    return Term(name)


def _threshold_of(name: str) -> Threshold:
    if name not in frozenset(Threshold):
        raise NotFound("没有此项条件")
    return Threshold(name)


def _typed_term(name: str) -> NewTerm:
    form = request.form
    unit, counting = form.get("unit", ""), form.get("counting", "")
    faults = []
    if unit not in frozenset(Unit):
        faults.append(FieldFault(field="unit", text="请选择期限的单位"))
    if counting not in frozenset(Counting):
        faults.append(FieldFault(field="counting", text="请选择起算方式"))
    length, since = _number("length", faults), _since(faults)
    if faults:
        raise FormFaults(faults)
    return NewTerm(
        term=_term_of(name),
        length=length,
        unit=Unit(unit),
        counting=Counting(counting),
        basis=form.get("basis", ""),
        since=since,
        reason=form.get("reason", ""),
    )


def _typed_threshold(name: str) -> NewThreshold:
    faults: list[FieldFault] = []
    least, since = _number("least", faults), _since(faults)
    if faults:
        raise FormFaults(faults)
    return NewThreshold(
        threshold=_threshold_of(name),
        least=least,
        bars=request.form.get("bars") == "yes",
        basis=request.form.get("basis", ""),
        since=since,
        reason=request.form.get("reason", ""),
    )


def _number(field: str, faults: list[FieldFault]) -> int:
    text = squeeze(request.form.get(field, ""))
    if text.isascii() and text.isdigit() and len(text) <= len("100000"):
        return int(text)
    faults.append(FieldFault(field=field, text="请用数字填写"))
    return 0


def _since(faults: list[FieldFault]) -> date:
    try:
        return date.fromisoformat(squeeze(request.form.get("since", "")))
    except ValueError:
        text = "请填写施行日期，形如 2027-01-01"
        faults.append(FieldFault(field="since", text=text))
        return date.min


def _term_page(desk: Desk, name: str, faults: Faults = ()) -> str:
    term = _term_of(name)
    rule = _current(desk, term)
    kept = {"length": "", "unit": Unit.WORKING_DAYS.value, "counting": ""}
    if isinstance(rule, TermRule):
        kept = {
            "length": str(rule.length),
            "unit": rule.unit.value,
            "counting": rule.counting.value,
        }
    options = {
        "units": [(unit.value, word) for unit, word in UNITS.items()],
        "countings": [(counting.value, word) for counting, word in COUNTINGS.items()],
    }
    return _rule_page("rules/term.html", TERMS[term], rule, kept, faults, **options)


def _threshold_page(desk: Desk, name: str, faults: Faults = ()) -> str:
    threshold = _threshold_of(name)
    rule = _current(desk, threshold)
    if not isinstance(rule, ThresholdRule):
        raise NotFound("没有此项条件")
    kept = {"least": str(rule.least), "bars": "yes" if rule.bars else ""}
    word, unit = THRESHOLDS[threshold]
    return _rule_page("rules/threshold.html", word, rule, kept, faults, unit=unit)


def _rule_page(
    template: str,
    word: str,
    rule: TermRule | ThresholdRule | None,
    kept: dict[str, str],
    faults: Faults,
    **more: object,
) -> str:
    blank = {"basis": "", "since": "", "reason": ""}
    typed = request.form.to_dict() if faults else {}
    return render_template(
        template,
        word=word,
        rule=rule,
        typed=(dict.fromkeys(kept, "") | blank | typed) if faults else (kept | blank),
        faults=faults,
        wrong=first_words(faults),
        **more,
    )
