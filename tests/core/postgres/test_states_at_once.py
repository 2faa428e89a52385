"""Two clerks change one certificate's state at once: the second sees what the first did."""

from __future__ import annotations

import time
from multiprocessing import get_context
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from registry.office.reasons import Reason
from registry.office.reissuing import reissue
from registry.office.suspending import suspend
from registry.store.audit import AuditLine
from registry.store.base import write_unit
from registry.store.certificates import Certificate

fork = get_context("fork")


def change(office: Any, verb: str, number: str) -> None:
    signer = office.record_keys[number[:13]]
    with write_unit(office.engine) as session:
        if verb == "suspend":
            suspend(session, number, Reason.DISPUTED, context=office.context)
        else:
            reissue(session, number, Reason.LOST, signer=signer, context=office.context)


@pytest.mark.parametrize("verbs", [("suspend", "reissue"), ("reissue", "reissue")])
def test_only_one_of_two_changes_is_made(office: Any, verbs: tuple[str, str]) -> None:
    office.issue(office.people(1, level="4"))
    number = f"{office.prefix}264000001"
    before = len(office.rows(AuditLine))
    address = make_url(office.url)
    office.close()
    answers = fork.SimpleQueue()

    def work(verb: str) -> None:
        try:
            change(office, verb, number)
            answers.put("done")
        except Exception as error:  # noqa: BLE001 -- told to the parent
            answers.put(f"{type(error).__name__}: {error}")

    workers = [fork.Process(target=work, args=(verb,)) for verb in verbs]
    with psycopg.connect(
        host=address.query["host"], user=address.username, dbname=address.database
    ) as third:
        # Held until both wait for it: each then read a valid certificate.
        third.execute("SELECT 1 FROM certificates FOR UPDATE")
        for worker in workers:
            worker.start()
        waiting, end = 0, time.monotonic() + 5
        while waiting < len(workers) and time.monotonic() < end:
            query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            (waiting,) = third.execute(query).fetchone() or (0,)
            time.sleep(0.02)
        third.rollback()
    said = sorted(answers.get() for _ in workers)
    for worker in workers:
        worker.join()
    assert said[1] == "done"
    assert said[0].startswith(f"Refused: certificate {number} is s")
    assert len(office.rows(AuditLine)) == before + 1
    office.run()
    office.audit()
    states = sorted(int(row.state) for row in office.rows(Certificate))
    assert states in ([2], [0, 3])
