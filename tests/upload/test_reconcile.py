"""Reconciliation: what agrees is equal, and each thing that is altered on one side is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.store.outbox import RowState
from registry.store.uploads import UploadState
from registry.upload.reconcile import reconcile
from registry.upload.reconcile_sides import (
    Answered,
    Difference,
    HeldRow,
    HeldUpload,
    Key,
    OneUpload,
    ReceiptCopy,
    Rest,
    SentRow,
    SentUpload,
)
from registry.upload.reconcile_words import ADVICE, Code, Kind

CITY = "log.city.example/certreg"
TODAY = date(2026, 11, 26)
KINDS = ("新增", "更正", "补录", "撤销")


def digest(*parts: object) -> str:
    return "-".join(map(str, parts))


def key_of(upload: int, row: int) -> Key:
    return Key(number=f"Y000044999001265{upload:03}{row:03}", edition=1, kind=KINDS[row % 4])


def fair_upload(number: int, accepted: tuple[bool, ...]) -> OneUpload:
    name = f"U{number:08}"
    rows = range(1, len(accepted) + 1)
    before = digest("receipt", number - 1) if number > 1 else ""
    return OneUpload(
        held=HeldUpload(
            upload=name,
            state=UploadState.ACKNOWLEDGED,
            city=CITY,
            batch=f"B{number}",
            snapshot=digest("snapshot", number),
            manifest=digest("manifest", number),
            answer_due=TODAY - timedelta(days=1),
        ),
        rows=tuple(
            HeldRow(
                key=key_of(number, row),
                record=digest("record", number, row),
                state=RowState.ACCEPTED if accepted[row - 1] else RowState.REFUSED,
                upload=name,
                row=row,
                reason="" if accepted[row - 1] else "code-unknown",
                due=TODAY - timedelta(days=9),
            )
            for row in rows
        ),
        sent=SentUpload(
            batch=f"B{number}",
            snapshot=digest("snapshot", number),
            manifest=digest("manifest", number),
            rows=tuple(
                SentRow(row=row, key=key_of(number, row), record=digest("record", number, row))
                for row in rows
            ),
        ),
        receipts=(
            ReceiptCopy(
                digest=digest("receipt", number),
                previous=before,
                source=f"receipt-{number}.json",
                imported=True,
                city=CITY,
                upload=name,
                batch=f"B{number}",
                manifest=digest("manifest", number),
                snapshot=digest("snapshot", number),
                rows=tuple(
                    Answered(
                        row=row,
                        key=key_of(number, row),
                        accepted=accepted[row - 1],
                        reason="" if accepted[row - 1] else "code-unknown",
                    )
                    for row in rows
                ),
            ),
        ),
    )


def rest_of(uploads: list[OneUpload], **more: Any) -> Rest:
    manifests, before = [], ""
    for one in uploads:
        manifests.append((one.held.upload, one.held.manifest, before))
        before = one.held.manifest
    return Rest(cities=frozenset({CITY}), today=TODAY, manifests=tuple(manifests), **more)


Edit = Callable[[Any, OneUpload], tuple[OneUpload, Code]]


def held(**change: Any) -> Callable[[OneUpload], OneUpload]:
    return lambda one: replace(one, held=replace(one.held, **change))


def in_rows(draw: Any, one: OneUpload, side: str, **change: Any) -> OneUpload:
    """Alter one row of a side; ``change`` gives its new values, none takes the row away."""
    owner: Any = one if side == "held" else one.sent if side == "sent" else one.receipts[0]
    rows = list(owner.rows)
    at = draw(st.integers(0, len(rows) - 1))
    rows[at : at + 1] = [replace(rows[at], **change)] if change else []
    owner = replace(owner, rows=tuple(rows))
    if side == "held":
        altered: OneUpload = owner
        return altered
    return replace(one, sent=owner) if side == "sent" else replace(one, receipts=(owner,))


def receipt_with(one: OneUpload, **change: Any) -> OneUpload:
    return replace(one, receipts=(replace(one.receipts[0], **change),))


def refused_row(draw: Any, one: OneUpload) -> OneUpload:
    rows = list(one.rows)
    at = draw(st.integers(0, len(rows) - 1))
    other = RowState.REFUSED if rows[at].state is RowState.ACCEPTED else RowState.ACCEPTED
    rows[at] = replace(rows[at], state=other)
    return replace(one, rows=tuple(rows))


def add_row(one: OneUpload, side: str) -> OneUpload:
    number = len(one.rows) + 1
    key = Key(number="Y000044999009265999999", edition=1, kind="新增")
    if side == "sent":
        assert one.sent is not None
        sent = SentRow(row=number, key=key, record="new")
        return replace(one, sent=replace(one.sent, rows=(*one.sent.rows, sent)))
    if side == "held":
        row = replace(one.rows[0], key=key, row=number)
        return replace(one, rows=(*one.rows, row))
    answer = Answered(row=number, key=key, accepted=True, reason="")
    return receipt_with(one, rows=(*one.receipts[0].rows, answer))


def sent_with(one: OneUpload, **change: Any) -> OneUpload:
    assert one.sent is not None
    return replace(one, sent=replace(one.sent, **change))


def accepted_elsewhere(draw: Any, one: OneUpload) -> OneUpload:
    """Let an accepted row of the upload stand in another one."""
    rows = list(one.rows)
    good = [at for at, row in enumerate(rows) if row.state is RowState.ACCEPTED]
    at = draw(st.sampled_from(good))
    rows[at] = replace(rows[at], upload="U00000099", row=1)
    return replace(one, rows=tuple(rows))


EDITS: dict[str, tuple[Callable[[Any, OneUpload], OneUpload], set[Code]]] = {
    "the registry loses a row": (
        lambda draw, one: in_rows(draw, one, "held"),
        {Code.ROW_NOT_HELD},
    ),
    "the registry has a row more": (lambda _, one: add_row(one, "held"), {Code.ROW_NOT_SENT}),
    "the package loses a row": (
        lambda draw, one: in_rows(draw, one, "sent"),
        {Code.ROW_NOT_SENT, Code.ANSWER_UNKNOWN_ROW},
    ),
    "the package has a row more": (
        lambda _, one: add_row(one, "sent"),
        {Code.ROW_NOT_HELD, Code.ROW_NOT_ANSWERED},
    ),
    "the receipt loses a row": (
        lambda draw, one: in_rows(draw, one, "receipt"),
        {Code.ROW_NOT_ANSWERED},
    ),
    "the receipt has a row more": (
        lambda _, one: add_row(one, "receipt"),
        {Code.ANSWER_UNKNOWN_ROW},
    ),
    "a record is altered": (
        lambda draw, one: in_rows(draw, one, "held", record="another"),
        {Code.RECORD_DIFFERS},
    ),
    "a sent record is altered": (
        lambda draw, one: in_rows(draw, one, "sent", record="another"),
        {Code.RECORD_DIFFERS},
    ),
    "a record cannot be opened": (
        lambda draw, one: in_rows(draw, one, "held", record=""),
        {Code.RECORD_UNREADABLE},
    ),
    "a row has another number": (
        lambda draw, one: in_rows(draw, one, "held", row=77),
        {Code.ROW_NUMBER},
    ),
    "a row is answered under another number": (
        lambda draw, one: in_rows(draw, one, "receipt", row=77),
        {Code.ANSWER_ROW_NUMBER},
    ),
    "an answer is turned": (refused_row, {Code.ANSWER_DIFFERS}),
    "a reason is another": (
        lambda draw, one: in_rows(draw, one, "held", reason="other-reason"),
        {Code.ANSWER_DIFFERS},
    ),
    "a row is in two uploads": (accepted_elsewhere, {Code.ROW_ELSEWHERE}),
    "the snapshot": (lambda _, one: sent_with(one, snapshot="x"), {Code.SNAPSHOT_DIFFERS}),
    "the manifest": (lambda _, one: sent_with(one, manifest="x"), {Code.MANIFEST_DIFFERS}),
    "the batch number": (lambda _, one: sent_with(one, batch="x"), {Code.BATCH_DIFFERS}),
    "the package is lost": (lambda _, one: replace(one, sent=None), {Code.PACKAGE_UNREADABLE}),
    "another manifest answered": (
        lambda _, one: receipt_with(one, manifest="x"),
        {Code.RECEIPT_MANIFEST},
    ),
    "another snapshot answered": (
        lambda _, one: receipt_with(one, snapshot="x"),
        {Code.RECEIPT_SNAPSHOT},
    ),
    "another batch answered": (lambda _, one: receipt_with(one, batch="x"), {Code.RECEIPT_BATCH}),
    "another city's receipt": (
        lambda _, one: receipt_with(one, city="x"),
        {Code.RECEIPT_OTHER_CITY},
    ),
    "the receipt is not given": (
        lambda _, one: receipt_with(one, source=""),
        {Code.RECEIPT_NOT_GIVEN},
    ),
    "the receipt is not imported": (
        lambda _, one: receipt_with(one, imported=False),
        {Code.RECEIPT_NOT_IMPORTED},
    ),
    "a second receipt": (
        lambda _, one: replace(
            one, receipts=(*one.receipts, replace(one.receipts[0], digest="second"))
        ),
        {Code.RECEIPT_TWICE, Code.RECEIPT_FORK},
    ),
    "an answer without a receipt": (
        lambda _, one: replace(one, receipts=()),
        {Code.ANSWER_WITHOUT_RECEIPT, Code.RECEIPT_MISSING},
    ),
    "answered twice": (
        lambda _, one: receipt_with(one, rows=(*one.receipts[0].rows, one.receipts[0].rows[0])),
        {Code.ANSWERED_TWICE},
    ),
    "the chain of receipts": (
        lambda _, one: receipt_with(one, previous="lost"),
        {Code.RECEIPT_BEFORE_MISSING},
    ),
}


@st.composite
def fair(draw: Any) -> list[OneUpload]:
    # The first row of each is accepted, so that every edit has something to work on.
    answers = draw(st.lists(st.lists(st.booleans(), max_size=5), min_size=1, max_size=4))
    return [fair_upload(number, (True, *rest)) for number, rest in enumerate(answers, 1)]


@given(fair())
def test_what_agrees_is_equal(uploads: list[OneUpload]) -> None:
    report = reconcile(uploads, rest_of(uploads))
    assert report.differences == ()
    assert report.equal is True
    assert (report.uploads, report.receipts) == (len(uploads), len(uploads))
    assert report.rows == sum(len(one.rows) for one in uploads)


# So many edits share what the profile gives one test.
@settings(max_examples=max(settings.default.max_examples // 4, 1))
@pytest.mark.parametrize("name", EDITS)
@given(uploads=fair(), data=st.data())
def test_what_is_altered_on_one_side_is_found_where_it_is(
    name: str, uploads: list[OneUpload], data: Any
) -> None:
    edit, expected = EDITS[name]
    at = data.draw(st.integers(0, len(uploads) - 1))
    # What follows from an edit of the chain may be told of the next upload too.
    altered = [edit(data.draw, one) if n == at else one for n, one in enumerate(uploads)]
    report = reconcile(altered, rest_of(uploads))
    found = {one.code for one in report.differences if one.upload == uploads[at].held.upload}
    assert expected <= found
    unsaid = all(ADVICE[code].kind is Kind.CANNOT_SAY for code in found)
    assert report.equal is (None if unsaid else False)
    others = {one.code for one in report.differences if one.upload != uploads[at].held.upload}
    assert others <= {Code.RECEIPT_BEFORE_MISSING, Code.RECEIPT_FORK}


@given(uploads=fair(), data=st.data())
def test_many_edits_at_once_are_each_found(uploads: list[OneUpload], data: Any) -> None:
    simple = ["a record is altered", "a row has another number", "the snapshot", "the manifest"]
    altered, expected = [], set()
    for one in uploads:
        changed = one
        for name in data.draw(st.lists(st.sampled_from(simple), unique=True)):
            edit, codes = EDITS[name]
            changed = edit(data.draw, changed)
            expected |= {(one.held.upload, code) for code in codes}
        altered.append(changed)
    report = reconcile(altered, rest_of(uploads))
    assert expected == {(one.upload, one.code) for one in report.differences}


def with_state(one: OneUpload, state: UploadState, **change: Any) -> OneUpload:
    rows = tuple(replace(row, state=RowState.IN_UPLOAD) for row in one.rows)
    return replace(one, held=replace(one.held, state=state, **change), rows=rows, receipts=())


@pytest.mark.parametrize(
    ("state", "due", "codes"),
    [
        (UploadState.SENT, TODAY - timedelta(days=1), {Code.ANSWER_LATE}),
        (UploadState.SENT, TODAY, set()),
        (UploadState.SENT, None, set()),
        (UploadState.FROZEN, None, {Code.OWED_LATE}),
        (UploadState.DEAD, None, {Code.OWED_LATE}),
        (UploadState.ACKNOWLEDGED, None, {Code.RECEIPT_MISSING}),
    ],
)
def test_what_is_out_without_an_answer_is_late_after_its_day(
    state: UploadState, due: date | None, codes: set[Code]
) -> None:
    one = with_state(fair_upload(1, (True, True)), state, answer_due=due)
    report = reconcile([one], rest_of([one]))
    assert {found.code for found in report.differences} == codes


def test_what_is_only_prepared_has_no_package_to_miss() -> None:
    one = with_state(fair_upload(1, (True,)), UploadState.PREPARED, manifest="", snapshot="")
    rows = tuple(replace(row, row=None, due=TODAY) for row in one.rows)
    one = replace(one, sent=None, rows=rows)
    assert reconcile([one], Rest(cities=frozenset({CITY}), today=TODAY)).equal is True


def test_a_refused_row_may_be_owed_again_or_in_a_later_upload() -> None:
    one = fair_upload(1, (True, False))
    for change in (
        {"upload": "", "row": None, "state": RowState.OWED, "reason": ""},
        {"upload": "U00000002", "row": 1, "state": RowState.IN_UPLOAD, "reason": ""},
    ):
        moved = replace(one, rows=(one.rows[0], replace(one.rows[1], **change)))
        assert reconcile([moved], rest_of([moved])).differences == ()


def test_an_upload_given_back_as_a_whole_needs_no_receipt() -> None:
    one = with_state(fair_upload(1, (True, True)), UploadState.REFUSED)
    assert {found.code for found in reconcile([one], rest_of([one])).differences} == {
        Code.RECEIPT_MISSING
    }
    rows = tuple(replace(row, upload="", row=None, state=RowState.OWED) for row in one.rows)
    given = replace(one, rows=rows)
    assert reconcile([given], rest_of([given])).differences == ()


def test_what_is_in_no_upload_is_told() -> None:
    row = replace(fair_upload(1, (True,)).rows[0], upload="", row=None, state=RowState.OWED)
    stray = fair_upload(9, (True,)).receipts[0]
    rest = rest_of(
        [],
        loose=(row, replace(row, due=TODAY), replace(row, state=RowState.ACCEPTED)),
        unowed=(key_of(3, 3),),
        strays=(replace(stray, previous=""), replace(stray, previous="", digest="x", city="x")),
        faults=(Difference(code=Code.FILE_UNREADABLE, source="a.json"),),
    )
    report = reconcile([], rest)
    assert [one.code for one in report.differences] == [
        Code.FILE_UNREADABLE,
        Code.RECEIPT_UNKNOWN_UPLOAD,
        Code.RECEIPT_OTHER_CITY,
        Code.OWED_LATE,
        Code.ANSWER_WITHOUT_RECEIPT,
        Code.EVENT_NOT_OWED,
    ]
    assert report.equal is False


def test_a_gap_between_manifests_is_told() -> None:
    uploads = [fair_upload(number, (True,)) for number in (1, 2, 3)]
    rest = rest_of(uploads)
    one, _, three = rest.manifests
    report = reconcile(uploads, replace(rest, manifests=(one, three)))
    assert [(one.code, one.upload) for one in report.differences] == [
        (Code.MANIFEST_CHAIN, "U00000003")
    ]
