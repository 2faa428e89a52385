"""Each manifest proves that the log goes on from the checkpoint of the manifest before."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from msgspec import UNSET

from registry.store.base import read_unit
from registry.store.uploads import Upload
from registry.upload.errors import UploadError
from registry.upload.making import checkpoint_of, prove_history
from signing.report import Answer
from signing.tlog.merkle import verify_consistency
from signing.tlog.note import parse_note
from signing.tlog.treehead import Checkpoint, parse_checkpoint
from signing.upload.manifest import Manifest, open_manifest


def issue(office: Any, count: int, offset: int) -> None:
    office.issue(office.people(count, offset=offset))
    office.run()


def frozen(outbox: Any, count: int, offset: int, **kit: Any) -> Manifest:
    """Issue and freeze the next upload; give its manifest."""
    issue(outbox.office, count, offset)
    upload = outbox.prepare()
    outbox.freeze(upload, outbox.kit(**kit))
    assert outbox.checked(outbox.package(upload))[0].answer is Answer.VALID
    with read_unit(outbox.office.engine) as session:
        return open_manifest(session.get_one(Upload, upload).manifest or b"").manifest


def tree(manifest: Manifest) -> Checkpoint:
    return parse_checkpoint(parse_note(manifest.checkpoint.encode()).text)


def test_a_manifest_proves_the_checkpoint_before_it(outbox: Any) -> None:
    outbox.office.run()
    made = [frozen(outbox, 3, 10 * at) for at in range(3)]
    assert made[0].consistency is UNSET
    for before, after in pairwise(made):
        stated, old, new = after.consistency, tree(before), tree(after)
        assert stated is not UNSET
        assert (stated.size, stated.root) == (old.size, old.root.hex())
        verify_consistency(old.size, new.size, old.root, new.root, stated.hashes)


def test_a_centre_that_does_not_read_it_is_told_nothing(outbox: Any) -> None:
    outbox.office.run()
    frozen(outbox, 2, 0)
    assert frozen(outbox, 2, 10, proves=False).consistency is UNSET
    # The next one goes on from what was reported, proven or not.
    assert frozen(outbox, 2, 20).consistency is not UNSET


def test_without_a_card_it_goes_on_as_it_did(outbox: Any) -> None:
    outbox.office.run()
    assert frozen(outbox, 2, 0, proves=None).consistency is UNSET
    # Nothing was proven so far: an older centre may be what it reports to.
    assert frozen(outbox, 2, 10, proves=None).consistency is UNSET
    assert frozen(outbox, 2, 20).consistency is not UNSET
    # The centre has proofs of this city, and takes nothing else any more.
    assert frozen(outbox, 2, 30, proves=None).consistency is not UNSET
    assert frozen(outbox, 2, 40, proves=None).consistency is not UNSET


def test_no_checkpoint_is_smaller_than_the_one_reported_before(outbox: Any) -> None:
    office = outbox.office
    office.run()
    first = frozen(outbox, 3, 0)
    kit = outbox.kit()
    asked: list[int] = []

    def note(index: int) -> bytes:
        asked.append(index)
        return bytes(kit.note(index))

    issue(office, 2, 10)
    upload = outbox.prepare()
    outbox.freeze(upload, replace(kit, note=note))
    assert asked
    assert min(asked) >= tree(first).size - 1


def test_a_log_that_does_not_go_on_is_not_frozen(outbox: Any) -> None:
    outbox.office.run()
    first = frozen(outbox, 3, 0)
    issue(outbox.office, 2, 10)
    upload = outbox.prepare()
    kit = outbox.kit()
    note = kit.note(tree(first).size)
    true = prove_history(first.checkpoint, note, kit)
    assert true.size == tree(first).size
    size, root = tree(first).size, checkpoint_of(note).root
    other = first.checkpoint.replace(_line(tree(first).root), _line(root))
    with pytest.raises(UploadError, match="log fsck"):
        prove_history(other, note, kit)
    assert size < checkpoint_of(note).size
    assert outbox.freeze(upload).state == "frozen"


def _line(root: bytes) -> str:
    return b64encode(root).decode()
