"""Every certificate event is owed once, goes into one upload, and is proven there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy.exc import IntegrityError

from registry.errors import NotFound, Refused
from registry.office import revising
from registry.office.owing import owe
from registry.store.audit import AuditLine
from registry.store.base import read_unit, write_unit
from registry.store.certificates import Certificate
from registry.store.outbox import RowState, UploadKind, UploadRow
from registry.store.uploads import Upload, UploadEvent, UploadState
from registry.upload import outbox as outbox_module
from registry.upload.errors import NothingOwed, UploadStateRefused
from registry.upload.outbox import owed

NEW, FIX, END = "新增", "更正", "撤销"


def test_each_use_case_owes_one_row_in_its_own_transaction(office: Any, outbox: Any) -> None:
    office.issue(office.people(4))
    numbers = [row.number for row in office.rows(Certificate)]
    office.correct(numbers[0], {"name": "欧阳龑"})
    outbox.reissue(numbers[1])
    office.revoke(numbers[2])
    outbox.suspend(numbers[3])
    issued = [(0, NEW), (1, NEW), (2, END), (2, NEW), (3, NEW)]
    assert sorted(outbox.keys()) == [*issued, (4, FIX), (5, FIX)]
    assert {(row.state, row.upload_id, row.row, row.reason) for row in outbox.rows()} == {
        ("owed", None, None, "")
    }


def test_a_revision_that_fails_owes_nothing(office: Any, outbox: Any, monkeypatch: Any) -> None:
    office.issue(office.people(1))
    (certificate,) = office.rows(Certificate)
    before = office.contents()

    def broken(*arguments: Any, **values: Any) -> None:
        owe(*arguments, **values)
        raise OSError("the power is gone")

    monkeypatch.setattr(revising, "owe", broken)
    for act in (
        lambda: office.revoke(certificate.number),
        lambda: office.correct(certificate.number, {"name": "欧阳龑"}),
    ):
        with pytest.raises(OSError, match="power"):
            act()
        assert office.contents() == before


def test_the_same_event_is_never_owed_twice(office: Any, outbox: Any) -> None:
    office.issue(office.people(1))
    with pytest.raises(IntegrityError), write_unit(office.engine) as session:
        owe(session, UploadKind.NEW, status_index=0, batch_id="x")


def test_an_upload_is_of_one_organisation(office: Any, outbox: Any) -> None:
    first, second = office.record_keys
    office.issue(office.people(3))
    office.issue(office.people(2, offset=50), prefix=second)
    with read_unit(office.engine) as session:
        assert [(one.prefix, one.kind.value, one.rows) for one in owed(session)] == [
            (first, NEW, 3),
            (second, NEW, 2),
        ]
    assert outbox.prepare(second) == "U00000001"
    batches = {row.batch_id for row in outbox.rows() if row.upload_id}
    assert {batch[:13] for batch in batches} == {second}
    with pytest.raises(NothingOwed):
        outbox.prepare(second)
    with pytest.raises(NotFound):
        outbox.prepare("Y000044999009")


def test_an_upload_takes_the_oldest_rows_up_to_its_limit(office: Any, outbox: Any) -> None:
    office.issue(office.people(5))
    numbers = [row.number for row in office.rows(Certificate)]
    office.revoke(numbers[0])
    office.run()
    first = outbox.prepare(limit=3)
    second = outbox.prepare(limit=100)
    chosen = {row.upload_id: [] for row in outbox.rows()}
    for row in outbox.rows():
        chosen[row.upload_id].append((row.status_index, row.kind))
    # What is reported of one edition keeps its order: never withdrawn before it was new.
    assert sorted(chosen[first]) == [(0, END), (0, NEW), (1, NEW)]
    assert sorted(chosen[second]) == [(2, NEW), (3, NEW), (4, NEW)]


def test_an_upload_takes_no_more_than_one_manifest_proves(
    office: Any, outbox: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(outbox_module, "MAX_RANGES", 3)
    office.issue(office.people(4))
    numbers = [row.number for row in office.rows(Certificate)]
    for number in numbers:
        outbox.reissue(number)
    office.run()
    upload_id = outbox.prepare()
    assert len(outbox.proven(frozen(outbox, upload_id))) == 6
    monkeypatch.undo()
    assert len(outbox.proven(frozen(outbox, outbox.prepare()))) == 2


def frozen(outbox: Any, upload_id: str) -> bytes:
    outbox.freeze(upload_id)
    package: bytes = outbox.package(upload_id)
    return package


def test_dissolving_gives_the_rows_back_and_is_on_the_record(office: Any, outbox: Any) -> None:
    office.issue(office.people(3))
    before = outbox.keys()
    upload_id = outbox.prepare(batch="GD-1")
    assert {row.state for row in outbox.rows()} == {RowState.IN_UPLOAD}
    outbox.dissolve(upload_id)
    assert {(row.state, row.upload_id) for row in outbox.rows()} == {("owed", None)}
    assert outbox.keys() == before
    with pytest.raises(UploadStateRefused):
        outbox.dissolve(upload_id)
    assert [event.kind for event in office.rows(UploadEvent)] == ["prepare", "dissolve"]
    actions = [line.action for line in office.rows(AuditLine)][-2:]
    assert actions == ["upload-prepare", "upload-dissolve"]
    # The number is not given to another upload.
    assert outbox.prepare() == "U00000002"


@pytest.mark.parametrize("batch", ["批次一", "a b", "x" * 65, "a\nb", "a\x7f"])
def test_a_batch_number_of_no_form_is_refused(office: Any, outbox: Any, batch: str) -> None:
    office.issue(office.people(1))
    before = office.contents()
    with pytest.raises(Refused, match="批次号"):
        outbox.prepare(batch=batch)
    assert office.contents() == before


class OutboxMachine(RuleBasedStateMachine):
    """The model is the list of events; whatever is prepared, dissolved or frozen, each is once."""

    founded: Path
    folder: Path
    open_office: Callable[..., Any]
    outbox_of: Callable[..., Any]
    homes = count()

    def __init__(self) -> None:
        super().__init__()
        home = self.folder / str(next(self.homes))
        shutil.copytree(self.founded, home)
        self.office = self.open_office(home)
        self.outbox = self.outbox_of(self.office)
        self.events: set[tuple[int, str]] = set()
        self.current: dict[str, int] = {}
        self.used = self.editions = 0
        self.prepared: list[str] = []
        self.frozen: list[str] = []

    def teardown(self) -> None:
        self.office.run()
        for upload_id in self.prepared:
            self.outbox.freeze(upload_id)
        self.frozen += self.prepared
        self.prepared = []
        while any(row.state == RowState.OWED for row in self.outbox.rows()):
            upload_id = self.outbox.prepare(limit=7)
            self.outbox.freeze(upload_id)
            self.frozen.append(upload_id)
        told = [key for one in self.frozen for key in self.outbox.proven(self.outbox.package(one))]
        assert sorted(told) == sorted(self.events)
        self.office.audit()
        self.office.close()
        shutil.rmtree(self.office.home)

    def add(self, kind: str) -> int:
        status, self.editions = self.editions, self.editions + 1
        self.events.add((status, kind))
        return status

    @rule(people=st.integers(1, 4))
    def issue(self, people: int) -> None:
        self.office.issue(self.office.people(people, offset=self.used))
        self.used += people
        for row in self.office.rows(Certificate)[self.editions :]:
            self.current[row.number] = self.add(NEW)

    @rule(data=st.data(), verb=st.sampled_from(["correct", "reissue", "revoke"]))
    def revise(self, data: Any, verb: str) -> None:
        if not self.current:
            return
        number = data.draw(st.sampled_from(sorted(self.current)))
        match verb:
            case "revoke":
                self.office.revoke(number)
                self.events.add((self.current.pop(number), END))
            case "correct":
                self.office.correct(number, {"direction": f"方向{self.editions}"})
                self.current[number] = self.add(FIX)
            case _:
                self.outbox.reissue(number)
                self.current[number] = self.add(FIX)

    @rule()
    def anchor(self) -> None:
        self.office.run()

    @rule(limit=st.integers(1, 6))
    def prepare(self, limit: int) -> None:
        if any(row.state == RowState.OWED for row in self.outbox.rows()):
            self.prepared.append(self.outbox.prepare(limit=limit))

    @rule()
    def dissolve(self) -> None:
        if self.prepared:
            self.outbox.dissolve(self.prepared.pop())

    @rule()
    def freeze(self) -> None:
        if self.prepared:
            self.office.run()
            upload_id = self.prepared.pop(0)
            self.outbox.freeze(upload_id)
            self.frozen.append(upload_id)

    @invariant()
    def every_event_is_one_row(self) -> None:
        rows = self.outbox.rows()
        assert sorted((row.status_index, row.kind) for row in rows) == sorted(self.events)
        states = {one.upload_id: one.state for one in self.office.rows(Upload)}
        for row in rows:
            if row.upload_id is None:
                assert row.state == RowState.OWED
            else:
                assert row.state == RowState.IN_UPLOAD
                assert (row.row is None) == (states[row.upload_id] == UploadState.PREPARED)
        dissolved = {one for one, state in states.items() if state == UploadState.DISSOLVED}
        assert not dissolved & {row.upload_id for row in rows}
        sizes = {one.upload_id: one.row_count for one in self.office.rows(Upload)}
        for upload_id in (*self.prepared, *self.frozen):
            members = [row.row for row in rows if row.upload_id == upload_id]
            assert len(members) == sizes[upload_id]


def machine(founded: Path, folder: Path, open_office: Any, outbox_of: Any) -> Any:
    names = {
        "founded": founded,
        "folder": folder,
        "open_office": staticmethod(open_office),
        "outbox_of": staticmethod(outbox_of),
    }
    return type("Machine", (OutboxMachine,), names)


def test_whatever_happens_each_event_is_reported_once(
    founded: Path, tmp_path: Path, open_office: Any, outbox_of: Any
) -> None:
    rules = settings(max_examples=5, stateful_step_count=12, deadline=None)
    run_state_machine_as_test(machine(founded, tmp_path, open_office, outbox_of), settings=rules)


@pytest.mark.soak
def test_long_lives_of_outboxes(
    founded: Path, tmp_path: Path, open_office: Any, outbox_of: Any
) -> None:
    rules = settings(max_examples=150, stateful_step_count=40, deadline=None)
    run_state_machine_as_test(machine(founded, tmp_path, open_office, outbox_of), settings=rules)


def test_rows_of_an_older_database_are_owed(office: Any, outbox: Any) -> None:
    """The bulk insert of issuing names neither state nor upload: the table's defaults do."""
    office.issue(office.people(1))
    with read_unit(office.engine) as session:
        row = session.get_one(UploadRow, (0, NEW))
        assert (row.state, row.reason, row.answered_on) == (RowState.OWED, "", None)
