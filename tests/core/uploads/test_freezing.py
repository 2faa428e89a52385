"""Frozen once, for good: what is refused, and what is left wherever it breaks off."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from registry.store.audit import AuditLine
from registry.store.certificates import Certificate
from registry.store.uploads import Upload, UploadEvent, UploadState
from registry.upload import freezing, vault
from registry.upload.errors import (
    FaultCode,
    NotInLog,
    PackageLost,
    UploadError,
    UploadRefused,
    UploadStateRefused,
)
from signing.upload.manifest import open_manifest

KILLED = 9


class Fault(Exception):
    """What a test throws in."""


@pytest.fixture
def prepared(office: Any, outbox: Any) -> Any:
    """Give an outbox with one upload of four rows, all in the log, ready to be frozen."""
    office.issue(office.people(3))
    office.revoke(office.rows(Certificate)[1].number)
    office.run()
    assert outbox.prepare(batch="GD-1") == "U00000001"
    return outbox


def sealed(outbox: Any) -> list[Path]:
    return sorted((outbox.office.home / "uploads").glob("*.sealed"))


def clear_files(outbox: Any) -> list[Path]:
    """Return what of persons lies in clear in the home's folder of uploads."""
    folder = outbox.office.home / "uploads"
    return [file for file in folder.rglob("*") if file.suffix != ".sealed" and file.is_file()]


def test_freezing_is_on_the_record_and_changes_nothing_later(office: Any, prepared: Any) -> None:
    upload = prepared.freeze("U00000001")
    package = prepared.package("U00000001")
    assert sorted(prepared.proven(package)) == [(0, "新增"), (1, "撤销"), (1, "新增"), (2, "新增")]
    assert [row.row for row in prepared.rows()] == [1, 4, 2, 3]
    assert (upload.state, upload.sequence, upload.authority_batch) == ("frozen", 1, "GD-1")
    assert upload.frozen_at == office.clock.now()
    assert upload.mapping == "guangdong-certificates@1"
    manifest = open_manifest(upload.manifest or b"")
    assert (manifest.digest, manifest.manifest.snapshot) == (
        upload.manifest_digest,
        upload.snapshot,
    )
    assert [event.kind for event in office.rows(UploadEvent)] == ["prepare", "freeze"]
    assert office.rows(AuditLine)[-1].action == "upload-freeze"
    before = office.contents()
    assert prepared.freeze("U00000001").package == upload.package
    assert office.contents() == before
    assert [file.name for file in clear_files(prepared)] == [".lock"]


def test_of_two_organisations_each_has_its_place_in_the_chain(office: Any, prepared: Any) -> None:
    second = list(office.record_keys)[1]
    office.issue(office.people(2, offset=50), prefix=second)
    office.run()
    later = prepared.prepare(second)
    # In the order of freezing, not of preparing.
    one = open_manifest(prepared.freeze(later).manifest)
    two = open_manifest(prepared.freeze("U00000001").manifest)
    assert (one.manifest.sequence, one.manifest.previous) == (1, "")
    assert (two.manifest.sequence, two.manifest.previous) == (2, one.digest)


def test_another_machine_that_froze_first_is_noticed(
    office: Any, prepared: Any, monkeypatch: Any
) -> None:
    second = list(office.record_keys)[1]
    office.issue(office.people(2, offset=50), prefix=second)
    office.run()
    later = prepared.prepare(second)
    make = freezing._make

    def overtaken(*arguments: Any) -> Any:
        made = make(*arguments)
        monkeypatch.setattr(freezing, "_make", make)
        # The other machine has a folder of its own.
        prepared.freeze(later, prepared.kit(folder=office.home / "elsewhere"))
        return made

    monkeypatch.setattr(freezing, "_make", overtaken)
    with pytest.raises(UploadStateRefused, match="再办理一次"):
        prepared.freeze("U00000001")
    assert prepared.freeze("U00000001").sequence == 2
    assert len(sealed(prepared)) == 1


def test_rows_that_are_not_in_the_log_are_not_frozen(office: Any, outbox: Any) -> None:
    office.issue(office.people(2))
    upload_id = outbox.prepare()
    with pytest.raises(NotInLog, match="公开日志"):
        outbox.freeze(upload_id)
    office.run()
    number = office.rows(Certificate)[0].number
    outbox.dissolve(upload_id)
    office.revoke(number)
    upload_id = outbox.prepare()
    with pytest.raises(NotInLog):
        outbox.freeze(upload_id)
    office.run()
    assert len(outbox.proven(frozen(outbox, upload_id))) == 3


def frozen(outbox: Any, upload_id: str) -> bytes:
    outbox.freeze(upload_id)
    package: bytes = outbox.package(upload_id)
    return package


def test_the_upload_key_must_be_in_the_log_under_the_checkpoint(prepared: Any) -> None:
    for change in ({"key_leaf": None}, {"note": lambda _index: b""}):
        with pytest.raises(NotInLog, match="certreg anchor"):
            prepared.freeze("U00000001", prepared.kit(**change))
    assert prepared.freeze("U00000001").state == UploadState.FROZEN


def test_a_log_whose_files_do_not_fit_its_checkpoint_is_not_signed(
    office: Any, prepared: Any
) -> None:
    def flipped(path: str) -> bytes:
        data = bytearray(office.log.storage.read(path))
        data[len(data) // 3] ^= 1
        return bytes(data)

    with pytest.raises(UploadError, match="fsck"):
        prepared.freeze("U00000001", prepared.kit(read_tile=flipped))
    assert prepared.freeze("U00000001").state == UploadState.FROZEN


def test_a_code_that_the_table_lacks_is_refused_with_its_place(office: Any, outbox: Any) -> None:
    office.issue([*office.people(2), *office.people(1, offset=9, id_type="passport")])
    office.run()
    upload_id = outbox.prepare()
    with pytest.raises(UploadRefused) as caught:
        outbox.freeze(upload_id)
    (fault,) = caught.value.faults
    assert (fault.row, fault.header, fault.code, fault.fact) == (
        3,
        "证件类型",
        FaultCode.UNKNOWN_CODE,
        "passport",
    )
    assert "第 3 行「证件类型」" in str(caught.value)
    (upload,) = office.rows(Upload)
    assert upload.state == UploadState.PREPARED
    assert sealed(outbox) == []


def test_a_batch_number_is_given_once(prepared: Any) -> None:
    assert prepared.freeze("U00000001", batch="GD-2").authority_batch == "GD-2"
    assert prepared.freeze("U00000001", batch="GD-2").authority_batch == "GD-2"
    with pytest.raises(UploadStateRefused, match="批次号不能再改"):
        prepared.freeze("U00000001", batch="GD-3")


def test_only_what_is_frozen_has_a_package(prepared: Any) -> None:
    with pytest.raises(UploadStateRefused):
        prepared.package("U00000001")


STEPS = ["write_rows", "write_tables", "prove", "pack", "seal_package", "get_upload", "note"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("done", [False, True])
def test_a_failure_leaves_the_upload_prepared(
    office: Any, prepared: Any, monkeypatch: Any, step: str, done: bool
) -> None:
    before, work = office.contents(), getattr(freezing, step)

    def failing(*arguments: Any, **values: Any) -> Any:
        if done:
            work(*arguments, **values)
        raise Fault

    monkeypatch.setattr(freezing, step, failing)
    with pytest.raises(Fault):
        prepared.freeze("U00000001")
    assert office.contents() == before
    assert [file.name for file in clear_files(prepared)] == [".lock"]
    monkeypatch.undo()
    assert len(prepared.proven(frozen(prepared, "U00000001"))) == 4
    assert len(sealed(prepared)) == 1


def test_a_failed_commit_leaves_the_upload_prepared(
    office: Any, prepared: Any, monkeypatch: Any
) -> None:
    before = office.contents()
    monkeypatch.setattr(office.engine.dialect, "do_commit", _fail)
    with pytest.raises(Fault):
        prepared.freeze("U00000001")
    monkeypatch.undo()
    assert office.contents() == before
    assert len(sealed(prepared)) == 1
    # The file without a commit gives way to the one that gets it.
    office.issue(office.people(1, offset=70))
    office.run()
    assert len(prepared.proven(frozen(prepared, "U00000001"))) == 4
    assert len(sealed(prepared)) == 1


def _fail(_connection: object) -> None:
    raise Fault


def _killed_at(outbox: Any, at: int) -> bool:
    """Freeze in a process that is killed at its write number `at`; whether it was killed."""
    ticks = count()

    def ticking(work: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **values: Any) -> Any:
            if next(ticks) == at:
                os._exit(KILLED)
            return work(*arguments, **values)

        return wrapped

    def child() -> None:
        for owner, name in (
            (Path, "replace"),
            (Path, "mkdir"),
            (Path, "write_bytes"),
            (os, "fsync"),
            (vault.FieldCipher, "seal"),
            (freezing, "note"),
            (shutil, "rmtree"),
            (outbox.office.engine.dialect, "do_commit"),
        ):
            setattr(owner, name, ticking(getattr(owner, name)))
        outbox.freeze("U00000001")
        os._exit(0)

    outbox.office.close()
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    assert process.exitcode in {0, KILLED}
    return process.exitcode == KILLED


def kill_it(office: Any, prepared: Any, open_office: Any, tmp_path: Path, every: int) -> None:
    """Kill a freezing at every so many-th write, freeze again, and look at what there is."""
    office.close()
    for at in count(0, every):
        home = tmp_path / f"killed-{at}"
        shutil.copytree(office.home, home)
        there = open_office(home)
        outbox = type(prepared)(office=there, signer=prepared.signer)
        killed = _killed_at(outbox, at)
        (upload,) = there.rows(Upload)
        if upload.state == UploadState.FROZEN:
            # From the commit on it has its bytes, whatever came after.
            assert len(outbox.proven(outbox.package("U00000001"))) == 4
        again = outbox.freeze("U00000001")
        assert again.sequence == 1
        assert upload.package in {None, again.package}
        assert len(outbox.proven(outbox.package("U00000001"))) == 4
        assert len(sealed(outbox)) == 1
        there.close()
        if not killed:
            break
    assert at > 12
    assert [file.name for file in clear_files(outbox)] == [".lock"]


def test_killed_at_a_write_it_is_frozen_whole_by_the_same_command(
    office: Any, prepared: Any, open_office: Any, tmp_path: Path
) -> None:
    kill_it(office, prepared, open_office, tmp_path, every=4)


@pytest.mark.soak
def test_killed_at_any_write_it_is_frozen_whole_by_the_same_command(
    office: Any, prepared: Any, open_office: Any, tmp_path: Path
) -> None:
    kill_it(office, prepared, open_office, tmp_path, every=1)


def test_a_damaged_package_is_made_again_as_it_was(office: Any, prepared: Any) -> None:
    package = frozen(prepared, "U00000001")
    (file,) = sealed(prepared)
    whole = file.read_bytes()
    for data in (whole[:-1], whole[:5], b"", whole[:-1] + bytes([whole[-1] ^ 1])):
        file.write_bytes(data)
        assert prepared.package("U00000001") == package
        assert len(file.read_bytes()) == len(whole)
    file.write_bytes(whole[:-1])
    other = prepared.kit(draw=lambda _summary: b"%PDF of another font")
    with pytest.raises(PackageLost, match=r"summary\.pdf"):
        prepared.package("U00000001", other)


def test_what_a_killed_freezing_left_in_clear_goes_with_the_next_of_any(
    office: Any, prepared: Any
) -> None:
    left = office.home / "uploads" / ".U00000077"
    left.mkdir(parents=True)
    (left / "rows.jsonl").write_bytes("欧阳示例".encode())
    prepared.freeze("U00000001")
    assert [file.name for file in clear_files(prepared)] == [".lock"]
    assert not left.exists()


def test_a_lost_package_is_made_again_as_it_was_or_not_at_all(office: Any, prepared: Any) -> None:
    package = frozen(prepared, "U00000001")
    (file,) = sealed(prepared)
    file.unlink()
    office.revoke(office.rows(Certificate)[0].number)
    office.run()
    # Made on another day, under a newer checkpoint of the log: the same to the byte.
    assert prepared.package("U00000001") == package
    file.unlink()
    other = prepared.kit(draw=lambda _summary: b"%PDF of another font")
    with pytest.raises(PackageLost, match=r"summary\.pdf"):
        prepared.package("U00000001", other)
    assert sealed(prepared) == []
    assert [one.name for one in clear_files(prepared)] == [".lock"]
