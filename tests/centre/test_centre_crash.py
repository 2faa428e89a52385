"""Killed at any marked point, the centre has nothing of a package, or all of it."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from registry.centre import intake, worker
from registry.centre.intake import State
from registry.centre.publish import look_up
from registry.centre.store import AuditLine, Certificate, Judged, StoredReceipt, Submission
from registry.centre.worker import Worker

FORK = get_context("fork")


def in_child(work: Any) -> int:
    """Run `work` in a process of its own, which is killed within it; give its exit code."""
    process = FORK.Process(target=work)
    process.start()
    process.join(60)
    hung = process.is_alive()
    if hung:
        process.kill()
        process.join()
    assert not hung
    assert process.exitcode is not None
    return process.exitcode


def kill_self(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def counts(province: Any) -> tuple[int, ...]:
    return tuple(province.count(table) for table in (StoredReceipt, Certificate, Judged))


def after_its_work(owner: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a function do its work and be the last thing that happens."""
    function = getattr(owner, name)

    def last(*arguments: Any, **named: Any) -> None:
        function(*arguments, **named)
        kill_self()

    monkeypatch.setattr(owner, name, last)


@pytest.mark.parametrize("name", ["submit", "sign_receipt", "keep", "_advance", "_put_down"])
def test_killed_in_the_transaction_it_has_nothing(
    province: Any, shizhou: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    data = shizhou.package(*[shizhou.issue(serial) for serial in range(1, 40)])
    audit = province.count(AuditLine)
    province.centre.engine.dispose()

    def work() -> None:
        province.again()
        province.take(shizhou, data)

    with monkeypatch.context() as patched:
        after_its_work(intake, name, patched)
        assert in_child(work) == -signal.SIGKILL
    province.again()
    assert counts(province) == (0, 0, 0)
    assert (province.count(AuditLine), province.count(Submission)) == (audit, 0)
    assert province.take(shizhou, data).accepted == 39
    assert counts(province) == (1, 39, 1)


def test_killed_after_the_commit_the_answer_is_the_stored_receipt(
    province: Any, shizhou: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = shizhou.issue(1)
    data = shizhou.package(row)
    digest = handed_over(province, data)
    province.centre.engine.dispose()

    def work() -> None:
        Worker(province.again()).hand_in("shizhou", digest, wait=30)

    with monkeypatch.context() as patched:
        # Before a number of it is in the lookup file.
        patched.setattr(worker, "publish_new", kill_self)
        assert in_child(work) == -signal.SIGKILL
    centre = province.again()
    assert counts(province) == (1, 1, 1)
    assert look_up(centre.home.public, row.number) is None
    again = Worker(centre)
    assert again.hand_in("shizhou", digest, wait=30).state == State.RECEIPT
    province.take(shizhou, data)
    assert counts(province) == (1, 1, 1)
    # The next package, or the next start, brings the lookup up to date.
    again.resume()
    again.end()
    assert look_up(centre.home.public, row.number) is not None


def handed_over(province: Any, data: bytes) -> str:
    digest = hashlib.sha256(data).hexdigest()
    packages = province.centre.packages
    packages.append("shizhou", digest, 0, data)
    packages.close("shizhou", digest)
    return digest


def test_what_was_handed_in_before_a_kill_is_judged_at_the_next_start(
    province: Any, shizhou: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = handed_over(province, shizhou.package(shizhou.issue(1)))
    province.centre.engine.dispose()

    def work() -> None:
        Worker(province.again()).hand_in("shizhou", digest, wait=30)

    with monkeypatch.context() as patched:
        patched.setattr(worker, "take", kill_self)
        assert in_child(work) == -signal.SIGKILL
    again = Worker(province.again())
    found = again.state_of("shizhou", digest)
    assert found is not None
    assert (found.state, counts(province)) == (State.SUBMITTED, (0, 0, 0))
    again.resume()
    again.end()
    found = again.state_of("shizhou", digest)
    assert found is not None
    assert (found.state, counts(province)) == (State.RECEIPT, (1, 1, 1))


def test_of_many_who_bring_one_package_all_get_the_one_receipt(
    province: Any, shizhou: Any, lizhou: Any
) -> None:
    jobs = [(shizhou, shizhou.package(*map(shizhou.issue, range(1, 9))))] * 4
    jobs += [(lizhou, lizhou.package(*map(lizhou.issue, range(1, 9))))] * 4
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda job: province.take(*job).envelope, jobs))
    assert len(set(answers[:4])) == len(set(answers[4:])) == 1
    assert counts(province) == (2, 16, 2)


class AtOnce:
    """An executor whose work is done before its future is handed out."""

    def submit(self, work: Any, *arguments: Any) -> Future[None]:
        done: Future[None] = Future()
        work(*arguments)
        done.set_result(None)
        return done

    def shutdown(self, **_: object) -> None:
        """Nothing runs."""


def test_one_that_is_judged_before_its_sender_looks_holds_nobody_up(
    province: Any, shizhou: Any
) -> None:
    digests = [handed_over(province, shizhou.package(shizhou.issue(n))) for n in (1, 2)]
    queue = Worker(province.centre)
    queue._pool = AtOnce()  # type: ignore[assignment]

    def hand_in() -> None:
        for digest in digests:
            queue.hand_in("shizhou", digest, wait=1)

    thread = threading.Thread(target=hand_in, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert counts(province) == (2, 2, 2)
    assert queue._waiting == {}


def test_a_fault_of_ours_lets_the_sender_come_again_and_the_queue_goes_on(
    province: Any, shizhou: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = handed_over(province, shizhou.package(shizhou.issue(1)))
    queue = Worker(province.centre)

    def broken(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(worker, "take", broken)
        found = queue.hand_in("shizhou", digest, wait=30)
        assert (found.state, found.code) == (State.LATER, "server-error")
    assert queue.hand_in("shizhou", digest, wait=30).state == State.RECEIPT
    queue.end()


def test_a_fault_after_the_receipt_leaves_the_receipt(
    province: Any, shizhou: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = handed_over(province, shizhou.package(shizhou.issue(1)))
    queue = Worker(province.centre)

    def broken(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(worker, "publish_new", broken)
    assert queue.hand_in("shizhou", digest, wait=30).state == State.RECEIPT
    queue.end()


def test_one_that_could_not_even_be_set_aside_is_judged_when_its_sender_asks(
    province: Any, shizhou: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = handed_over(province, shizhou.package(shizhou.issue(1)))
    queue = Worker(province.centre)

    def broken(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(worker, "take", broken)
        patched.setattr(Worker, "_set_aside", broken)
        assert queue.hand_in("shizhou", digest, wait=30).state == State.SUBMITTED
    assert queue.ask("shizhou", "0" * 64) is None
    found = queue.ask("shizhou", digest)
    assert found is not None
    queue.end()
    found = queue.state_of("shizhou", digest)
    assert found is not None
    assert (found.state, counts(province)) == (State.RECEIPT, (1, 1, 1))
