"""The fault report of a rejected roster: sealed, of its case alone, gone when it has served."""

from __future__ import annotations

from typing import Any

import pytest

from registry.errors import NotFound
from registry.office.fault_reports import has_report, keep_report, read_report
from registry.store.fields import FieldDamaged

REPORT = "张三 440301198501010010".encode()


def test_kept_sealed_private_and_bound_to_its_case(small: Any) -> None:
    folder, context = small.desk.documents, small.context("editor1")
    keep_report(folder, 1, b"old", context)
    keep_report(folder, 1, REPORT, context)
    file = folder / "fault-reports" / "1"
    assert REPORT not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0
    assert read_report(folder, 1, context) == REPORT
    file.rename(file.with_name("2"))
    with pytest.raises(FieldDamaged):
        read_report(folder, 2, context)
    with pytest.raises(NotFound, match="请重新上传名册"):
        read_report(folder, 1, context)


def test_a_write_that_fails_leaves_the_one_before_and_no_scrap(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, context = small.desk.documents, small.context("editor1")
    keep_report(folder, 1, REPORT, context)
    with monkeypatch.context() as broken:
        broken.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(28)))
        with pytest.raises(OSError, match="28"):
            keep_report(folder, 1, b"new", context)
    assert read_report(folder, 1, context) == REPORT
    assert [file.name for file in (folder / "fault-reports").iterdir()] == ["1"]


@pytest.mark.parametrize(("event", "login"), [("submit", "head1"), ("cancel", "editor1")])
def test_gone_when_the_plan_leaves_the_companys_hands(
    small: Any, planning: Any, event: str, login: str
) -> None:
    case_id = planning.draft()
    keep_report(small.desk.documents, case_id, REPORT, small.context("editor1"))
    planning.step(case_id, event, login)
    assert not has_report(small.desk.documents, case_id)
