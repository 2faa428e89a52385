"""Existing certificates in the registry: their own numbers, import leaves, counters, editions."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest

from keys.model import KeyState
from keys.signer import software_signer
from registry.errors import NotFound, Refused
from registry.ledger.monitor.replay import Replay
from registry.ledger.succession import serials_given
from registry.office.certificates import open_certificate
from registry.office.chain import chain_of_number
from registry.office.importing import import_directly
from registry.office.issuer_keys import KeyNotActive, end_key
from registry.office.reasons import Reason
from registry.office.reissuing import reissue
from registry.office.sealing import SigningFault
from registry.rules.findings import Fault, FindingCode
from registry.store.audit import AuditLine
from registry.store.base import read_unit, write_unit
from registry.store.certificates import Batch, Certificate, CertificateState
from registry.store.imports import CertificateImport, ImportEvent
from registry.store.outbox import UploadRow
from registry.store.registers import Occupation
from signing.record import commitment
from signing.tlog.entry import BatchClose, Import, Issue, imported_on, parse_entry
from signing.tlog.merkle import leaf_hashes, root_of

HEAD = "Y000044999001213"


def seen_by_monitor(entries: Sequence[bytes]) -> list[str]:
    found = Replay().take(0, entries, leaf_hashes(entries))
    return [f"{one.kind}: {one.what}" for one in found]


def test_each_row_becomes_a_signed_certificate_under_its_own_number(
    office: Any, importing: Any
) -> None:
    rows = importing.rows([7, 120, 3], assessor="深圳市示例旧名有限公司")
    done = importing.run(rows)
    assert (done.batch_id, done.count) == ("Y000044999001-20261123-0001", 3)
    assert done.ranges == ((f"{HEAD}000003", f"{HEAD}000120"),)
    found = [open_certificate(row, office.context) for row in office.rows(Certificate)]
    assert [one.record.number for one in found] == [row.number for row in rows]
    for row, opened in zip(rows, found, strict=True):
        record = opened.record
        assert (record.edition, record.previous, record.prefix) == (1, "", office.prefix)
        assert (record.issued, record.issuer) == ("2021-06-30", "深圳市示例旧名有限公司")
        assert (record.name, record.id_number) == (row.candidate.name, row.candidate.id_number)
        assert opened.row.state == CertificateState.VALID
    assert [(row.kind, row.batch_id) for row in office.rows(UploadRow)] == [
        ("补录", done.batch_id)
    ] * 3
    (line,) = [one for one in office.rows(AuditLine) if one.action.startswith("import")]
    assert (line.action, line.subject) == ("import-direct", "I-2026-0001")
    (kept,) = office.rows(CertificateImport)
    assert (kept.state, kept.batch_id) == ("carried-out", done.batch_id)
    assert office.contents()["imports"][0][-1] == b""
    assert [(one.event, one.actor) for one in office.rows(ImportEvent)] == [("carry-out", "system")]


def test_the_log_says_that_they_were_imported(office: Any, importing: Any) -> None:
    importing.run(importing.rows([7, 120, 3]))
    office.run()
    entries = office.entries()
    leaves = [parse_entry(entry) for entry in entries]
    found = [leaf for leaf in leaves if isinstance(leaf, Issue)]
    assert [type(leaf) for leaf in found] == [Import] * 3
    assert {imported_on(leaf) for leaf in found} == {date(2026, 11, 23)}
    for leaf, row in zip(found, office.rows(Certificate), strict=True):
        opened = open_certificate(row, office.context)
        assert leaf.commit == commitment(opened.opening, opened.envelope.payload).hex()
        assert leaf.status == row.status_index
    (close,) = [leaf for leaf in leaves if isinstance(leaf, BatchClose)]
    assert (close.count, close.filing) == (3, "I-2026-0001")
    assert close.root == root_of(leaf_hashes(entries[close.first : close.last + 1])).hex()
    assert office.fsck().faults == ()
    assert seen_by_monitor(entries) == []


def test_an_old_reader_of_the_log_says_nothing_about_them(
    office: Any, importing: Any, monkeypatch: Any
) -> None:
    """A table of decoders from before the kind: the leaf is none that it can read."""
    from signing.errors import MalformedEntry
    from signing.tlog import entry

    importing.run(importing.rows([1]))
    office.run()
    leaf = next(one for one in office.entries() if b'"t":"import"' in one)
    assert isinstance(parse_entry(leaf), Import)
    monkeypatch.delitem(entry._DECODERS, "import")
    with pytest.raises(MalformedEntry):
        parse_entry(leaf)


def test_numbers_go_on_above_the_highest_imported_one(office: Any, importing: Any) -> None:
    importing.run(importing.rows([7, 120]))
    new = office.people(2, level="3", issued=date(2021, 12, 1))
    assert office.issue(new).ranges == ((f"{HEAD}000121", f"{HEAD}000122"),)
    # Below what was minted, a number that nobody has is still free, and moves nothing.
    importing.run(importing.rows([50], offset=310))
    later = office.people(1, offset=20, level="3", issued=date(2021, 12, 2))
    assert office.issue(later).ranges == ((f"{HEAD}000123", f"{HEAD}000123"),)
    office.run()
    assert office.fsck().faults == ()
    assert seen_by_monitor(office.entries()) == []
    given = serials_given(iter(office.entries()))
    assert given["number:Y000044999001:2021:3"] == 123
    assert given["batch:Y000044999001:2026"] == 4


def test_other_years_and_levels_are_left_alone(office: Any, importing: Any) -> None:
    importing.run(importing.rows([900_000]))
    other = office.people(1, level="4", issued=date(2021, 12, 1))
    assert office.issue(other).ranges[0][0] == "Y000044999001214000001"
    other = office.people(1, offset=9, level="3", issued=date(2022, 12, 1))
    assert office.issue(other).ranges[0][0] == "Y000044999001223000001"


def test_a_number_that_is_held_is_refused(office: Any, importing: Any) -> None:
    office.issue(office.people(2, level="3", issued=date(2021, 12, 1)))
    found = importing.findings(importing.rows([2, 3]))
    assert ("number-held", 2, "number") in found
    assert len([one for one in found if one[0] == "number-held"]) == 1
    # A number is never given again, also after its certificate was revoked.
    office.revoke(f"{HEAD}000002")
    assert ("number-held", 2, "number") in importing.findings(importing.rows([2]))


def test_a_person_who_holds_it_is_refused(office: Any, importing: Any) -> None:
    importing.run(importing.rows([7]))
    again = importing.rows([8])
    assert ("already-held", 2, "id_number") in importing.findings(again)
    renamed = importing.rows([8], level="4", name="另一示例")
    assert ("person-on-file-other-name", 2, "name") in importing.findings(renamed)


def test_two_rows_of_one_person_are_stopped_by_the_database_too(
    office: Any, importing: Any
) -> None:
    before = office.contents()
    with pytest.raises(Refused, match="already holds") as refused:
        importing.run([*importing.rows([1]), *importing.rows([2])])
    assert refused.value.__suppress_context__
    assert office.contents() == before


def test_the_catalogue_is_asked_where_there_is_one(office: Any, importing: Any) -> None:
    rows = importing.rows([1, 2])
    assert importing.checked(rows).acceptable
    with write_unit(office.engine) as session:
        for edition, levels in ((2015, "54"), (2022, "5")):
            session.add(
                Occupation(
                    edition=edition, code=rows[0].candidate.occupation_code, name="示例",
                    directions="", levels=levels, national=False,
                )
            )  # fmt: skip
    found = importing.findings(rows)
    assert ("level-unlisted", 2, "level") in found
    assert ("occupation-unlisted", 3, "occupation_code") in found


def test_without_a_catalogue_it_says_that_nothing_was_compared(importing: Any) -> None:
    importing.run(importing.rows([1]))
    assert ("catalogue-absent", None, None) in importing.findings(importing.rows([1], offset=9))


def test_a_jump_of_this_years_numbers_is_told(office: Any, importing: Any) -> None:
    rows = importing.rows([1, 5], issued=date(2026, 5, 1))
    checked = importing.checked(rows)
    with write_unit(office.engine) as session:
        from registry.office.importing import preview

        preview(session, checked, today=importing.tools().today, context=office.context)
    (jump,) = [one for one in checked.findings.listed if one.code.value == "number-jump"]
    assert jump.facts == {"year": "2026", "level": "3", "number": "000006", "count": "3"}
    assert checked.acceptable


def test_the_same_table_twice_is_recognised(office: Any, importing: Any) -> None:
    rows = importing.rows([7, 120])
    first = importing.run(rows)
    before = office.contents()
    again = importing.run(rows)
    assert again == replace(first, recognised=True)
    assert office.contents() == before


def test_a_table_with_a_fault_is_not_taken_for_the_one_without(office: Any, importing: Any) -> None:
    """The digest is over the faultless rows: with a faulty one more it is the same."""
    rows = importing.rows([7, 120])
    importing.run(rows)
    checked = importing.checked(rows)
    checked.values.add(Fault(code=FindingCode.VALUE_MISSING), row=4, column="name")
    with write_unit(office.engine) as session:
        assert import_directly(session, checked, importing.tools()) is None


def test_two_imports_at_once_leave_one(office: Any, importing: Any) -> None:
    """The same numbers in two tables: the second waits for the first, and finds them held."""
    tables = [importing.rows([1, 2, 3]), importing.rows([3, 4, 5], offset=400)]
    gate = Barrier(2)

    def run(rows: Any) -> Any:
        gate.wait()
        return importing.run(rows)

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(run, tables))
    assert sorted(one is None for one in done) == [False, True]
    numbers = [row.number for row in office.rows(Certificate)]
    assert len(numbers) == len(set(numbers)) == 3


def test_an_issue_at_the_same_time_mints_none_of_the_numbers(office: Any, importing: Any) -> None:
    gate = Barrier(2)
    people = office.people(3, level="3", issued=date(2021, 12, 1))

    def issue() -> Any:
        gate.wait()
        return office.issue(people)

    def imported() -> Any:
        gate.wait()
        return importing.run(importing.rows([2, 3, 9]))

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(issue), pool.submit(imported)]
        done = [job.result() for job in jobs]
    numbers = [row.number for row in office.rows(Certificate)]
    assert len(numbers) == len(set(numbers)) == (6 if done[1] else 3)


def test_later_editions_say_it_too(office: Any, importing: Any) -> None:
    """A correction or reissue must not wash off that the certificate was imported."""
    importing.run(importing.rows([7, 8]))
    office.issue(office.people(1))
    office.correct(f"{HEAD}000007", {"direction": "设备维修"})
    with write_unit(office.engine) as session:
        signer = office.record_keys[office.prefix]
        reissue(session, f"{HEAD}000008", Reason.LOST, signer=signer, context=office.context)
    office.correct(office.rows(Certificate)[2].number, {"direction": "设备维修"})
    office.run()
    leaves = [leaf for leaf in map(parse_entry, office.entries()) if isinstance(leaf, Issue)]
    kinds = {(leaf.number, leaf.edition): leaf.t for leaf in leaves}
    assert [kinds[f"{HEAD}00000{n}", 2] for n in (7, 8)] == ["import", "import"]
    assert sorted(kinds.values()) == ["import"] * 4 + ["issue"] * 2
    assert {row.kind for row in office.rows(UploadRow)} == {"补录", "新增", "更正"}
    assert seen_by_monitor(office.entries()) == []


def test_it_can_be_revoked(office: Any, importing: Any) -> None:
    importing.run(importing.rows([7]))
    office.revoke(f"{HEAD}000007")
    office.run()
    assert office.rows(Certificate)[0].state == CertificateState.REVOKED
    assert [row.kind for row in office.rows(UploadRow)] == ["撤销", "补录"]
    # Whoever was revoked may be imported anew, under another number.
    assert importing.run(importing.rows([8])).count == 1


def test_its_way_begins_on_the_day_of_issue_and_is_filed_on_the_day_of_import(
    office: Any, importing: Any
) -> None:
    from registry.office.almanac import read_almanac

    importing.run(importing.rows([7]))
    with read_unit(office.engine) as session:
        (chain,) = chain_of_number(
            session, f"{HEAD}000007", read_almanac(session), today=date(2026, 11, 24)
        )
    issued, filed, reported, *_ = chain.steps
    assert (issued.day, filed.day, reported.day) == (date(2021, 6, 30), date(2026, 11, 23), None)
    # Nobody here let five years pass.
    assert (filed.waited, reported.waited) == (None, 1)


def test_an_ended_key_imports_nothing(office: Any, importing: Any) -> None:
    key = office.record_keys[office.prefix].info
    with write_unit(office.engine) as session:
        end_key(session, key.key_id, KeyState.RETIRED, context=office.context)
    before = office.contents()
    with pytest.raises(KeyNotActive):
        importing.run(importing.rows([1]))
    assert office.contents() == before


def test_a_key_that_is_too_young_for_the_dates_imports_nothing(office: Any, importing: Any) -> None:
    """Every verifier would call such a certificate false."""
    signer = office.record_keys[office.prefix]
    info = replace(signer.info, not_before=datetime(2021, 6, 30, 16, tzinfo=UTC))
    office.record_keys[office.prefix] = software_signer(info, signer.private_key)
    before = office.contents()
    with pytest.raises(Refused, match="1 certificates are dated before 2021-07-01"):
        importing.run(
            [*importing.rows([1]), *importing.rows([2], issued=date(2021, 7, 1), offset=1)]
        )
    assert office.contents() == before


def test_an_unknown_organisation_imports_nothing(importing: Any) -> None:
    with pytest.raises(NotFound):
        importing.run(importing.rows([1], prefix="Y000044999009"), prefix="Y000044999009")


def test_an_empty_table_is_refused(importing: Any) -> None:
    with pytest.raises(Refused, match="no certificate"):
        importing.run([])


def test_a_key_whose_signatures_fail_leaves_nothing(office: Any, importing: Any) -> None:
    class Broken:
        info = office.record_keys[office.prefix].info

        def sign(self, _message: bytes) -> bytes:
            return bytes(64)

    office.record_keys[office.prefix] = Broken()
    before = office.contents()
    with pytest.raises(SigningFault):
        importing.run(importing.rows([1, 2]))
    assert office.contents() == before


def test_batches_of_a_day_count_on(office: Any, importing: Any) -> None:
    importing.run(importing.rows([1]))
    importing.run(importing.rows([2], offset=301))
    office.clock.moment += timedelta(days=1)
    importing.run(importing.rows([3], offset=302))
    assert [batch.batch_id[13:] for batch in office.rows(Batch)] == [
        "-20261123-0001",
        "-20261123-0002",
        "-20261124-0003",
    ]
    assert [row.reference for row in office.rows(CertificateImport)] == [
        f"I-2026-000{n}" for n in (1, 2, 3)
    ]
