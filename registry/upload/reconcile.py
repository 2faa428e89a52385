"""Reconciliation (对账): registry, uploads and receipts against each other, both ways.

Three sides tell of the same rows: what the registry says now, the bytes that went out, and what
the centre signed. Each row must stand on every side that can have it, once, with the same record
and the same answer. Nothing here reads a file or a clock. What could not be read is a finding of
its own (cannot say) and is never taken for equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from registry.store.outbox import RowState
from registry.store.uploads import UploadState
from registry.upload.reconcile_sides import (
    Answered,
    Difference,
    HeldRow,
    HeldUpload,
    OneUpload,
    ReceiptCopy,
    Report,
    Rest,
    SentRow,
    SentUpload,
)
from registry.upload.reconcile_words import Code

_OUT: Final = frozenset(
    {UploadState.SENT, UploadState.ACKNOWLEDGED, UploadState.REFUSED, UploadState.SENDING}
)
_ANSWERED: Final = frozenset({RowState.ACCEPTED, RowState.REFUSED})


def reconcile(uploads: Iterable[OneUpload], rest: Rest) -> Report:
    """Compare all sides; ``uploads`` may be made while it is read, one is held at a time."""
    found = list(rest.faults)
    count, rows = 0, len(rest.loose)
    receipts: dict[str, tuple[str, str, str]] = {}
    for one in uploads:
        found += compare(one, rest.today)
        count += 1
        rows += len(one.rows)
        receipts |= {
            item.digest: (item.previous, item.upload, item.source) for item in one.receipts
        }
    for stray in rest.strays:
        if stray.city not in rest.cities:
            found.append(_of_receipt(Code.RECEIPT_OTHER_CITY, stray, got=stray.city))
            continue
        receipts[stray.digest] = (stray.previous, stray.upload, stray.source)
        found.append(_of_receipt(Code.RECEIPT_UNKNOWN_UPLOAD, stray, got=stray.upload))
    found += [
        Difference(code=Code.OWED_LATE, key=row.key, held=str(row.due))
        for row in rest.loose
        if row.state is RowState.OWED and row.due is not None and row.due < rest.today
    ]
    found += [
        Difference(code=Code.ANSWER_WITHOUT_RECEIPT, key=row.key, held=row.state.value)
        for row in rest.loose
        if row.state in _ANSWERED
    ]
    found += [Difference(code=Code.EVENT_NOT_OWED, key=key) for key in rest.unowed]
    found += _manifest_chain(rest.manifests)
    found += _receipt_chain(receipts)
    return Report(differences=tuple(found), uploads=count, rows=rows, receipts=len(receipts))


def compare(one: OneUpload, today: date) -> Iterator[Difference]:
    """Compare the sides of one upload."""
    held = one.held
    own = [row for row in one.rows if row.upload == held.upload]
    receipt = next((item for item in one.receipts if item.imported), None)
    receipt = receipt or next(iter(one.receipts), None)
    if one.sent is None:
        if held.manifest:
            yield Difference(code=Code.PACKAGE_UNREADABLE, upload=held.upload)
            sent = tuple(
                SentRow(row=row.row, key=row.key, record=row.record)
                for row in own
                if row.row is not None
            )
        else:
            # Not frozen yet: its rows are chosen and nothing has gone out.
            sent = ()
    else:
        sent = one.sent.rows
        yield from _bytes(held, one.sent)
        yield from _rows(one, one.sent, receipt)
    yield from _receipts(one)
    if receipt is not None:
        yield from _answers(held, sent, receipt)
        yield from _states(one, receipt)
    else:
        yield from _unanswered(held, own, today)


def _bytes(held: HeldUpload, sent: SentUpload) -> Iterator[Difference]:
    pairs = (
        (Code.SNAPSHOT_DIFFERS, held.snapshot, sent.snapshot),
        (Code.MANIFEST_DIFFERS, held.manifest, sent.manifest),
    )
    for code, ours, theirs in pairs:
        if ours != theirs:
            yield Difference(code=code, upload=held.upload, held=ours, got=theirs)
    # A receipt may give the number for the first time: then the manifest has none.
    if sent.batch and sent.batch != held.batch:
        yield Difference(
            code=Code.BATCH_DIFFERS, upload=held.upload, held=held.batch, got=sent.batch
        )


def _rows(one: OneUpload, sent: SentUpload, receipt: ReceiptCopy | None) -> Iterator[Difference]:
    upload = one.held.upload
    held = {row.key: row for row in one.rows}
    refused = {row.key for row in receipt.rows if not row.accepted} if receipt else set()
    whole = one.held.state in {UploadState.REFUSED, UploadState.DEAD}
    for row in sent.rows:
        ours = held.pop(row.key, None)
        if ours is None:
            yield _of_row(Code.ROW_NOT_HELD, upload, row)
            continue
        if not ours.record:
            yield _of_row(Code.RECORD_UNREADABLE, upload, row)
        elif ours.record != row.record:
            yield _of_row(Code.RECORD_DIFFERS, upload, row, held=ours.record, got=row.record)
        if ours.upload != upload:
            # Refused rows are owed again by a clerk's decision; others never leave their upload.
            if row.key not in refused and not whole:
                where = ours.upload or ours.state.value
                yield _of_row(Code.ROW_ELSEWHERE, upload, row, held=where, got=upload)
        elif ours.row != row.row:
            values = str(ours.row), str(row.row)
            yield _of_row(Code.ROW_NUMBER, upload, row, held=values[0], got=values[1])
    for ours in held.values():
        if ours.upload == upload:
            yield _of_row(Code.ROW_NOT_SENT, upload, ours)


def _receipts(one: OneUpload) -> Iterator[Difference]:
    held = one.held
    for item in one.receipts:
        if not item.source:
            yield _of_receipt(Code.RECEIPT_NOT_GIVEN, item, got=item.digest)
        if not item.imported:
            yield _of_receipt(Code.RECEIPT_NOT_IMPORTED, item, got=item.digest)
        values = (
            (Code.RECEIPT_OTHER_CITY, held.city, item.city),
            (Code.RECEIPT_MANIFEST, held.manifest, item.manifest),
            (Code.RECEIPT_SNAPSHOT, held.snapshot, item.snapshot),
            (Code.RECEIPT_BATCH, held.batch, item.batch if held.batch else ""),
        )
        for code, ours, theirs in values:
            if ours != theirs:
                yield _of_receipt(code, item, held=ours, got=theirs)
    if len(one.receipts) > 1:
        digests = ", ".join(item.digest for item in one.receipts)
        yield Difference(code=Code.RECEIPT_TWICE, upload=held.upload, got=digests)


def _answers(
    held: HeldUpload, sent: Sequence[SentRow], receipt: ReceiptCopy
) -> Iterator[Difference]:
    answers = {row.key: row for row in receipt.rows}
    if len(answers) != len(receipt.rows):
        yield _of_receipt(Code.ANSWERED_TWICE, receipt)
    for row in sent:
        answer = answers.pop(row.key, None)
        if answer is None:
            yield _of_row(Code.ROW_NOT_ANSWERED, held.upload, row, source=receipt.source)
        elif answer.row != row.row:
            yield _of_row(
                Code.ANSWER_ROW_NUMBER,
                held.upload,
                row,
                source=receipt.source,
                held=str(row.row),
                got=str(answer.row),
            )
    for answer in answers.values():
        yield _of_row(Code.ANSWER_UNKNOWN_ROW, held.upload, answer, source=receipt.source)


def _states(one: OneUpload, receipt: ReceiptCopy) -> Iterator[Difference]:
    """Compare what the registry made of the receipt; nothing yet, where it is not imported."""
    if not receipt.imported:
        return
    answers = {row.key: row for row in receipt.rows}
    for row in one.rows:
        answer = answers.get(row.key)
        if row.upload != one.held.upload or answer is None or row.state is RowState.WITHDRAWN:
            continue
        got = "accepted" if answer.accepted else f"refused {answer.reason}"
        said = f"{row.state.value} {row.reason}".strip()
        if got != said:
            yield _of_row(
                Code.ANSWER_DIFFERS,
                one.held.upload,
                row,
                source=receipt.source,
                held=said,
                got=got,
            )


def _unanswered(held: HeldUpload, own: Sequence[HeldRow], today: date) -> Iterator[Difference]:
    for row in own:
        if row.state in _ANSWERED:
            code = Code.ANSWER_WITHOUT_RECEIPT
            yield _of_row(code, held.upload, row, held=row.state.value)
    if held.state is UploadState.REFUSED and not own:
        # Refused as a whole, without a receipt, and all its rows given back to what is owed.
        return
    if held.state in {UploadState.ACKNOWLEDGED, UploadState.REFUSED}:
        yield Difference(code=Code.RECEIPT_MISSING, upload=held.upload, held=held.state.value)
    elif held.state in _OUT and held.answer_due is not None and held.answer_due < today:
        yield Difference(code=Code.ANSWER_LATE, upload=held.upload, held=str(held.answer_due))
    elif held.state not in _OUT:
        for row in own:
            if row.state not in _ANSWERED and row.due is not None and row.due < today:
                yield _of_row(Code.OWED_LATE, held.upload, row, held=str(row.due))


def _manifest_chain(manifests: Sequence[tuple[str, str, str]]) -> Iterator[Difference]:
    before = ""
    for upload, digest, previous in manifests:
        if previous != before:
            yield Difference(code=Code.MANIFEST_CHAIN, upload=upload, held=before, got=previous)
        before = digest


def _receipt_chain(receipts: Mapping[str, tuple[str, str, str]]) -> Iterator[Difference]:
    following: dict[str, str] = {}
    for digest, (previous, upload, source) in receipts.items():
        if previous and previous not in receipts:
            yield Difference(
                code=Code.RECEIPT_BEFORE_MISSING, upload=upload, source=source, got=previous
            )
        if previous in following:
            yield Difference(
                code=Code.RECEIPT_FORK,
                upload=upload,
                source=source,
                held=following[previous],
                got=digest,
            )
        following[previous] = digest


def _of_receipt(code: Code, item: ReceiptCopy, *, held: str = "", got: str = "") -> Difference:
    return Difference(code=code, upload=item.upload, source=item.source, held=held, got=got)


def _of_row(
    code: Code,
    upload: str,
    row: HeldRow | SentRow | Answered,
    *,
    source: str = "",
    held: str = "",
    got: str = "",
) -> Difference:
    return Difference(
        code=code, upload=upload, source=source, row=row.row, key=row.key, held=held, got=got
    )
