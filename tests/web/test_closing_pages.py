"""The page and the API by which a batch without a passed person ends."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from registry.office.publicity import submit_batch


@pytest.fixture
def bare(assessing: Any) -> int:
    """Give an approved batch in which nobody passed."""
    case_id = int(assessing.open(assessing.held_plan(people=1)))
    assessing.scores(case_id, assessing.rows(case_id, ("30", "30")))
    assessing.evidence(case_id)
    assessing.publish(case_id)
    assessing.at(date(2026, 12, 31))
    assessing.act(submit_batch, case_id, "head1")
    assessing.prepare(case_id)
    assessing.approve(case_id, "approver")
    return case_id


def version(page: str) -> str:
    return re.findall(r'name="version" value="(\d+)"', page)[0]


def test_the_clerk_closes_from_the_case(browse: Any, bare: int) -> None:
    clerk, here = browse("clerk"), f"/batches/{bare}"
    page = clerk.get(f"/cases/{bare}")
    assert f'href="{here}/close"' in page
    assert f'href="{here}/issue"' not in page
    assert f"{here}/close" in clerk.get(f"{here}/issue")
    page = clerk.get(f"{here}/close")
    assert "本批次无合格人员，不核发证书" in page
    place = clerk.post(f"{here}/close", version=version(page)).location
    done = clerk.get(place)
    assert "本办件已办结" in done
    assert "已办结（不核发证书）" in done
    assert "本批次无合格人员，不核发证书" in browse("head1").get(f"/cases/{bare}")
    clerk.post(f"{here}/close", 409, version=version(page))


def test_a_batch_with_certificates_to_issue_shows_no_way_to_close(
    browse: Any, assessing: Any
) -> None:
    case = assessing.approved()
    clerk = browse("clerk")
    page = clerk.get(f"/cases/{case}")
    assert f'href="/batches/{case}/close"' not in page
    assert f'href="/batches/{case}/issue"' in page
    page = clerk.get(f"/batches/{case}/close")
    assert "<button" not in page.partition("<main")[2]
    clerk.post(f"/batches/{case}/close", 422, version="7")


def test_an_approver_takes_an_approval_back_from_the_case(browse: Any, assessing: Any) -> None:
    case = assessing.approved()
    chief = browse("approver")
    page = chief.get(f"/cases/{case}")
    assert "撤回备案意见" in page
    fields = {"version": version(page), "note-withdraw-approval": "有人已持有证书"}
    place = chief.post(f"/cases/{case}/steps/withdraw-approval", **fields).location
    assert "已报送备案" in chief.get(place)


def test_a_machine_closes_too(desks: Any, bare: int) -> None:
    client = desks.test_client(use_cookies=False)
    headers = {"Authorization": "Bearer clerk"}
    seen = client.get(f"/api/v1/cases/{bare}", headers=headers).get_json()
    assert [(step["event"], step["plain"]) for step in seen["steps"]] == [
        ("issue", False),
        ("close", False),
    ]
    body = {"version": seen["case"]["version"]}
    answer = client.post(f"/api/v1/batches/{bare}/close", headers=headers, json=body)
    assert (answer.status_code, answer.get_json()["state"]) == (200, "closed")
    again = client.post(f"/api/v1/batches/{bare}/close", headers=headers, json=body)
    assert again.status_code == 409


def test_the_held_plan_leads_to_its_results(browse: Any, assessing: Any) -> None:
    plan = assessing.held_plan()
    editor = browse("editor1")
    assert 'href="/batches/new"' in editor.get(f"/cases/{plan}").partition("<main")[2]
    assert f"/cases/{plan}" in editor.get("/")
    assessing.open(plan)
    assert 'href="/batches/new"' not in editor.get(f"/cases/{plan}").partition("<main")[2]
