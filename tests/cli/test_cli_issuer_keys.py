"""A company's keys on the command line: rotated, retired, stolen, and a ring from yesterday."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from sqlalchemy import delete, update

from keys import sealed
from keys.model import KeyId, KeyState, Purpose
from keys.ring import KeyRing
from keys.signer import PrivateKeySigner, software_signer
from keys.trust import TrustedKey, load_trust
from registry.cli import issuer_keys
from registry.cli.base import CLOCK
from registry.cli.home import Home
from registry.cli.services import Services
from registry.office import issuer_keys as use_cases
from registry.store.base import write_unit
from registry.store.issuer_keys import IssuerKey
from registry.store.log import EventGroup

PREFIX, OTHER = "Y000044999001", "Y000044999002"
RECORD = (PREFIX, Purpose.RECORD)


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(scope="module", autouse=True)
def _one_stretch_a_passphrase() -> Iterator[None]:
    # Opening a ring is most of a short command, and there are many of them here.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sealed, "stretch", cache(sealed.stretch))
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """A clock that is a minute ahead."""

    def now(self) -> datetime:
        return CLOCK.now() + timedelta(minutes=1)


def listed(desk: Any, prefix: str = PREFIX) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = desk("issuer", "key", "list", prefix, "--json").facts["keys"]
    return keys


def record_keys(desk: Any) -> list[str]:
    return [key["key"] for key in listed(desk) if key["purpose"] == "record"]


def trusted(desk: Any) -> dict[str, TrustedKey]:
    return {str(key.key_id): key for key in load_trust(desk.trust).issuers[PREFIX].keys}


def ring_of(desk: Any) -> KeyRing:
    return Home(path=desk.home, environ=os.environ).ring()


def in_ring(desk: Any) -> dict[str, KeyState]:
    keys = ring_of(desk).keys()
    return {str(key.key_id): key.state for key in keys}


def add(desk: Any, *options: str) -> str:
    ran = desk("issuer", "key", "add", PREFIX, "--json", *options)
    assert ran.status == 0, ran
    return str(ran.facts["key"])


def end(desk: Any, how: str, key: str) -> None:
    ran = desk("issuer", "key", how, key, "--json")
    assert ran.status == 0, ran
    assert "anchor" in ran.facts["next"]


def papers(desk: Any, number: str, name: str) -> tuple[Path, Path]:
    """Write a certificate's PDF and proof."""
    pdf, proof = desk.folder / f"{name}.pdf", desk.folder / f"{name}.tlog-proof"
    assert desk("pdf", number, "-o", str(pdf)).status == 0
    assert desk("prove", number, "-o", str(proof)).status == 0
    return pdf, proof


def picture(desk: Any, pdf: Path) -> Path:
    file: Path = desk.folder / f"{pdf.stem}.png"
    with pypdfium2.PdfDocument(pdf) as document:
        document[0].render(scale=3).to_pil().convert("RGB").save(file)
    return file


def judged(desk: Any, file: Path, **options: Any) -> tuple[int, str, str]:
    """Verify; return exit status, verdict and the reason of the signature's answer."""
    ran = desk.verify(file, "--json", **options)
    report = json.loads(ran.out)
    return ran.status, report["verdict"], report["steps"][1]["reason"]


def test_a_new_company_has_two_keys_with_their_places(desk: Any) -> None:
    told = [(key["purpose"], key["algorithm"], key["state"], key["added"]) for key in listed(desk)]
    assert told == [
        ("record", "ed25519", "active", None),
        ("pdf", "ecdsa-p256-sha256", "active", None),
    ]
    assert {key.added_leaf for key in trusted(desk).values()} == {None}
    assert desk("anchor").status == 0
    # Leaf 0 is the office's own upload key, announced when the home was made.
    assert [key["added"] for key in listed(desk)] == [1, 2]
    assert [key["added"] for key in listed(desk, OTHER)] == [3, 4]
    assert [key.added_leaf for key in trusted(desk).values()] == [1, 2]
    assert "from leaf 1" in desk("issuer", "key", "list", PREFIX).out


def test_from_one_key_to_the_next_with_overlap(stock: Any) -> None:
    (old,) = record_keys(stock)
    first = stock.certificates()[0].number
    new = add(stock)
    assert record_keys(stock) == [old, new]
    second = stock.issued(stock.rows(1, offset=50))[0]
    signed_by = {row.number: row.key_id for row in stock.certificates()}
    assert (signed_by[first], signed_by[second]) == (old, new)
    end(stock, "retire", old)
    assert "its end not in the log yet" in stock("issuer", "key", "list", PREFIX).out
    third = stock.issued(stock.rows(1, offset=60))[0]
    assert stock("anchor").status == 0
    for name, number in (("one", first), ("two", second), ("three", third)):
        pdf, proof = papers(stock, number, name)
        for file in (pdf, proof):
            assert judged(stock, file) == (0, "valid", "signature-good")
    places = {key["key"]: (key["added"], key["ended"]) for key in listed(stock)}
    assert places[old][1] is not None
    assert places[new] == (trusted(stock)[new].added_leaf, None)
    assert trusted(stock)[old].ended_leaf == places[old][1]
    assert in_ring(stock)[old] is KeyState.RETIRED
    assert stock("log", "fsck").status == 0


def test_a_stolen_key_is_revoked_and_what_it_signed_before_stays_good(stock: Any) -> None:
    (stolen,) = record_keys(stock)
    number = stock.certificates()[0].number
    pdf, proof = papers(stock, number, "before")
    waiting = stock.issued(stock.rows(1, offset=50))[0]
    stale = shutil.copytree(stock.trust, stock.folder / "stale")
    end(stock, "revoke", stolen)

    # Before the next round, and after it.
    for _ in range(2):
        assert judged(stock, pdf) == (0, "valid", "signature-before-revocation")
        assert judged(stock, proof) == (0, "valid", "signature-before-revocation")
        status, verdict, reason = judged(stock, picture(stock, pdf))
        assert (status, verdict, reason) == (2, "cannot-say", "signature-no-place")
        assert stock("anchor").status == 0
    refused = stock.issue(stock.sheet(stock.rows(1, offset=60)))
    assert "no active record key" in refused.line
    add(stock)

    # What was issued just before the end, and waited with it, was signed in time.
    _, late = papers(stock, waiting, "late")
    assert judged(stock, late) == (0, "valid", "signature-before-revocation")
    # An old trust folder cannot know of the end: it says so by its date, and by nothing else.
    assert judged(stock, pdf, trust=stale) == (0, "valid", "signature-good")


def test_a_record_forged_with_a_stolen_key_is_refused_by_its_place(
    stock: Any, monkeypatch: Any
) -> None:
    """The thief even gets his record into the log: where it stands there gives it away."""
    (stolen,) = record_keys(stock)
    end(stock, "revoke", stolen)
    assert stock("anchor").status == 0
    thief = shutil.copytree(stock.home, stock.folder / "thief")
    with monkeypatch.context() as patched:
        patched.setenv("CERTREG_HOME", str(thief))
        desk = type(stock)(home=thief, folder=stock.folder, lists=100)
        services = Services.open(Home(path=thief, environ=os.environ))
        with write_unit(services.engine) as session:
            session.execute(update(IssuerKey).values(state="active"))
        signer = thiefs_signer(services.ring, stolen)
        patched.setattr(Services, "record_signer", lambda _self, _prefix: signer)
        number = desk.issued(desk.rows(1, offset=70))[0]
        with write_unit(services.engine) as session:
            session.execute(
                update(IssuerKey).where(IssuerKey.ended_group.is_not(None)).values(state="revoked")
            )
        assert desk("anchor").status == 0
        proof = desk.folder / "forged.tlog-proof"
        assert desk("prove", number, "-o", str(proof)).status == 0
        services.engine.dispose()
    assert judged(stock, proof) == (1, "invalid", "signature-key-ended")


def thiefs_signer(ring: KeyRing, key_id: str) -> PrivateKeySigner:
    info, private = ring._load(KeyId(key_id))
    return software_signer(replace(info, state=KeyState.ACTIVE), private)


def test_a_ring_put_back_from_a_backup_signs_nothing_that_was_ended(stock: Any) -> None:
    (old,) = record_keys(stock)
    backup = shutil.copytree(stock.home / "keys", stock.folder / "backup")
    end(stock, "revoke", old)
    assert in_ring(stock)[old] is KeyState.REVOKED
    shutil.rmtree(stock.home / "keys")
    shutil.copytree(backup, stock.home / "keys")
    assert in_ring(stock)[old] is KeyState.ACTIVE
    assert "no active record key" in stock.issue(stock.sheet(stock.rows(1, offset=60))).line
    number = stock.certificates()[0].number
    refused = stock("pdf", number, "-o", str(stock.folder / "no.pdf"))
    assert "no active record key" in refused.line
    assert stock("anchor").status == 0
    assert in_ring(stock)[old] is KeyState.REVOKED
    assert trusted(stock)[old].state is KeyState.REVOKED


def test_a_ring_that_lost_a_key_takes_nothing_from_what_it_signed(stock: Any) -> None:
    (old,) = record_keys(stock)
    new = add(stock)
    number = stock.issued(stock.rows(1, offset=50))[0]
    assert stock("anchor").status == 0
    _, proof = papers(stock, number, "lost")
    (stock.home / "keys" / f"{new}.key.json").unlink()
    assert stock("anchor").status == 0
    assert judged(stock, proof) == (0, "valid", "signature-good")
    # The older key does not step in unasked: an operator has to say what is to be.
    line = stock.issue(stock.sheet(stock.rows(1, offset=60))).line
    assert f"no key {new}" in line
    assert "restore the key folder" in line
    end(stock, "retire", new)
    assert stock.issue(stock.sheet(stock.rows(1, offset=60))).status == 0
    assert stock.certificates()[-1].key_id == old


def test_a_key_ended_in_the_ring_alone_is_never_vouched_for(stock: Any) -> None:
    (old,) = record_keys(stock)
    _, proof = papers(stock, stock.certificates()[0].number, "one")
    ring_of(stock).set_state(KeyId(old), KeyState.REVOKED)
    assert stock("anchor").status == 0
    assert judged(stock, proof) == (2, "cannot-say", "signature-no-place")
    end(stock, "revoke", old)
    assert judged(stock, proof) == (0, "valid", "signature-before-revocation")


def test_seals_have_keys_of_their_own(stock: Any, monkeypatch: Any) -> None:
    (old,) = (key["key"] for key in listed(stock) if key["purpose"] == "pdf")
    number = stock.certificates()[0].number
    before, _ = papers(stock, number, "before")
    with monkeypatch.context() as patched:

        def later(*facts: Any, context: Any) -> Any:
            return use_cases.end_key(*facts, context=replace(context, clock=Later()))

        patched.setattr(issuer_keys, "end_key", later)
        end(stock, "revoke", old)
    assert "--purpose pdf" in stock("pdf", number, "-o", str(stock.folder / "no.pdf")).line
    add(stock, "--purpose", "pdf")
    assert stock("anchor").status == 0
    after, _ = papers(stock, number, "after")
    assert judged(stock, after) == (0, "valid", "signature-good")
    # A seal is in no log: nothing says that this one was made before the theft.
    ran = stock.verify(before, "--json")
    assert (ran.status, json.loads(ran.out)["steps"][5]["reason"]) == (2, "seal-revoked")


Cut = tuple[str, Any, str, bool]
_ENDING = (
    (issuer_keys, "end_key", False),
    (issuer_keys, "end_key", True),
    (Services, "write_trust", False),
    (KeyRing, "set_state", False),
    (KeyRing, "set_state", True),
    (Services, "_write_trust", False),
    (Services, "_write_trust", True),
)
CUTS: list[Cut] = [
    ("add", KeyRing, "generate", True),
    ("add", issuer_keys, "add_key", False),
    ("add", issuer_keys, "add_key", True),
    ("add", Services, "write_trust", False),
    ("add", Services, "_write_trust", False),
    *(("revoke", *cut) for cut in _ENDING),
    ("retire", KeyRing, "set_state", False),
]


def cut_off(patched: Any, owner: Any, name: str, *, done: bool) -> None:
    function: Callable[..., Any] = getattr(owner, name)

    def last(*arguments: Any, **named: Any) -> Any:
        if done:
            function(*arguments, **named)
        raise Killed

    patched.setattr(owner, name, last)


@pytest.mark.parametrize("cut", CUTS, ids=range(len(CUTS)))
def test_a_change_of_keys_cut_off_anywhere_comes_out_whole(
    desk: Any, monkeypatch: Any, cut: Cut
) -> None:
    (old,), (how, owner, name, done) = record_keys(desk), cut
    arguments = ("issuer", "key", how, PREFIX if how == "add" else old)
    with monkeypatch.context() as patched:
        cut_off(patched, owner, name, done=done)
        with pytest.raises(Killed):
            desk(*arguments)
    ended = record_states(desk)[old] != "active"
    if ended:
        # In the database or not at all: then nothing signs, whatever the ring says.
        assert "no active record key" in desk.issue(desk.sheet(desk.rows(1))).line
    assert desk("anchor").status == 0
    states, held, told = record_states(desk), in_ring(desk), trusted(desk)
    assert {key: held[key] for key in states} == states
    assert {key: told[key].state for key in states} == states
    # Once more: it is done now, or was done.
    again = desk(*arguments)
    assert again.status == 0 or (ended and "cannot become" in again.line)
    assert desk("anchor").status == 0
    states, held = record_states(desk), in_ring(desk)
    assert {key: held[key] for key in states} == states
    if how != "add":
        assert states == {old: {"retire": "retired", "revoke": "revoked"}[how]}
        return
    # A key that was made and not announced is the one that is taken.
    known = ring_of(desk).keys()
    made = {str(key.key_id) for key in known if (key.issuer, key.purpose) == RECORD}
    assert made == set(states)
    assert desk.issue(desk.sheet(desk.rows(1))).status == 0


def record_states(desk: Any) -> dict[str, str]:
    return {key["key"]: key["state"] for key in listed(desk) if key["purpose"] == "record"}


def test_whoever_writes_the_trust_folder_last_is_not_behind(stock: Any, monkeypatch: Any) -> None:
    (old,) = record_keys(stock)
    services = Services.open(Home(path=stock.home, environ=os.environ))
    write, once = Services._write_trust, iter([True])

    def late(self: Any, *facts: Any) -> None:
        if next(once, False):
            # Another process revokes the key and writes, between this one's reading and writing.
            end(stock, "revoke", old)
            assert trusted(stock)[old].state is KeyState.REVOKED
        write(self, *facts)

    monkeypatch.setattr(Services, "_write_trust", late)
    services.write_trust()
    services.engine.dispose()
    assert trusted(stock)[old].state is KeyState.REVOKED


def test_a_home_of_an_older_program_is_taken_over_by_init(stock: Any) -> None:
    before = {key["key"]: key["added"] for key in listed(stock)}
    sealing = next(key["key"] for key in listed(stock) if key["purpose"] == "pdf")
    engine = Home(path=stock.home, environ=os.environ).engine()
    with write_unit(engine) as session:
        session.execute(delete(IssuerKey))
        # Seal keys stood in no leaf.
        session.execute(
            update(EventGroup).where(EventGroup.first_index == before[sealing]).values(kind="other")
        )
    engine.dispose()
    assert listed(stock, OTHER) == "none"
    assert stock("init").status == 0
    after = {key["key"]: key["added"] for key in listed(stock)}
    assert after == before | {sealing: None}
    assert stock("anchor").status == 0
    assert stock("init").status == 0
    pdf, _ = papers(stock, stock.certificates()[0].number, "one")
    assert judged(stock, pdf) == (0, "valid", "signature-good")
