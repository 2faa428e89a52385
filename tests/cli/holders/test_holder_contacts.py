"""Contacts and codes: what a change ends, who is told, and who cannot lock a holder out."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from registry.cli import holder_work
from registry.cli.holder_work import send_waiting, tell_changes
from registry.office.holders_contacts import put_contact
from registry.store.audit import AuditLine
from registry.store.base import write_unit
from registry.store.holders import HolderCode, HolderContact
from signing.holder_messages import Begin, Enter, Entered, Look, Refusal

NEW = "other@example.invalid"


def begun(holders: Any, number: str, network: str = "") -> str:
    ask = Begin(facts={"number": number, "name": holders.names[number]}, network=network)
    return str(holders.ask(ask).handle)


def entered(holders: Any, handle: str, code: str, network: str = "") -> Any:
    return holders.ask(Enter(handle=handle, code=code, network=network))


def changed(holders: Any, number: str, contact: str) -> None:
    with write_unit(holders.bench.engine) as session:
        put_contact(session, number, contact, by=None, context=holders.bench.context)


def test_a_code_under_way_ends_with_the_contact_that_it_went_to(holders: Any) -> None:
    number = holders.numbers[0]
    handle = begun(holders, number)
    send_waiting(holders.bench, holders.letters)
    changed(holders, number, NEW)
    assert entered(holders, handle, holders.letters.code()) == Refusal(code="bad-code")
    assert holders.count(HolderCode) == 0


def test_the_earlier_contact_is_told_once_and_the_holder_sees_the_day(holders: Any) -> None:
    number = holders.numbers[0]
    changed(holders, number, NEW)
    changed(holders, number, "third@example.invalid")
    tell_changes(holders.bench)
    tell_changes(holders.bench)
    send_waiting(holders.bench, holders.letters)
    (letter,) = holders.letters.sent
    assert letter.address == "holder@example.invalid"
    assert "联系方式已于" in letter.text
    assert number not in letter.text
    assert "third" not in letter.text
    held = holders.ask(Look(session=holders.session(number)))
    assert held.contact_since
    with write_unit(holders.bench.engine) as session:
        actions = [line.action for line in session.query(AuditLine)]
        assert actions.count("holder-contact-told") == 1
        assert not any(row.former for row in session.query(HolderContact))


def test_the_worker_tells_by_itself(
    holders: Any, stock: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, stop = holders.numbers[0], threading.Event()
    changed(holders, number, NEW)
    worker = threading.Thread(
        target=holder_work.work_on, args=(holders.bench, holders.letters, stop)
    )
    worker.start()
    while not holders.letters.sent:
        time.sleep(0.01)
    stop.set()
    worker.join()
    assert holders.letters.sent[0].address == "holder@example.invalid"
    changed(holders, number, "third@example.invalid")
    program, got = tmp_path / "send", tmp_path / "got"
    program.write_text(f"#!/bin/sh\ncat > {got}\n")
    program.chmod(0o700)
    monkeypatch.setenv("CERTREG_CODE_COMMAND", str(program))
    assert stock("holder", "work", "--once").status == 0
    assert json.loads(got.read_text())["address"] == NEW


def test_nobody_is_told_of_a_contact_that_stays(holders: Any) -> None:
    changed(holders, holders.numbers[0], "holder@example.invalid")
    changed(holders, holders.numbers[5], NEW)
    tell_changes(holders.bench)
    assert send_waiting(holders.bench, holders.letters) == 0


def test_who_knows_two_facts_cannot_lock_the_holder_out(holders: Any) -> None:
    number, home = holders.numbers[0], "192.0.2.0/24"
    handle = begun(holders, number, home)
    send_waiting(holders.bench, holders.letters)
    assert isinstance(entered(holders, handle, holders.letters.code(), home), Entered)
    holders.clock.ahead += timedelta(days=80)
    for _ in range(7):
        begun(holders, number, "198.51.100.0/24")
    assert send_waiting(holders.bench, holders.letters) == 5
    # From where the holder was before, and once from where nobody asked yet.
    for network, letters in ((home, 2), ("203.0.113.0/24", 1)):
        for _ in range(4):
            begun(holders, number, network)
        assert send_waiting(holders.bench, holders.letters) == letters
    # However many networks somebody has: twenty, and the holder's own.
    for host in range(30):
        begun(holders, number, f"10.0.{host}.0/24")
    assert send_waiting(holders.bench, holders.letters) == 12
    holders.clock.ahead += timedelta(hours=1)
    begun(holders, number, home)
    assert send_waiting(holders.bench, holders.letters) == 1


def test_a_network_is_forgotten_after_ninety_days(holders: Any) -> None:
    number, home = holders.numbers[0], "192.0.2.0/24"
    handle = begun(holders, number, home)
    send_waiting(holders.bench, holders.letters)
    assert isinstance(entered(holders, handle, holders.letters.code(), home), Entered)
    holders.clock.ahead += timedelta(days=91)
    begun(holders, holders.numbers[1])
    assert holders.count(HolderCode) == 1


def test_the_code_of_one_holder_does_not_open_the_page_of_another(holders: Any) -> None:
    codes = {}
    for number in holders.numbers[:2]:
        handle = begun(holders, number)
        send_waiting(holders.bench, holders.letters)
        codes[number] = handle, holders.letters.code()
    (one, first), (other, second) = codes.values()
    if first != second:
        assert entered(holders, one, second) == Refusal(code="bad-code")
        assert entered(holders, other, first) == Refusal(code="bad-code")
    for number, (handle, code) in codes.items():
        held = holders.ask(Look(session=entered(holders, handle, code).session))
        assert number in [one.number for one in held.certificates]
        assert holders.ids[number] not in str(held)
        assert {one.name for one in held.certificates} == {holders.names[number]}
