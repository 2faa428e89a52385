"""Templates write what autoescaping would write: a faster way, and not a looser one."""

from __future__ import annotations

from typing import Any

import pytest
from flask import render_template_string
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup, escape

from registry.web.rendering import written


class Marked:
    """Says itself what it is in HTML."""

    def __html__(self) -> str:
        return "<i>&amp;</i>"


class Shouting(str):
    """Text of a kind of its own, which may not be taken for plain."""

    __slots__ = ()

    def __html__(self) -> str:
        return "<b>!</b>"


@given(st.one_of(st.text(), st.integers(), st.none(), st.booleans(), st.floats(), st.binary()))
def test_any_value_is_written_as_escaped(value: object) -> None:
    assert written(value) == str(escape(value))


@pytest.mark.parametrize("sign", list("&<>\"'"))
def test_no_special_character_stays(sign: str) -> None:
    assert sign not in written(f"a{sign}b").replace("&amp;", "").replace("&#", "") or sign == "&"
    assert written(sign) == str(escape(sign))


def test_what_is_marked_up_stays_as_it_is() -> None:
    assert written(Markup("<b>&</b>")) == "<b>&</b>"
    assert written(Marked()) == "<i>&amp;</i>"
    assert written(Shouting("x")) == "<b>!</b>"


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("{{ x }}", "&lt;i&gt;"),
        ("{{ x|safe }}", "<i>"),
        ("{{ x ~ 1 }}", "&lt;i&gt;1"),
        ('<p title="{{ x }}">', '<p title="&lt;i&gt;">'),
        ("{% macro m(y) %}<b>{{ y }}</b>{% endmacro %}{{ m(x) }}", "<b>&lt;i&gt;</b>"),
        ("{% set z %}<b>{{ x }}</b>{% endset %}{{ z }}", "<b>&lt;i&gt;</b>"),
        ("{% for y in [x, 1, none] %}{{ y }}{% endfor %}", "&lt;i&gt;1None"),
        ("{% autoescape false %}{{ x }}{% endautoescape %}{{ x }}", "<i>&lt;i&gt;"),
    ],
)
def test_templates_escape_where_they_always_did(desks: Any, template: str, wanted: str) -> None:
    with desks.app_context(), desks.test_request_context():
        assert render_template_string(template, x="<i>") == wanted


def test_a_title_that_somebody_typed_is_text_in_every_list(
    small: Any, browse: Any, office_helper: Any
) -> None:
    from registry.office.cases import CaseKind, open_case
    from registry.store.procedure import Company

    with small.write() as session:
        company = session.get_one(Company, 1)
        company.name = "<script>甲</script>"
        by, context = small.who("editor1"), small.context("editor1")
        form = b"{}"
        case = open_case(
            session, CaseKind.PLAN, company, title='"><img>', form=form, by=by, context=context
        )
        case.turn = "company"
    for login, path, shown in (
        ("editor1", "/", "&#34;&gt;&lt;img&gt;"),
        ("editor1", "/list/plan", "&#34;&gt;&lt;img&gt;"),
        ("clerk", "/companies", "&lt;script&gt;甲"),
    ):
        page = browse(login).get(path)
        assert shown in page
        assert "<script>甲" not in page
        assert '"><img>' not in page
