"""Rows, manifests and receipts: one way to write each, and nothing else is read."""

from __future__ import annotations

import io
import json
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keys.model import Purpose
from signing.canonical import encode
from signing.envelope import to_json
from signing.upload.errors import MalformedManifest, MalformedReceipt, MalformedUploadRow
from signing.upload.manifest import (
    Range,
    open_manifest,
    parse_manifest,
    sign_manifest,
)
from signing.upload.receipt import (
    Receipt,
    ReceiptRow,
    open_receipt,
    parse_receipt,
    sign_receipt,
)
from signing.upload.rows import (
    MAX_ROW_BYTES,
    MAX_ROWS,
    Row,
    RowKind,
    encode_row,
    parse_row,
    read_rows,
)


def plain(value: Any) -> Any:
    return json.loads(encode(value))


def test_rows_are_canonical_and_read_back(city: Any) -> None:
    for row in city.rows:
        line = encode_row(row)
        assert line == rfc8785.dumps(plain(row)) + b"\n"
        assert parse_row(line) == row
    names = list(plain(city.rows[0]))
    assert names == [n for n in Row.__struct_fields__ if n != "issued"]
    assert list(plain(city.rows[3])) == list(Row.__struct_fields__)


def spoiled(value: Any, change: Any) -> bytes:
    """Give an object's bytes after a change to its members, canonical again."""
    members = plain(value)
    change(members)
    return rfc8785.dumps(members)


ROW_CHANGES = [
    lambda row: row.update(extra=1),
    lambda row: row.pop("opening"),
    lambda row: row.update(row="1"),
    lambda row: row.update(row=0),
    lambda row: row.update(row=MAX_ROWS + 1),
    lambda row: row.update(index=-1),
    lambda row: row.update(edition=0),
    lambda row: row.update(kind="新增 "),
    lambda row: row.update(kind="注销"),
    lambda row: row.update(number="Y00004499900126300000１"),
    lambda row: row.update(opening="AAAA"),
    lambda row: row.update(opening=row["opening"].rstrip("=")),
    lambda row: row.update(entry=""),
    lambda row: row.update(reason="Fraud"),
    lambda row: row.update(reason=None),
    lambda row: row.update(code={"kind": ""}),
    lambda row: row.update(code={"类": "x"}),
    lambda row: row.update(kind="撤销"),
    lambda row: row.update(issued={"entry": "AAAA", "index": 0}),
    lambda row: row["record"].update(signatures=[]),
    lambda row: row["record"].update(signatures=row["record"]["signatures"] * 2),
]


@pytest.mark.parametrize("change", ROW_CHANGES)
def test_a_row_out_of_form_is_refused(city: Any, change: Any) -> None:
    with pytest.raises(MalformedUploadRow):
        parse_row(spoiled(city.rows[0], change) + b"\n")


def test_a_withdrawal_names_an_earlier_issue(city: Any) -> None:
    row = city.rows[3]
    with pytest.raises(MalformedUploadRow):
        parse_row(spoiled(row, lambda row: row.pop("issued")) + b"\n")
    late = lambda row: row["issued"].update(index=row["index"])  # noqa: E731
    with pytest.raises(MalformedUploadRow, match="before the issue"):
        parse_row(spoiled(row, late) + b"\n")


def test_other_ways_to_write_a_row_are_refused(city: Any) -> None:
    line = encode_row(city.rows[0])
    members = json.loads(line)
    order = json.dumps(dict(reversed(members.items())), ensure_ascii=False, separators=(",", ":"))
    others = [
        line[:-1],
        line[:-1] + b"\r\n",
        b" " + line,
        line.replace(b'":', b'": ', 1),
        order.encode() + b"\n",
        line.replace("新增".encode(), b"\\u65b0\\u589e"),
        line.replace(b'"row":1', b'"row":1.0'),
        line.replace(b'"index":1', b'"index":9007199254740992'),
        line.replace(b'{"code"', b'{"edition":1,"code"'),
        line.replace(b'{"id_type":"201",', b'{"level":"3","id_type":"201",', 1),
    ]
    for other in others:
        assert other != line
        with pytest.raises(MalformedUploadRow):
            parse_row(other)


def test_codes_stand_in_order(city: Any) -> None:
    row = replace(city.rows[0], code={"kind": "新增", "id_type": "201"})
    with pytest.raises(MalformedUploadRow, match="order"):
        encode_row(row)
    with pytest.raises(MalformedUploadRow, match="order"):
        parse_row(encode(row) + b"\n")


def test_a_row_that_is_too_long_is_neither_written_nor_read(city: Any) -> None:
    codes = {f"c{n:04}": "码" * 64 for n in range(200)}
    row = replace(city.rows[0], code=codes)
    with pytest.raises(MalformedUploadRow, match="longer"):
        encode_row(row)
    with pytest.raises(MalformedUploadRow, match="line 1"):
        list(read_rows(io.BytesIO(encode(row) + b"\n")))
    endless = io.BytesIO(b"x" * (10 * MAX_ROW_BYTES))
    with pytest.raises(MalformedUploadRow, match="line 1"):
        list(read_rows(endless))
    assert endless.tell() <= MAX_ROW_BYTES + 1


def test_rows_count_from_one_in_the_log_s_order(city: Any) -> None:
    lines = [encode_row(row) for row in city.rows]
    assert list(read_rows(io.BytesIO(b"".join(lines)))) == city.rows
    moved = [encode_row(replace(row, row=n)) for n, row in enumerate(reversed(city.rows), 1)]
    for wrong, what in (
        (lines[1:], "line 1: the row has another number"),
        ([lines[0], lines[2]], "line 2: the row has another number"),
        ([*lines, lines[3]], "line 5: the row has another number"),
        (moved, "line 2: the row is not in the log's order"),
        ([*lines, b"\n"], "line 5"),
        ([lines[0][:-1]], "line 1"),
    ):
        with pytest.raises(MalformedUploadRow, match=what):
            list(read_rows(io.BytesIO(b"".join(wrong))))


def test_the_manifest_is_canonical_and_reads_back(city: Any) -> None:
    manifest = city.manifest()
    signed = sign_manifest(manifest, city.signer)
    assert signed.payload == rfc8785.dumps(plain(manifest))
    opened = open_manifest(to_json(signed))
    assert (opened.manifest, opened.envelope) == (manifest, signed)
    assert list(plain(manifest)["counts"]) == ["撤销", "新增", "更正", "补录"]


def _touching(manifest: dict[str, Any]) -> None:
    first = manifest["ranges"][0]
    half = dict(first, end=first["first"] + 1)
    manifest["ranges"][0:1] = [half, dict(first, first=half["end"])]


MANIFEST_CHANGES = [
    lambda m: m.update(extra=1),
    lambda m: m.pop("previous"),
    lambda m: m.update(v=2),
    lambda m: m.update(batch="批次"),
    lambda m: m.update(batch="a b"),
    lambda m: m.update(batch="x" * 65),
    lambda m: m.update(upload="U1"),
    lambda m: m.update(created="2026-11-24T25:00:00Z"),
    lambda m: m.update(created="2026-11-24 01:30:00"),
    lambda m: m.update(organisation="Y00004499900"),
    lambda m: m.update(previous="00" * 32),
    lambda m: m.update(sequence=2),
    lambda m: m.update(sequence=0),
    lambda m: m.update(snapshot="00" * 32),
    lambda m: m.update(rows=5),
    lambda m: m.update(ranges=[]),
    lambda m: m["ranges"].reverse(),
    lambda m: m["ranges"].append(m["ranges"][-1]),
    lambda m: m["ranges"][0].update(end=m["ranges"][0]["first"]),
    lambda m: m["ranges"][0].update(end=m["ranges"][0]["end"] + 90, first=0),
    lambda m: m["ranges"][0].update(root="0" * 63),
    lambda m: m["ranges"][0].update(proof=["zz" * 32]),
    lambda m: m["counts"].update(新增=4),
    lambda m: m["counts"].pop("补录"),
    lambda m: m["files"].pop("summary.pdf"),
    lambda m: m["files"].update({"x": {"sha256": "00" * 32, "size": 1}}),
    lambda m: m["files"]["table.csv"].update(size=-1),
    _touching,
]


@pytest.mark.parametrize("change", MANIFEST_CHANGES)
def test_a_manifest_out_of_form_is_refused(city: Any, change: Any) -> None:
    with pytest.raises(MalformedManifest):
        parse_manifest(spoiled(city.manifest(), change))


def test_a_manifest_is_signed_only_if_readers_take_it(city: Any, make_signer: Any) -> None:
    with pytest.raises(MalformedManifest, match="another key"):
        sign_manifest(city.manifest(), make_signer(10, Purpose.UPLOAD, "office"))
    empty = Range(end=1, first=1, proof=(), root="00" * 32)
    with pytest.raises(MalformedManifest, match="empty"):
        sign_manifest(city.manifest(ranges=(empty,)), city.signer)


def test_a_manifest_signed_by_another_key_than_it_names(city: Any, make_signer: Any) -> None:
    other = make_signer(10, Purpose.UPLOAD, "office")
    signed = sign_manifest(city.manifest(), city.signer)
    moved = replace(signed, key_id=other.info.key_id)
    with pytest.raises(MalformedManifest, match="another key"):
        open_manifest(to_json(moved))


@given(st.binary(max_size=300))
def test_no_bytes_make_a_reader_stumble(data: bytes) -> None:
    for read, error in (
        (parse_manifest, MalformedManifest),
        (open_manifest, MalformedManifest),
        (parse_receipt, MalformedReceipt),
        (open_receipt, MalformedReceipt),
        (parse_row, MalformedUploadRow),
    ):
        with pytest.raises(error):
            read(data)


@given(st.data())
def test_a_manifest_with_any_one_byte_changed_is_another_or_none(city: Any, data: Any) -> None:
    payload = sign_manifest(city.manifest(), city.signer).payload
    at = data.draw(st.integers(0, len(payload) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda n: n != payload[at]))
    changed = payload[:at] + bytes([byte]) + payload[at + 1 :]
    try:
        found = parse_manifest(changed)
    except MalformedManifest:
        return
    assert found != city.manifest()
    assert encode(found) == changed


def receipt(city: Any, **change: Any) -> Receipt:
    rows = tuple(
        ReceiptRow(
            accepted=row.row != 2,
            edition=row.edition,
            kind=RowKind(row.kind),
            number=row.number,
            reason="" if row.row != 2 else "number-taken",
            row=row.row,
        )
        for row in city.rows
    )
    usual: dict[str, Any] = {
        "accepted": 3,
        "batch": "GD-2026-0001",
        "centre": "广东省职业技能服务指导中心（样例）",
        "city": city.trust.log_origin,
        "manifest": "ab" * 32,
        "previous": "",
        "received": "2026-11-25T01:00:00Z",
        "refused": 1,
        "rows": rows,
        "snapshot": city.manifest().snapshot,
        "upload": "U00000001",
    }
    return Receipt(**usual | change)


@pytest.fixture
def centre(make_signer: Any) -> Any:
    return make_signer(11, Purpose.UPLOAD, "office")


def test_the_receipt_is_canonical_and_reads_back(city: Any, centre: Any) -> None:
    signed = sign_receipt(receipt(city), centre)
    assert signed.payload == rfc8785.dumps(plain(receipt(city)))
    opened = open_receipt(to_json(signed))
    assert (opened.receipt, opened.envelope) == (receipt(city), signed)


RECEIPT_CHANGES = [
    lambda r: r.update(extra=1),
    lambda r: r.update(accepted=4, refused=0),
    lambda r: r.update(received="2026-02-30T00:00:00Z"),
    lambda r: r.update(centre=" 省中心"),
    lambda r: r.update(centre="省\u202e中心"),
    lambda r: r.update(rows=[]),
    lambda r: r["rows"].reverse(),
    lambda r: r["rows"].pop(0),
    lambda r: r["rows"][0].update(reason="x"),
    lambda r: r["rows"][1].update(reason=""),
    lambda r: r["rows"][0].update(accepted=1),
    lambda r: r.update(previous="x"),
]


@pytest.mark.parametrize("change", RECEIPT_CHANGES)
def test_a_receipt_out_of_form_is_refused(city: Any, change: Any) -> None:
    with pytest.raises(MalformedReceipt):
        parse_receipt(spoiled(receipt(city), change))


def test_a_manifest_is_no_receipt_and_the_other_way_round(city: Any, centre: Any) -> None:
    with pytest.raises(MalformedReceipt):
        open_receipt(to_json(sign_manifest(city.manifest(), city.signer)))
    with pytest.raises(MalformedManifest):
        open_manifest(to_json(sign_receipt(receipt(city), centre)))
    with pytest.raises(MalformedReceipt):
        sign_receipt(receipt(city, accepted=4), centre)


def test_every_struct_s_members_stand_in_order() -> None:
    for kind in (Row, Receipt, ReceiptRow, Range):
        names = [field.encode_name for field in msgspec.structs.fields(kind)]
        assert names == sorted(names), kind
