"""Issuers' keys in the ledger: begun and ended by leaves, refused by the database afterwards."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, select, update

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.signer import PrivateKeySigner, public_bytes, software_signer
from registry.errors import NotFound, Refused
from registry.office.issuer_keys import (
    KeyNotActive,
    add_key,
    end_key,
    require_active,
    signing_key,
)
from registry.office.key_places import PlacedKey, adopt_keys, placed_keys
from registry.store.audit import AuditLine
from registry.store.base import read_unit, write_unit
from registry.store.certificates import Certificate
from registry.store.issuer_keys import IssuerKey
from registry.store.log import EventGroup
from signing.tlog.entry import Issue, Key, parse_entry

OTHER = "Y000044999002"


def new_signer(office: Any, seed: int, issuer: str = "", **change: Any) -> PrivateKeySigner:
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    public = public_bytes(private)
    facts: dict[str, Any] = {
        "key_id": key_id_of(Algorithm.ED25519, public),
        "algorithm": Algorithm.ED25519,
        "purpose": Purpose.RECORD,
        "issuer": issuer or office.prefix,
        "not_before": office.clock.now() - timedelta(days=400),
        "not_after": office.clock.now() + timedelta(days=400),
        "state": KeyState.ACTIVE,
        "public_key": public,
    }
    return software_signer(KeyInfo(**facts | change), private)


def seal_key(office: Any) -> KeyInfo:
    private = derive_private_key(12345, SECP256R1())
    public = public_bytes(private)
    info = new_signer(office, 200).info
    return replace(
        info,
        algorithm=Algorithm.ECDSA_P256,
        public_key=public,
        key_id=key_id_of(Algorithm.ECDSA_P256, public),
        purpose=Purpose.PDF,
    )


def add(office: Any, key: KeyInfo, prefix: str = "") -> None:
    with write_unit(office.engine) as session:
        add_key(session, prefix or office.prefix, key, context=office.context)


def end(office: Any, key_id: str, state: KeyState) -> None:
    with write_unit(office.engine) as session:
        end_key(session, key_id, state, context=office.context)


def places(office: Any) -> dict[str, PlacedKey]:
    with read_unit(office.engine) as session:
        return {key.row.key_id: key for key in placed_keys(session, office.origin)}


def first_key(office: Any) -> str:
    return str(office.record_keys[office.prefix].info.key_id)


def issue(office: Any, offset: int, count: int = 2) -> None:
    office.issue(office.people(count, offset=offset, level="4"))


def test_each_change_is_one_leaf_one_row_and_one_audit_line(office: Any) -> None:
    second, seal = new_signer(office, 9).info, seal_key(office)
    before = len(office.rows(AuditLine))
    add(office, second)
    add(office, seal)
    end(office, first_key(office), KeyState.RETIRED)
    end(office, seal.key_id, KeyState.REVOKED)
    assert [line.action for line in office.rows(AuditLine)[before:]] == [
        "key-add", "key-add", "key-retire", "key-revoke",
    ]  # fmt: skip
    office.run()
    office.audit()
    entries = [parse_entry(data) for data in office.entries()]
    told = [
        (at, entry.action, entry.key, entry.issuer, entry.alg, base64.b64decode(entry.public))
        for at, entry in enumerate(entries)
        if isinstance(entry, Key)
    ]
    first = office.record_keys[office.prefix].info
    p, ed, p256 = office.prefix, "ed25519", "ecdsa-p256-sha256"
    assert [item[1:] for item in told[2:]] == [
        ("add", second.key_id, p, ed, second.public_key),
        ("add", seal.key_id, p, p256, seal.public_key),
        ("retire", first.key_id, p, ed, first.public_key),
        ("revoke", seal.key_id, p, p256, seal.public_key),
    ]
    found = places(office)
    assert {key_id: (key.added, key.ended) for key_id, key in found.items()} == {
        first.key_id: (told[0][0], told[4][0]),
        office.record_keys[OTHER].info.key_id: (told[1][0], None),
        second.key_id: (told[2][0], None),
        seal.key_id: (told[3][0], told[5][0]),
    }
    assert found[first.key_id].row.ended_at == office.clock.now()


@pytest.mark.parametrize("state", KeyState)
@pytest.mark.parametrize("former", KeyState)
def test_a_keys_state_only_moves_up(office: Any, former: KeyState, state: KeyState) -> None:
    order = list(KeyState)
    if former is not KeyState.ACTIVE:
        end(office, first_key(office), former)
    before = office.contents()
    if order.index(state) > order.index(former):
        end(office, first_key(office), state)
        assert places(office)[first_key(office)].row.state == state
        return
    with pytest.raises(Refused, match=f"is {former} and cannot become {state}"):
        end(office, first_key(office), state)
    assert office.contents() == before


def test_a_retired_key_that_is_revoked_ends_at_its_revocation(office: Any) -> None:
    end(office, first_key(office), KeyState.RETIRED)
    office.run()
    retired = places(office)[first_key(office)]
    end(office, first_key(office), KeyState.REVOKED)
    pending = places(office)[first_key(office)]
    assert (retired.pending, pending.pending) == (False, True)
    assert pending.ended == office.head().size
    office.run()
    revoked = places(office)[first_key(office)]
    assert (revoked.pending, revoked.ended) == (False, pending.ended)


def test_no_key_is_announced_that_is_not_the_issuers_own_and_new(office: Any) -> None:
    second = new_signer(office, 9).info
    add(office, second)
    end(office, second.key_id, KeyState.REVOKED)
    foreign = office.record_keys[OTHER].info
    before = office.contents()
    for key in (
        second,  # a revoked key never comes back
        office.record_keys[office.prefix].info,
        foreign,
        replace(foreign, issuer=office.prefix),
        new_signer(office, 10, purpose=Purpose.UPLOAD).info,
        new_signer(office, 10, purpose=Purpose.CHECKPOINT).info,
        new_signer(office, 10, state=KeyState.RETIRED).info,
        new_signer(office, 10, state=KeyState.REVOKED).info,
        new_signer(office, 10, issuer="office").info,
    ):
        with pytest.raises(Refused, match="make another"):
            add(office, key)
    with pytest.raises(NotFound, match="no issuer with prefix Y000044999009"):
        add(office, new_signer(office, 10, "Y000044999009").info, "Y000044999009")
    with pytest.raises(NotFound, match="no issuer has a key"):
        end(office, "0" * 16, KeyState.REVOKED)
    assert office.contents() == before


def test_the_newest_active_key_signs(office: Any) -> None:
    def newest(purpose: Purpose = Purpose.RECORD) -> str:
        with read_unit(office.engine) as session:
            return signing_key(session, office.prefix, purpose)

    # Ids fall both ways, so that no order of theirs is taken for the order of time.
    added = [new_signer(office, seed).info.key_id for seed in (10, 9, 12, 11)]
    assert added not in (sorted(added), sorted(added)[::-1])
    for seed, key_id in zip((10, 9, 12, 11), added, strict=True):
        add(office, new_signer(office, seed).info)
        assert newest() == key_id
    for key_id, state in zip(added[::-1], [*KeyState][1:] * 2, strict=True):
        end(office, key_id, state)
    assert newest() == first_key(office)
    with pytest.raises(KeyNotActive, match="no active pdf key"):
        newest(Purpose.PDF)
    end(office, first_key(office), KeyState.REVOKED)
    with pytest.raises(KeyNotActive, match="issuer key add Y000044999001 --purpose record"):
        newest()


def test_the_database_refuses_a_signer_whatever_the_ring_gave(office: Any) -> None:
    issue(office, 0)
    office.run()
    number = office.rows(Certificate)[0].number
    good = office.record_keys[office.prefix]
    retired, revoked = new_signer(office, 9), new_signer(office, 10)
    for signer, state in ((retired, KeyState.RETIRED), (revoked, KeyState.REVOKED)):
        add(office, signer.info)
        end(office, signer.info.key_id, state)
    sealing = seal_key(office)
    add(office, sealing)
    before = office.contents()
    unknown, foreign = new_signer(office, 11), office.record_keys[OTHER]
    for signer, word in (
        (retired, "is retired"),
        (revoked, "is revoked"),
        (unknown, "never announced"),
        (foreign, "never announced"),
        (software_signer(replace(sealing), derive_private_key(12345, SECP256R1())), "announced"),
    ):
        office.record_keys[office.prefix] = signer
        with pytest.raises(KeyNotActive, match=word) as refused:
            issue(office, 50)
        assert refused.value.code == "key-not-active"
        with pytest.raises(KeyNotActive, match=word):
            office.correct(number, {"name": "欧阳龑"})
        # What was issued before is recognised: nothing has to be signed for that.
        assert office.issue(office.people(2, offset=0, level="4")).recognised
    assert office.contents() == before
    office.record_keys[office.prefix] = good
    issue(office, 50)
    office.correct(number, {"name": "欧阳龑"})


def test_what_fails_halfway_leaves_nothing(office: Any) -> None:
    before = office.contents()
    for work in (
        lambda session: add_key(
            session, office.prefix, new_signer(office, 9).info, context=office.context
        ),
        lambda session: end_key(
            session, first_key(office), KeyState.REVOKED, context=office.context
        ),
    ):

        def fail(session: Any, work: Any = work) -> None:
            work(session)
            session.flush()
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError), write_unit(office.engine) as session:
            fail(session)
        assert office.contents() == before


class Life:
    """One issuer's keys and certificates at random; mutable: it remembers who signed what."""

    def __init__(self, office: Any, chance: Any) -> None:
        self.office, self.chance = office, chance
        self.signers = [office.record_keys[office.prefix]]
        self.active = {first_key(office)}
        self.ended: set[str] = set()
        self.bounds: dict[str, int] = {}
        self.issued = 0

    def step(self) -> None:
        self.chance.choice([self.issue, self.issue, self.add, self.end, self.anchor])()
        self.look()

    def issue(self) -> None:
        signer = self.chance.choice(self.signers)
        self.office.record_keys[self.office.prefix] = signer
        self.issued += 1
        try:
            issue(self.office, 10 * self.issued, self.chance.randint(1, 3))
        except KeyNotActive:
            assert signer.info.key_id not in self.active
        else:
            assert signer.info.key_id in self.active

    def add(self) -> None:
        signer = new_signer(self.office, len(self.signers) + 20)
        add(self.office, signer.info)
        self.signers.append(signer)
        self.active.add(signer.info.key_id)

    def end(self) -> None:
        if self.active:
            key_id = self.chance.choice(sorted(self.active))
            end(self.office, key_id, self.chance.choice([KeyState.RETIRED, KeyState.REVOKED]))
            self.active.discard(key_id)
            self.ended.add(key_id)

    def anchor(self) -> None:
        self.office.run()
        signed_by = {row.status_index: row.key_id for row in self.office.rows(Certificate)}
        found = places(self.office)
        for at, entry in enumerate(map(parse_entry, self.office.entries())):
            if isinstance(entry, Issue):
                key = found[signed_by[entry.status]]
                assert key.added < at
                assert key.ended is None or at < key.ended
                # Nor was it ever said to stand outside, while the end was pending.
                assert at < self.bounds.get(key.row.key_id, at + 1)

    def look(self) -> None:
        for key_id, key in places(self.office).items():
            assert (key.ended is not None) == (key_id in self.ended)
            if key.ended is not None:
                assert key.ended >= self.bounds.setdefault(key_id, key.ended)


def test_whatever_a_key_signed_stands_between_its_leaves(office: Any, chance: Any) -> None:
    life = Life(office, chance)
    for _ in range(60):
        life.step()
    life.anchor()
    office.audit()
    assert life.ended
    assert life.issued > 10


def test_keys_of_an_older_program_are_taken_over_with_their_leaves(office: Any) -> None:
    issue(office, 0)
    office.run()
    told = {key_id: (key.added, key.row.added_at) for key_id, key in places(office).items()}
    with write_unit(office.engine) as session:
        session.execute(delete(IssuerKey))
    with pytest.raises(KeyNotActive):
        issue(office, 50)
    lines = len(office.rows(AuditLine))
    ring = [signer.info for signer in office.record_keys.values()]
    ring += [seal_key(office), new_signer(office, 12, state=KeyState.REVOKED).info]
    ring += [new_signer(office, 13, issuer="office").info]

    def adopt() -> int:
        with write_unit(office.engine) as session:
            return adopt_keys(session, ring, context=office.context)

    assert adopt() == 3
    found = places(office)
    sealing = found.pop(seal_key(office).key_id)
    assert {key_id: (key.added, key.row.added_at) for key_id, key in found.items()} == told
    assert sealing.added is None
    assert len(office.rows(AuditLine)) == lines + 1
    # Once is enough; a key that came later without being announced is left alone.
    ring.append(new_signer(office, 14).info)
    before = office.contents()
    assert adopt() == 0
    assert office.contents() == before
    issue(office, 50)
    office.run()
    office.audit()


def test_a_succeeding_log_gives_keys_their_places_anew(office: Any) -> None:
    issue(office, 0)
    end(office, first_key(office), KeyState.REVOKED)
    office.run()
    size = office.head().size
    with write_unit(office.engine) as session:
        # As `succession.succeed` leaves the events: all pending, in their order.
        session.execute(update(EventGroup).values(first_index=None))
    with read_unit(office.engine) as session:
        (key,) = (
            key
            for key in placed_keys(session, "127.0.0.1:8000/log2", office.prefix)
            if key.row.key_id == first_key(office)
        )
    assert key.added is None
    assert key.pending
    # Two keys, two certificates and the batch's close come first; the status leaf goes anew.
    assert key.ended == 5 == size - 2


def test_the_guard_holds_the_key_as_it_is(office: Any) -> None:
    with write_unit(office.engine) as session:
        row = session.get(IssuerKey, first_key(office))
        assert row is not None
        # Another's change that is committed counts, though this session read the row before.
        session.execute(
            update(IssuerKey).values(state="revoked").execution_options(synchronize_session=False)
        )
        assert row.state == "active"
        with pytest.raises(KeyNotActive, match="is revoked"):
            require_active(session, office.prefix, first_key(office))
        assert session.scalars(select(IssuerKey.state)).all() == ["revoked"] * 2
