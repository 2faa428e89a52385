"""A log that signs its lies: hashes and signatures are right, and what the entries say is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from signing.tlog.entry import State, StatusChange, Succession

PREFIX, OTHER, STRANGER = "Y000044999001", "Y000044999002", "Y000044999003"
# Where what stands in `honest(10)`: keys 0 and 1, issues 2 to 11, close, status 13, issues 14 to
# 33, close, correction 35, 36, suspension 37, status 38, 39 and 40, status 41.
CLOSE, CORRECTED, SUPERSEDED, SUSPENDED, RESTORED, STATUS = 12, 35, 36, 37, 39, 41
Found = list[tuple[str, str, str]]


def replace(book: Any, at: int, **values: Any) -> Any:
    book.leaves[at] = msgspec.structs.replace(book.leaves[at], **values)
    return book


def add(book: Any, *leaves: Any) -> Any:
    book.leaves += leaves
    return book.status()


def renumbered(book: Any, place: int, serial: int) -> Any:
    """Add a batch of three; give the one at `place` another serial of its scope."""
    first = len(book.leaves)
    for _ in range(3):
        book.one(batch="C")
    replace(book, first + place, number=f"{PREFIX}264{serial:06}")
    return book.close("C", first).status()


def unclosed(book: Any) -> Any:
    book.one(batch="C")
    return book.issue(1).status()


def batch_begun_by_a_correction(book: Any, *, close: bool) -> Any:
    """Put a second edition, under a batch of its own, before two first ones of that batch."""
    first = len(book.leaves)
    book.one(batch="C", edition=2, number=f"{PREFIX}264000002")
    book.one(batch="C")
    book.one(batch="C")
    if close:
        book.close("C", first)
    return book.change(1, State.SUPERSEDED, str(book.count - 3)).status()


def correction_closed(book: Any) -> Any:
    first = len(book.leaves)
    book.one(batch="C", edition=2, number=f"{PREFIX}264000002")
    book.close("C", first)
    return book.change(1, State.SUPERSEDED, str(book.count - 1)).status()


def key(make: Any, book: Any, action: str, issuer: str = PREFIX, **values: Any) -> Any:
    return msgspec.structs.replace(make.key_event(issuer, action), **values)


LIES: dict[str, tuple[Callable[[Any, Any], Any], Found]] = {
    "duplicate-number": (
        lambda book, make: renumbered(book, 0, 4),
        [
            (
                "number-twice",
                "entry 42",
                f"number {PREFIX}264000004, edition 1, stands in the log twice",
            ),
            (
                "number-gap",
                "entry 43",
                f"{PREFIX}264000011 is next and {PREFIX}264000012 is issued",
            ),
        ],
    ),
    "number-gap": (
        lambda book, make: renumbered(book, 2, 99),
        [
            (
                "number-gap",
                "entry 44",
                f"{PREFIX}264000013 is next and {PREFIX}264000099 is issued",
            )
        ],
    ),
    "number-out-of-order": (
        lambda book, make: replace(renumbered(book, 0, 12), 43, number=f"{PREFIX}264000011"),
        [
            (
                "number-gap",
                "entry 42",
                f"{PREFIX}264000011 is next and {PREFIX}264000012 is issued",
            ),
            ("number-order", "entry 43", f"number {PREFIX}264000011 comes after higher ones"),
            ("range-root", "entry 45", "the batch's range root is another"),
        ],
    ),
    "no-number": (
        lambda book, make: renumbered(book, 2, 0),
        [("number-form", "entry 44", f"{PREFIX}264000000 is no certificate number")],
    ),
    "an-edition-twice": (
        lambda book, make: replace(book, CORRECTED, edition=1),
        [
            (
                "number-twice",
                "entry 35",
                f"number {PREFIX}264000001, edition 1, stands in the log twice",
            ),
            ("batch", "entry 36", f"comes before batch {PREFIX}-2026-0001 was closed"),
            (
                "status-change",
                "entry 36",
                "points on to certificate 30, which is no edition just issued",
            ),
        ],
    ),
    "an-edition-left-out": (
        lambda book, make: replace(book, CORRECTED, edition=3),
        [
            (
                "edition",
                "entry 35",
                f"edition 3 of {PREFIX}264000001 without the one before it",
            )
        ],
    ),
    "two-editions-valid": (
        lambda book, make: replace(book, SUPERSEDED, state=2, link=""),
        [
            (
                "edition",
                "entry 38",
                f"edition 2 of {PREFIX}264000001 was issued and none was superseded for it",
            ),
            ("status-root", "entry 38", "the status root is not what the events before it give"),
            ("status-root", "entry 41", "the status root is not what the events before it give"),
        ],
    ),
    "wrong-range-root": (
        lambda book, make: replace(book, CLOSE, root="00" * 32),
        [("range-root", "entry 12", "the batch's range root is another")],
    ),
    "wrong-count": (
        lambda book, make: replace(book, CLOSE, first=3, count=9),
        [("batch", "entry 12", "says leaves 3 to 11, 9 in all; they are 2 to 11, 10 in all")],
    ),
    "a-batch-without-its-close": (
        lambda book, make: unclosed(book),
        [("batch", "entry 43", "comes before batch C was closed")],
    ),
    "a-batch-begun-by-a-correction-and-not-closed": (
        lambda book, make: batch_begun_by_a_correction(book, close=False),
        [("batch", "entry 45", "comes before batch C was closed")],
    ),
    "a-batch-whose-close-takes-in-a-correction": (
        lambda book, make: batch_begun_by_a_correction(book, close=True),
        [("batch", "entry 45", "says leaves 42 to 44, 3 in all; they are 43 to 44, 2 in all")],
    ),
    "a-correction-closed-as-a-batch": (
        lambda book, make: correction_closed(book),
        [("batch", "entry 43", "closes batch C, which is not the one just issued")],
    ),
    "a-batch-closed-twice": (
        lambda book, make: add(book, book.leaves[CLOSE]),
        [
            ("batch", "entry 42", f"batch {PREFIX}-2026-0001 is closed twice"),
            (
                "batch",
                "entry 42",
                f"closes batch {PREFIX}-2026-0001, which is not the one just issued",
            ),
        ],
    ),
    "false-status-root": (
        lambda book, make: replace(book, STATUS, root="00" * 32),
        [("status-root", "entry 41", "the status root is not what the events before it give")],
    ),
    "false-status-count": (
        lambda book, make: replace(book, STATUS, count=30),
        [("status", "entry 41", "says 30 certificates, there are 31")],
    ),
    "status-index-left-out": (
        lambda book, make: replace(book, CORRECTED, status=31),
        [
            ("status-index", "entry 35", "status index 31 where 30 is next"),
            (
                "status-change",
                "entry 36",
                "points on to certificate 30, which is no edition just issued",
            ),
            (
                "edition",
                "entry 38",
                f"edition 2 of {PREFIX}264000001 was issued and none was superseded for it",
            ),
            ("status", "entry 38", "says 31 certificates, there are 32"),
            ("status", "entry 41", "says 31 certificates, there are 32"),
        ],
    ),
    "time-goes-back": (
        lambda book, make: replace(book, STATUS, time="2026-11-22T02:03:04Z"),
        [
            (
                "status-time",
                "entry 41",
                "is dated 2026-11-22T02:03:04Z, the status entry before it 2026-11-22T21:03:06Z",
            )
        ],
    ),
    "back-from-revoked": (
        lambda book, make: book.change(2, State.VALID).status(),
        [
            (
                "status-change",
                "entry 42",
                "certificate 2 goes from revoked to valid, which is not allowed",
            )
        ],
    ),
    "back-from-superseded": (
        lambda book, make: book.change(0, State.REVOKED).status(),
        [
            (
                "status-change",
                "entry 42",
                "certificate 0 goes from superseded to revoked, which is not allowed",
            )
        ],
    ),
    "superseded-by-none": (
        lambda book, make: book.change(5, State.SUPERSEDED).status(),
        [
            (
                "status-change",
                "entry 42",
                "certificate 5 is superseded and points on to none",
            )
        ],
    ),
    "superseded-by-an-old-one": (
        lambda book, make: book.change(5, State.SUPERSEDED, "6").status(),
        [
            (
                "status-change",
                "entry 42",
                "points on to certificate 6, which is no edition just issued",
            )
        ],
    ),
    "changed-and-never-issued": (
        lambda book, make: add(book, StatusChange(index=31, link="", reason="fraud", state=1)),
        [
            (
                "status-change",
                "entry 42",
                "changes the state of certificate 31, which was never issued",
            )
        ],
    ),
    "no-entry": (
        lambda book, make: add(book, b'{"t":"party","v":1}'),
        [("entry", "entry 42", "cannot be parsed (malformed-entry)")],
    ),
    "revoked-key-issuing": (
        lambda book, make: book.key(PREFIX, "revoke").issue(1).status(),
        [
            (
                "key-not-in-force",
                "entry 43",
                f"issues under {PREFIX}, whose record keys are all retired or revoked",
            )
        ],
    ),
    "retired-key-issuing": (
        lambda book, make: book.key(PREFIX, "retire").issue(1).status(),
        [
            (
                "key-not-in-force",
                "entry 43",
                f"issues under {PREFIX}, whose record keys are all retired or revoked",
            )
        ],
    ),
    "no-key-at-all": (
        lambda book, make: book.issue(1, STRANGER).status(),
        [
            (
                "key-not-in-force",
                "entry 42",
                f"issues under {STRANGER}, which has no record key here",
            )
        ],
    ),
    "a-key-added-twice": (
        lambda book, make: book.key(PREFIX).status(),
        [("key", "entry 42", "key KEY is added twice")],
    ),
    "a-key-of-two-issuers": (
        lambda book, make: book.key(OTHER, "add", PREFIX).status(),
        [("key", "entry 42", f"key KEY of {PREFIX} is added under {OTHER} too")],
    ),
    "a-key-that-comes-back": (
        lambda book, make: book.key(PREFIX, "revoke").key(PREFIX).status(),
        [("key", "entry 43", "key KEY is added again after its revocation")],
    ),
    "retired-after-its-revocation": (
        lambda book, make: book.key(PREFIX, "revoke").key(PREFIX, "retire").status(),
        [("key", "entry 43", "key KEY ends (retire) after its revoke")],
    ),
    "ended-and-never-added": (
        lambda book, make: book.key(PREFIX, "retire", "nobody").status(),
        [("key", "entry 42", "key NOBODY ends (retire) and was never added")],
    ),
    "another-issuers-key-ended": (
        lambda book, make: add(book, key(make, book, "revoke", issuer=PREFIX, alg="ml-dsa-44")),
        [("key", "entry 42", "key KEY ends under another issuer or public key than it had")],
    ),
    "a-key-id-of-its-own": (
        lambda book, make: add(book, key(make, book, "add", STRANGER, key="00" * 8)),
        [("key", "entry 42", "the id 0000000000000000 is not that of the public key beside it")],
    ),
    "a-succession-in-the-middle": (
        lambda book, make: add(
            book, Succession(origin="x/log", root="00" * 32, size=1, time="2026-11-23T02:03:04Z")
        ),
        [("succession", "entry 42", "succeeds another log and is not the first leaf")],
    ),
}


def expected(make: Any, name: str) -> Found:
    ids = {"KEY": make.key_event(PREFIX).key, "NOBODY": make.key_event(PREFIX, "add", "nobody").key}
    found = []
    for kind, where, words in LIES[name][1]:
        for word, value in ids.items():
            words = words.replace(word, value)  # noqa: PLW2901
        found.append((kind, where, words))
    return found


@pytest.mark.parametrize("name", LIES)
def test_a_signed_lie_is_named(site: Any, eye: Any, make: Any, name: str) -> None:
    book = LIES[name][0](make.honest(10), make)
    site.files = book.files()
    report = eye.look()
    said = [(k.finding.kind.value, k.finding.where, k.finding.what) for k in report.findings]
    assert said == expected(make, name)
    assert report.size == len(book.leaves)
    assert eye.look().findings == report.findings
