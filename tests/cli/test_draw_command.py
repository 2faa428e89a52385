"""Draws from the shell: made by the first checkpoint whenever it is run, and checked by anyone."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from registry.cli.home import Home
from registry.cli.services import Services
from registry.office.cases import CaseKind
from registry.office.draw_papers import (
    DrawFile,
    Pair,
    compute,
    parse_draw_file,
    parse_pool,
    parse_result,
)
from registry.office.draws import fix_pool
from registry.office.identity import AccountId, Identity, Role
from registry.store.accounts import Account
from registry.store.base import read_unit, write_unit
from registry.store.procedure import Case, Company
from registry.store.registers import Expert, Supervision
from signing.canonical import encode

CLERK = Identity(account_id=AccountId(1), login="clerk", role=Role.CLERK)


class Supervised:
    """A home whose pool CQ-…-0001 is fixed; mutable: `services` is opened once."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk
        self.services = Services.open(Home(path=desk.home, environ=os.environ))
        now = self.services.context.clock.now()
        with write_unit(self.services.engine) as session:
            session.add(
                Account(
                    account_id=1,
                    login="clerk",
                    display=b"",
                    role="clerk",
                    password="!",
                    password_at=now,
                    created_at=now,
                )
            )
            session.add(
                Company(
                    company_id=1,
                    uscc="91449999MA5DEM0015",
                    name="深圳市示例精密制造有限公司",
                    state="listed",
                    created_at=now,
                )
            )
            session.flush()
            for number in range(1, 6):
                session.add(
                    Case(
                        kind=CaseKind.PLAN.value,
                        reference=f"JH-2026-{number:04}",
                        company_id=1,
                        title="车工 四级",
                        state="recorded",
                        form=b"",
                        opened_at=now,
                        changed_at=now,
                    )
                )
            for number in range(1, 4):
                label = f"DD{number:03}"
                session.add(Expert(kind="supervisor", label=label, fields="", sealed=b""))
        self.reference = self.fix()

    def fix(self) -> str:
        with write_unit(self.services.engine) as session:
            context = self.services.context
            return fix_pool(session, take=2, avoid=(), by=CLERK, context=context).reference

    def file(self) -> Path:
        out: Path = self.desk.folder / "draw.json"
        assert self.desk("draw", "file", self.reference, "-o", str(out)).status == 0
        return out

    @property
    def log(self) -> Path:
        return self.desk.home / "public" / "log"  # type: ignore[no-any-return]

    def verify(self, file: Path, *options: str) -> tuple[int, list[str]]:
        ran = self.desk("draw", "verify", str(file), "--json", *options)
        return ran.status, [one["answer"] for one in json.loads(ran.out)]


@pytest.fixture
def supervised(desk: Any) -> Any:
    found = Supervised(desk)
    yield found
    found.services.engine.dispose()


@pytest.fixture
def drawn(supervised: Any) -> Any:
    assert supervised.desk("anchor").status == 0
    assert supervised.desk("draw", "run").status == 0
    assert supervised.desk("anchor").status == 0
    return supervised


def test_a_draw_from_the_pool_to_the_check_by_anyone(supervised: Any, tmp_path: Path) -> None:
    desk, reference = supervised.desk, supervised.reference
    assert "not in the log yet" in desk("draw", "run").out
    assert desk("draw", "run", reference).status == 1
    assert desk("draw", "file", reference, "-o", str(tmp_path / "none.json")).status == 1
    assert desk("anchor").status == 0
    assert reference in desk("draw", "run").out
    assert "none waits" in desk("draw", "run").out
    assert desk("draw", "run", reference).status == 1
    file = supervised.file()
    assert supervised.verify(file) == (2, ["valid", "cannot-say", "cannot-say", "cannot-say"])
    found = supervised.verify(file, "--log", str(supervised.log))
    assert found == (2, ["valid", "valid", "valid", "cannot-say"])
    assert desk("anchor").status == 0
    copy = tmp_path / "copy"
    shutil.copytree(supervised.log, copy)
    policy = desk.trust / "log.policy"
    found = supervised.verify(file, "--log", str(copy), "--policy", str(policy))
    assert found == (0, ["valid"] * 4)
    with read_unit(supervised.services.engine) as session:
        assert len(session.scalars(select(Supervision)).all()) == 2


def test_waiting_for_a_better_checkpoint_does_not_help(supervised: Any) -> None:
    """Run late, the draw takes the text of the first checkpoint, which only the tree still has."""
    desk = supervised.desk
    assert desk("anchor").status == 0
    first = (supervised.log / "checkpoint").read_text().partition("\n\n")[0] + "\n"
    for number in range(3):
        day = ("--date", f"2026-11-0{number + 1}")
        assert desk("milestone", "add", "plan", f"JH-2025-000{number}", *day).status == 0
        assert desk("anchor").status == 0
    assert desk("draw", "run").status == 0
    assert desk("anchor").status == 0
    file = supervised.file()
    assert parse_draw_file(file.read_bytes()).checkpoint == first
    assert supervised.verify(file, "--log", str(supervised.log)) == (0, ["valid"] * 4)


def changed(file: Path, change: Callable[[DrawFile], DrawFile]) -> Path:
    other = file.with_name("changed.json")
    other.write_bytes(encode(change(parse_draw_file(file.read_bytes()))))
    return other


def redrawn(draw: DrawFile, pool: bytes, checkpoint: str, leaf: int) -> DrawFile:
    """Draw again as a forger would, so that the result fits whatever was put in its place."""
    result = compute(pool, checkpoint.encode(), leaf).decode()
    return msgspec.structs.replace(draw, pool=pool.decode(), checkpoint=checkpoint, result=result)


def another_pool(draw: DrawFile) -> DrawFile:
    paper = msgspec.structs.replace(parse_pool(draw.pool.encode()), take=1)
    return redrawn(draw, encode(paper), draw.checkpoint, parse_result(draw.result.encode()).leaf)


def another_leaf(draw: DrawFile) -> DrawFile:
    leaf = parse_result(draw.result.encode()).leaf
    return redrawn(draw, draw.pool.encode(), draw.checkpoint, leaf - 1)


def another_result(draw: DrawFile) -> DrawFile:
    paper = parse_result(draw.result.encode())
    pairs = (Pair(plan=paper.drawn[0].plan, supervisor="DD009"), *paper.drawn[1:])
    result = encode(msgspec.structs.replace(paper, drawn=pairs)).decode()
    return msgspec.structs.replace(draw, result=result)


@pytest.mark.parametrize("change", [another_pool, another_leaf, another_result])
def test_a_forged_draw_is_found(drawn: Any, change: Callable[[DrawFile], DrawFile]) -> None:
    file = changed(drawn.file(), change)
    status, answers = drawn.verify(file, "--log", str(drawn.log))
    assert status == 1
    assert "invalid" in answers


def test_a_later_checkpoint_is_found(drawn: Any) -> None:
    """The log's own newest checkpoint: signed, over the pool, and not the first."""
    newest = (drawn.log / "checkpoint").read_text()

    def later(draw: DrawFile) -> DrawFile:
        leaf = parse_result(draw.result.encode()).leaf
        return redrawn(draw, draw.pool.encode(), newest, leaf)

    status, answers = drawn.verify(changed(drawn.file(), later), "--log", str(drawn.log))
    # The forged result stands in no leaf, and its milestone is of the true one.
    assert (status, answers) == (1, ["valid", "valid", "invalid", "invalid"])


def test_a_checkpoint_that_never_was_is_found(drawn: Any) -> None:
    """A root of the true tree, but of a size at which the log never signed."""

    def between(draw: DrawFile) -> DrawFile:
        from registry.cli.draw_check import open_log

        leaf = parse_result(draw.result.encode()).leaf
        log = open_log(drawn.services.log.storage.read, drawn.services.policy)
        return redrawn(draw, draw.pool.encode(), log.text_at(leaf + 1), leaf)

    status, answers = drawn.verify(changed(drawn.file(), between), "--log", str(drawn.log))
    assert (status, answers[2]) == (1, "invalid")


def test_missing_files_of_the_log_are_no_no(drawn: Any, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(drawn.log, copy)
    shutil.rmtree(copy / "tile")
    policy = str(drawn.desk.trust / "log.policy")
    status, answers = drawn.verify(drawn.file(), "--log", str(copy), "--policy", policy)
    assert (status, set(answers[1:])) == (2, {"cannot-say"})


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[" * 100_000])
def test_what_is_no_draw_is_refused(desk: Any, data: bytes) -> None:
    file = desk.folder / "draw.json"
    file.write_bytes(data)
    assert desk("draw", "verify", str(file)).status == 1
