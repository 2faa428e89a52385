"""What the centre takes and refuses, and that its receipts say so once and for all."""

from __future__ import annotations

import hashlib
import io
import zipfile
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from keys.model import KeyState, Purpose
from registry.centre.cities import end_city, move_prefix, pass_over
from registry.centre.errors import PackageNotTaken
from registry.centre.store import (
    AuditLine,
    Certificate,
    Conflict,
    Judged,
    StoredReceipt,
    Submission,
    read_unit,
    write_unit,
)
from signing.report import Answer
from signing.tlog.entry import format_time, parse_time
from signing.upload.keycheck import judge_signer
from signing.upload.receipt import open_receipt
from signing.upload.rows import RowKind


def refused(province: Any, city: Any, data: bytes) -> tuple[str, bool]:
    """Hand a package in that gets no receipt; give code and `later`."""
    with pytest.raises(PackageNotTaken) as caught:
        province.take(city, data)
    return str(caught.value.why), caught.value.later


def move(province: Any, prefix: str, name: str) -> None:
    """Give an organisation to another city."""
    centre, now = province.centre, province.clock.now()
    with write_unit(centre.engine) as session:
        move_prefix(session, centre.home.cities, prefix, name, who="test", now=now)


def test_an_honest_package_gets_a_receipt_that_the_city_believes(
    province: Any, shizhou: Any
) -> None:
    rows = [shizhou.issue(serial) for serial in (1, 2, 3)]
    stored = province.take(shizhou, shizhou.package(*rows))
    signed = open_receipt(stored.envelope)
    receipt = signed.receipt
    answer, _ = judge_signer(
        signed.envelope,
        province.keys(),
        purpose=Purpose.RECEIPT,
        signed_at=parse_time(receipt.received),
        now=province.clock.now(),
    )
    assert answer is Answer.VALID
    assert (receipt.accepted, receipt.refused, receipt.previous) == (3, 0, "")
    assert (receipt.city, receipt.manifest) == (shizhou.origin, shizhou.previous)
    assert [row.number for row in receipt.rows] == [row.number for row in rows]
    assert province.count(Certificate) == 3


def test_the_same_package_again_gives_the_very_same_receipt(province: Any, shizhou: Any) -> None:
    data = shizhou.package(shizhou.issue(1))
    first = province.take(shizhou, data).envelope
    province.clock.moment += timedelta(days=30)
    province.add(shizhou, issued_at=province.clock.now(), state=KeyState.RETIRED)
    assert province.take(shizhou, data).envelope == first
    with write_unit(province.centre.engine) as session:
        end_city(session, "shizhou", who="test", now=province.clock.now())
    assert province.take(shizhou, data).envelope == first
    assert province.count(StoredReceipt) == 1


def test_receipts_of_a_city_are_chained(province: Any, shizhou: Any, lizhou: Any) -> None:
    first = province.take(shizhou, shizhou.package(shizhou.issue(1)))
    other = province.take(lizhou, lizhou.package(lizhou.issue(1)))
    second = province.take(shizhou, shizhou.package(shizhou.issue(2)))
    assert open_receipt(second.envelope).receipt.previous == first.digest
    assert open_receipt(other.envelope).receipt.previous == ""
    assert (first.place, second.place, other.place) == (1, 2, 1)


def test_new_then_corrected_then_withdrawn_in_one_package(province: Any, shizhou: Any) -> None:
    new = shizhou.issue(1)
    corrected = shizhou.correct(new)
    again = shizhou.correct(corrected, name="李示例")
    rows = (new, corrected, again, shizhou.withdraw(again))
    assert province.reasons(shizhou, *rows) == [""] * 4
    with read_unit(province.centre.engine) as session:
        held = session.get_one(Certificate, new.number)
        assert (held.edition, held.withdrawn) == (3, True)


def test_the_order_of_editions(province: Any, shizhou: Any) -> None:
    new, other = shizhou.issue(1), shizhou.issue(2)
    second = shizhou.correct(new)
    third = shizhou.correct(second)
    fourth = shizhou.correct(third, previous="0" * 64)
    alone = shizhou.correct(shizhou.issue(3))
    assert province.reasons(shizhou, other, second) == ["", "certificate-missing"]
    assert province.reasons(shizhou, new, third) == ["", "edition-missing"]
    assert province.reasons(shizhou, second, third, fourth, alone) == [
        "",
        "",
        "edition-other-previous",
        "certificate-missing",
    ]
    assert province.reasons(shizhou, second) == ["edition-old"]
    assert province.reasons(shizhou, third) == ["already-accepted"]
    ended = shizhou.withdraw(second)
    assert province.reasons(shizhou, ended) == ["edition-old"]
    ended = shizhou.withdraw(fourth)
    assert province.reasons(shizhou, ended) == ["edition-missing"]
    ended = shizhou.withdraw(third)
    assert province.reasons(shizhou, ended) == [""]
    assert province.reasons(shizhou, shizhou.withdraw(third)) == ["certificate-withdrawn"]
    assert province.reasons(shizhou, shizhou.correct(third)) == ["certificate-withdrawn"]
    assert province.reasons(shizhou, shizhou.withdraw(alone)) == ["certificate-missing"]


def test_another_record_under_an_accepted_number_is_refused(province: Any, shizhou: Any) -> None:
    new = shizhou.issue(1)
    assert province.reasons(shizhou, new) == [""]
    assert province.reasons(shizhou, shizhou.issue(1, name="李示例")) == ["number-differs"]
    other = shizhou.correct(new, edition=1, previous="", kind=RowKind.SUPPLEMENT)
    assert province.reasons(shizhou, other) == ["number-differs"]
    assert province.reasons(shizhou, shizhou.withdraw(other)) == ["number-differs"]
    late = shizhou.issue(9, kind=RowKind.SUPPLEMENT)
    assert province.reasons(shizhou, late) == [""]


def test_a_number_of_two_cities_stays_the_first_ones_and_is_listed(
    province: Any, shizhou: Any, lizhou: Any
) -> None:
    new = shizhou.issue(1)
    assert province.reasons(shizhou, new) == [""]
    lizhou.lists(shizhou.prefix)
    province.clock.moment += timedelta(minutes=1)
    province.add(lizhou, issued_at=province.clock.now())
    claim = lizhou.issue(1, prefix=shizhou.prefix)
    named = {"organisation": shizhou.prefix}
    assert province.reasons(lizhou, claim, **named) == ["number-other-city"]
    # Moved to the other city, the prefix is its own; the number stays what it was.
    move(province, shizhou.prefix, "lizhou")
    rows = [lizhou.issue(serial, prefix=shizhou.prefix) for serial in (1, 2, 1)]
    answers = ["number-other-city", "", "number-other-city"]
    assert province.reasons(lizhou, *rows, **named) == answers
    with read_unit(province.centre.engine) as session:
        assert session.get_one(Certificate, new.number).city == "shizhou"
        found = session.scalars(select(Conflict)).all()
    assert [(one.number, one.first_city, one.second_city) for one in found] == [
        (new.number, "shizhou", "lizhou")
    ]
    assert (found[0].upload, found[0].row) == ("U00000001", 1)


def test_after_a_move_the_first_city_still_corrects_and_withdraws_what_it_has(
    province: Any, shizhou: Any, lizhou: Any
) -> None:
    new, other = shizhou.issue(1), shizhou.issue(2)
    assert province.reasons(shizhou, new, other) == ["", ""]
    lizhou.lists(shizhou.prefix)
    province.clock.moment += timedelta(minutes=1)
    province.add(lizhou, issued_at=province.clock.now())
    move(province, shizhou.prefix, "lizhou")
    rows = [shizhou.correct(new), shizhou.withdraw(other), shizhou.issue(3)]
    assert province.reasons(shizhou, *rows) == ["", "", "prefix-other-city"]


def test_a_prefix_of_another_city_is_refused_in_every_row(
    province: Any, shizhou: Any, lizhou: Any
) -> None:
    lizhou.lists(shizhou.prefix)
    province.clock.moment += timedelta(minutes=1)
    province.add(lizhou, issued_at=province.clock.now())
    rows = [lizhou.issue(serial, prefix=shizhou.prefix) for serial in (7, 8)]
    named = {"organisation": shizhou.prefix}
    assert province.reasons(lizhou, *rows, **named) == ["prefix-other-city"] * 2
    assert province.count(Certificate) == 0


def test_a_prefix_that_the_centre_does_not_know_yet_may_come_again(
    province: Any, shizhou: Any
) -> None:
    shizhou.lists("Y000044999003")
    row = shizhou.issue(1, prefix="Y000044999003")
    named = {"organisation": "Y000044999003"}
    assert province.reasons(shizhou, row, **named) == ["later-prefix-unknown"]
    province.clock.moment += timedelta(minutes=1)
    province.add(shizhou, issued_at=province.clock.now())
    assert province.reasons(shizhou, row, **named) == [""]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"number": "Y000044999001263000000"}, "number-malformed"),
        ({"number": "Y000044999001253000001"}, "record-disagrees"),
        ({"issued": "2026-11-30"}, "later-record-in-future"),
        ({"level": "8", "number": "Y000044999001268000001"}, "code-unknown"),
    ],
)
def test_a_row_out_of_rule_is_refused_alone(
    province: Any, shizhou: Any, change: dict[str, str], reason: str
) -> None:
    bad, good = shizhou.issue(1, **change), shizhou.issue(2)
    assert province.reasons(shizhou, bad, good) == [reason, ""]


def test_a_number_of_another_province_is_refused(province: Any, make_city: Any) -> None:
    far = make_city("yuanzhou", "Y000023999001")
    province.add(far)
    assert province.reasons(far, far.issue(1)) == ["number-other-province"]


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        ({"id_type": "202", "kind": "新增", "level": "3"}, "code-differs"),
        ({"id_type": "201", "kind": "更正", "level": "3"}, "code-differs"),
        ({"colour": "1", "id_type": "201", "kind": "新增", "level": "3"}, "code-unknown"),
    ],
)
def test_codes_that_are_not_the_table_s(
    province: Any, shizhou: Any, codes: dict[str, str], reason: str
) -> None:
    row = msgspec.structs.replace(shizhou.issue(1), code=codes)
    assert province.reasons(shizhou, row) == [reason]


def test_a_false_range_proof_refuses_every_row_and_the_chain_goes_on(
    province: Any, shizhou: Any
) -> None:
    rows = [shizhou.issue(serial) for serial in (1, 2)]
    true = shizhou.ranges(rows)
    shizhou.issue(3)
    assert province.reasons(shizhou, *rows, ranges=true) == ["ranges-false"] * 2
    assert province.count(Certificate) == 0
    assert province.reasons(shizhou, *rows) == ["", ""]


def test_a_row_signed_by_nobody_is_refused_alone(province: Any, shizhou: Any) -> None:
    good, bad = shizhou.issue(1), shizhou.issue(2)
    bad = msgspec.structs.replace(bad, opening=bytes(32))
    assert province.reasons(shizhou, good, bad) == ["", "inclusion-commitment-differs"]


def test_a_gap_waits_and_is_filled(province: Any, shizhou: Any) -> None:
    one, two, three = (shizhou.package(shizhou.issue(serial)) for serial in (1, 2, 3))
    assert refused(province, shizhou, three) == ("sequence-gap", True)
    assert refused(province, shizhou, two) == ("sequence-gap", True)
    assert [province.take(shizhou, data).place for data in (one, two, three)] == [1, 2, 3]
    assert province.count(Certificate) == 3


def test_two_manifests_for_one_place(province: Any, shizhou: Any) -> None:
    province.take(shizhou, shizhou.package(shizhou.issue(1)))
    shizhou.sequence, shizhou.previous = 0, ""
    twin = shizhou.package(shizhou.issue(2))
    assert refused(province, shizhou, twin) == ("sequence-taken", False)
    following = shizhou.package(shizhou.issue(3))
    assert refused(province, shizhou, following) == ("previous-differs", False)
    # A person has asked, and lets the next one pass.
    with write_unit(province.centre.engine) as session:
        pass_over(session, "shizhou", who="test", now=province.clock.now())
    assert province.take(shizhou, following).place == 2
    gap = shizhou.package(shizhou.issue(4), sequence=9)
    assert refused(province, shizhou, gap) == ("sequence-gap", True)


def test_another_city_s_package_is_nobody_s_here(province: Any, shizhou: Any, lizhou: Any) -> None:
    data = shizhou.package(shizhou.issue(1))
    assert refused(province, lizhou, data) == ("manifest-other-city", False)
    assert province.take(shizhou, data).accepted == 1


def test_keys_that_are_over_or_unknown(province: Any, shizhou: Any, make_city: Any) -> None:
    data = shizhou.package(shizhou.issue(1))
    now = province.clock.now() + timedelta(minutes=1)
    revoked = {"state": KeyState.REVOKED, "revoked_at": now - timedelta(days=1)}
    province.add(shizhou, issued_at=now, **revoked)
    assert refused(province, shizhou, data) == ("signature-key-revoked", False)
    # Revoked after the manifest's own date: a thief may have written that date.
    thief = {"state": KeyState.REVOKED, "revoked_at": now}
    province.add(shizhou, issued_at=now, **thief)
    assert refused(province, shizhou, data) == ("signature-no-place", True)
    stranger = make_city("shizhou")
    stranger.upload_signer = make_city("lizhou").upload_signer
    assert refused(province, shizhou, stranger.package(stranger.issue(1))) == (
        "signature-unknown-key",
        True,
    )
    assert province.count(StoredReceipt) == 0
    assert province.count(Judged) == 0


def test_an_ended_city_is_taken_no_more(province: Any, shizhou: Any) -> None:
    with write_unit(province.centre.engine) as session:
        end_city(session, "shizhou", who="test", now=province.clock.now())
    assert refused(province, shizhou, shizhou.package(shizhou.issue(1))) == ("city-ended", False)


def test_files_spoilt_on_the_way_do_not_use_the_place_up(province: Any, shizhou: Any) -> None:
    row = shizhou.issue(1)
    spoilt = shizhou.package(row, spoil={"table.csv": b"other"})
    assert refused(province, shizhou, spoilt) == ("file-other-digest", False)
    shizhou.sequence, shizhou.previous = 0, ""
    assert province.take(shizhou, shizhou.package(row)).accepted == 1


def test_rows_that_never_read_are_refused_for_good_and_the_next_comes(
    province: Any, shizhou: Any
) -> None:
    row = shizhou.issue(1)
    lines = b"{}\n"
    facts = shizhou.manifest([row], lines)
    named = {"files": facts.files, "snapshot": facts.snapshot}
    bad = shizhou.package(row, spoil={"rows.jsonl": lines}, **named)
    assert refused(province, shizhou, bad) == ("rows-malformed", False)
    assert refused(province, shizhou, bad) == ("rows-malformed", False)
    assert province.take(shizhou, shizhou.package(row)).accepted == 1


def test_every_taking_leaves_one_audit_line(province: Any, shizhou: Any) -> None:
    before = province.count(AuditLine)
    data = shizhou.package(shizhou.issue(1))
    province.take(shizhou, data)
    province.take(shizhou, data)
    shizhou.sequence, shizhou.previous = 0, ""
    refused(province, shizhou, shizhou.package(shizhou.issue(2)))
    with read_unit(province.centre.engine) as session:
        lines = session.scalars(select(AuditLine).order_by(AuditLine.id)).all()[before:]
        states = {one.state for one in session.scalars(select(Submission))}
    assert [line.outcome for line in lines] == ["receipt 1: 1+0", "sequence-taken"]
    assert states == {"receipt", "refused"}
    assert {line.at for line in lines} == {format_time(province.clock.now())}


@given(st.data())
@settings(max_examples=40)
def test_a_package_cut_off_or_changed_anywhere_gets_nothing(
    province: Any, shizhou: Any, data: st.DataObject
) -> None:
    if not hasattr(province, "whole"):
        rows = [shizhou.issue(serial) for serial in (1, 2, 3)]
        province.whole = shizhou.package(*rows)
    whole: bytes = province.whole
    at = data.draw(st.integers(0, len(whole) - 1))
    spoilt = whole[:at]
    if data.draw(st.booleans()):
        flipped = bytearray(whole)
        flipped[at] ^= data.draw(st.integers(1, 255))
        spoilt = bytes(flipped)
    code, _ = refused(province, shizhou, spoilt)
    assert code in {"container-malformed", "file-other-digest", "manifest-malformed"}
    assert (province.count(StoredReceipt), province.count(Judged)) == (0, 0)


def test_the_same_manifest_in_other_bytes_is_the_same_package(province: Any, shizhou: Any) -> None:
    data = shizhou.package(*[shizhou.issue(serial) for serial in range(1, 9)])
    first = province.take(shizhou, data).envelope
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            new.writestr(info, old.read(info.filename), compresslevel=1)
    other = out.getvalue()
    assert hashlib.sha256(other).digest() != hashlib.sha256(data).digest()
    assert province.take(shizhou, other).envelope == first
    assert province.count(StoredReceipt) == 1
