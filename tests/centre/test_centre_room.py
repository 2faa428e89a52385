"""A city with a key cannot fill the disk, and what has a receipt stays."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from registry.centre import room as room_module
from registry.centre.api import create_app
from registry.centre.errors import PackageNotTaken
from registry.centre.intake import State, submit
from registry.centre.rate import Buckets
from registry.centre.room import MAX_WAITING, drop_refused, make_room
from registry.centre.store import AuditLine, write_unit
from registry.centre.worker import Worker
from registry.cli.centre import centre_group
from signing.httpsig import Request, sign_request


def brought(province: Any, data: bytes, *, at: int) -> str:
    """Keep a package of shizhou that became whole `at` seconds after the epoch."""
    digest = hashlib.sha256(data).hexdigest()
    packages = province.centre.packages
    packages.append("shizhou", digest, 0, data)
    packages.close("shizhou", digest)
    os.utime(packages.folder / "shizhou" / digest / "whole", (at, at))
    return digest


def room(province: Any, but: str) -> list[str]:
    centre = province.centre
    now = province.clock.now()
    return make_room(centre.engine, centre.packages, "shizhou", but=but, now=now)


def test_of_too_many_without_a_receipt_the_oldest_goes(province: Any, shizhou: Any) -> None:
    data = shizhou.package(shizhou.issue(1))
    taken = brought(province, data, at=1)
    province.take(shizhou, data)
    handed_in = brought(province, b"handed in", at=2)
    with write_unit(province.centre.engine) as session:
        submit(session, "shizhou", handed_in, now=province.clock.now())
    # Its clock is behind: the newest looks like the oldest.
    own = brought(province, b"own", at=3)
    others = [brought(province, b"%d" % at, at=at) for at in range(4, MAX_WAITING + 2)]
    assert room(province, own) == []
    late = [brought(province, b"%d" % at, at=at) for at in (90, 91)]
    before = province.count(AuditLine)
    assert room(province, own) == others[:2]
    assert province.count(AuditLine) == before + 1
    packages = province.centre.packages
    left = {taken, handed_in, own, *others[2:], *late}
    assert set(packages.listed("shizhou")) == left
    assert packages.kept("shizhou", others[0]) == (0, False)
    assert packages.read("shizhou", taken) == data
    assert room(province, own) == []


def test_what_is_refused_for_good_goes_and_what_waits_stays(province: Any, shizhou: Any) -> None:
    shizhou.package(shizhou.issue(1))
    gap = brought(province, shizhou.package(shizhou.issue(2)), at=1)
    garbage = brought(province, b"no package", at=2)
    queue = Worker(province.centre)
    assert queue.hand_in("shizhou", gap, wait=30).state == State.LATER
    assert queue.hand_in("shizhou", garbage, wait=30).state == State.REFUSED
    queue.end()
    assert province.centre.packages.listed("shizhou") == [gap]
    found = queue.state_of("shizhou", garbage)
    assert found is not None
    assert found.code == "container-malformed"


def test_one_that_is_handed_in_again_meanwhile_is_not_thrown_away(province: Any) -> None:
    digest = brought(province, b"no package", at=1)
    centre = province.centre
    for state, left in ((State.SUBMITTED, [digest]), (State.REFUSED, [])):
        with write_unit(centre.engine) as session:
            submit(session, "shizhou", digest, now=province.clock.now()).state = state.value
        drop_refused(centre.engine, centre.packages, "shizhou", digest)
        assert centre.packages.listed("shizhou") == left


def test_one_that_was_brought_by_hand_and_refused_is_not_kept(
    province: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CERTREG_PASSPHRASE", "made-up")
    file, out = tmp_path / "brought.zip", tmp_path / "receipt.json"
    file.write_bytes(b"no package")
    home = str(province.centre.home.path)
    done = CliRunner().invoke(
        centre_group, ["receive", "shizhou", str(file), "-o", str(out), "--home", home]
    )
    assert isinstance(done.exception, PackageNotTaken)
    assert not out.exists()
    folder = province.centre.packages.folder / "shizhou"
    assert list(folder.iterdir()) == []


def test_a_package_that_becomes_whole_makes_room(
    province: Any, shizhou: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_module, "MAX_WAITING", 1)
    old = brought(province, b"old", at=1)
    queue = Worker(province.centre)
    client = create_app(province.centre, queue, buckets=Buckets()).test_client()
    path = f"/api/v1/packages/{hashlib.sha256(b'new').hexdigest()}"
    headers = {
        "content-type": "application/octet-stream",
        "upload-offset": "0",
        "upload-complete": "?1",
    }
    request = Request(method="PUT", path=path, query="", headers=headers)
    now = province.clock.now()
    signed = sign_request(request, b"new", shizhou.upload_signer, nonce="n" * 20, now=now)
    answer = client.put(path, data=b"new", headers={**headers, **signed})
    queue.end()
    assert (answer.status_code, answer.headers["Upload-Complete"]) == (204, "?1")
    assert old not in province.centre.packages.listed("shizhou")


def test_half_a_package_that_was_thrown_away_is_not_whole(
    province: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = brought(province, b"data", at=1)
    packages = province.centre.packages

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("registry.centre.packages.shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        packages.drop("shizhou", digest)
    assert packages.kept("shizhou", digest) == (4, False)
    packages.close("shizhou", digest)
    assert packages.read("shizhou", digest) == b"data"
