"""Imports in the log that follows a frozen one: taken up again, their numbers not minted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import delete

from keys.policy import Policy, PolicyLog
from keys.vkey import SignatureType, VerifierKey
from registry.ledger.fsck import fsck
from registry.ledger.local_storage import LocalStorage
from registry.ledger.monitor.replay import Replay
from registry.ledger.succession import current_era, freeze, serials_given, succeed
from registry.store.base import write_unit
from registry.store.certificates import Counter
from signing.tlog.entry import Import, parse_entry
from signing.tlog.merkle import leaf_hashes
from signing.tlog.tiles import TileReader

NEXT = "127.0.0.1:8000/log2"


def test_the_next_log_takes_imports_up_and_their_numbers_stay_given(
    office: Any, importing: Any
) -> None:
    importing.run(importing.rows([7, 120]))
    office.run()
    given = serials_given(iter(office.entries()))
    with write_unit(office.engine) as session:
        era = current_era(session, office.origin)
        note = office.log.storage.read("checkpoint")
        freeze(session, era, "示例", final_note=note, actor="test", now=office.clock.now())
    with write_unit(office.engine) as session:
        # A database that lost what it knew of the numbers: the frozen log's files say it.
        session.execute(delete(Counter).where(Counter.scope.like("number:%")))
        era = current_era(session, office.origin)
        succeed(session, era, NEXT, given=given, actor="test", now=office.clock.now())
    key = VerifierKey(
        name=NEXT, type=SignatureType.ED25519, public_key=office.log_key.info.public_key
    )
    policy = Policy(logs=(PolicyLog(key=key),))
    folder = office.site.public / "log2"
    log = replace(office.log, origin=NEXT, storage=LocalStorage(folder), policy=policy)
    new = office.people(1, level="3", issued=date(2021, 12, 1))
    assert office.issue(new).ranges[0][0] == "Y000044999001213000121"
    done = office.anchor(log)
    entries = list(TileReader(log.storage.read).at(done.size).entries())
    assert sum(isinstance(parse_entry(entry), Import) for entry in entries) == 2
    assert fsck(folder, policy).faults == ()
    assert Replay().take(0, entries, leaf_hashes(entries)) == []
