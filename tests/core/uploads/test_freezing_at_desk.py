"""Freezing many rows at the desk: the page tells how it goes; clicked twice, cut off, it holds.

What a killed process leaves of a freezing is in `test_freezing.py`; here the click comes again.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from registry.office.identity import AccountId, Identity, Role
from registry.office.unit import Desk
from registry.store.base import read_unit
from registry.store.uploads import Upload, UploadEvent
from registry.upload import freezing
from registry.upload.exchange import Exchange
from registry.web import long_work, upload_page
from registry.web.app import create_desks
from registry.web.exchange import EXCHANGE

UPLOAD = "U00000001"
PLACE = f"/uploads/{UPLOAD}"
CLERK = Identity(
    account_id=AccountId(5),
    login="clerk",
    role=Role.CLERK,
    district="",
    company_id=None,
    source="127.0.0.1",
)


@pytest.fixture
def prepared(office: Any, outbox: Any) -> Any:
    """Give an outbox with one upload of 120 rows, all in the log, ready to be frozen."""
    office.issue(office.people(120))
    office.run()
    assert outbox.prepare(batch="GD-1") == UPLOAD
    return outbox


@pytest.fixture
def clerk(office: Any, prepared: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give the city's clerk at the desk, to whom every upload is a large one."""
    monkeypatch.setattr(upload_page, "LARGE", 1)
    monkeypatch.setattr(long_work, "BEAT", 0.01)
    desk = Desk(
        engine=office.engine,
        clock=office.clock,
        field_key=office.context.field_key,
        index_key=office.context.index_key,
        random=office.context.random,
        documents=office.home / "documents",
        office_name="示例市职业技能鉴定指导办公室",
        base_url="http://127.0.0.1:8001",
        record_signer=lambda _prefix: pytest.fail("nothing is signed by a company here"),
        enrol=lambda *_: None,
        before_signing=lambda: None,
        logged_heads=lambda: None,
    )
    app = create_desks(desk, secret=b"s" * 32, identify=lambda _token, _address: CLERK)
    app.config[EXCHANGE] = Exchange(
        kit=prepared.kit,
        reception=lambda: pytest.fail("no receipt comes"),
        before=lambda: None,
    )
    return app


def click(app: Any, batch: str = "", status: int = 200) -> str:
    client = app.test_client()
    with client.session_transaction() as session:
        session["token"] = "clerk"
    headers = {"Sec-Fetch-Site": "same-origin"}
    answer = client.post(f"{PLACE}/freeze", data={"batch": batch}, headers=headers)
    assert answer.status_code == status, answer.text
    return str(answer.get_data(as_text=True))


def events(outbox: Any) -> list[str]:
    return [event.kind for event in outbox.office.rows(UploadEvent)]


def state(outbox: Any) -> str:
    with read_unit(outbox.office.engine) as session:
        return session.get_one(Upload, UPLOAD).state


def test_the_rows_of_all_three_files_are_told_in_order(prepared: Any) -> None:
    told: list[tuple[int, int]] = []
    kit = replace(prepared.kit(), tell=lambda done, total: told.append((done, total)))
    prepared.freeze(UPLOAD, kit)
    assert told == [
        *((0, 360), (100, 360), (120, 360)),
        *((120, 360), (220, 360), (240, 360)),
        *((240, 360), (340, 360), (360, 360)),
    ]


def test_the_page_tells_how_it_goes_and_leads_back(prepared: Any, clerk: Any) -> None:
    page = click(clerk, "GD-2")
    assert "正在定稿" in page
    assert page.index("办理完毕") < page.index(f'content="0; url={PLACE}"')
    assert state(prepared) == "frozen"
    assert len(prepared.proven(prepared.package(UPLOAD))) == 120
    assert prepared.office.rows(Upload)[0].authority_batch == "GD-2"
    # A reload sends the form again, and another number comes too late: neither changes anything.
    assert "办理完毕" in click(clerk, "GD-2")
    assert "批次号不能再改" in click(clerk, "GD-3")
    assert events(prepared) == ["prepare", "freeze"]


def test_two_clicks_at_once_freeze_it_once(prepared: Any, clerk: Any) -> None:
    with ThreadPoolExecutor(2) as both:
        pages = list(both.map(lambda _: click(clerk), range(2)))
    assert all("办理完毕" in page for page in pages)
    assert events(prepared) == ["prepare", "freeze"]


def test_what_breaks_off_is_told_and_clicked_again(
    prepared: Any, clerk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(freezing, "seal_package", full)
    page = click(clerk)
    assert "没有办成，内容未变" in page
    assert "no space" not in page
    assert re.search(rf'href="{PLACE}">返回', page)
    assert state(prepared) == "prepared"
    monkeypatch.undo()
    monkeypatch.setattr(upload_page, "LARGE", 1)
    assert "办理完毕" in click(clerk)
    assert events(prepared) == ["prepare", "freeze"]


def test_a_number_of_no_form_is_told_beside_its_field_at_once(prepared: Any, clerk: Any) -> None:
    page = click(clerk, "有空格 的", 422)
    assert "批次号只能是" in page
    assert "正在定稿" not in page
    assert state(prepared) == "prepared"
