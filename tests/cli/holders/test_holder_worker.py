"""The worker as a process, the contact command, and the channels by which codes leave."""

from __future__ import annotations

import io
import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from registry.cli import holders as commands
from registry.cli.holders import ByKind, CommandLetters, make_channel
from registry.cli.services import Services
from registry.errors import Refused
from registry.office.channels import ConsoleChannel, Letter, LetterLost
from registry.office.holders_contacts import contact_of
from registry.store.base import read_unit
from registry.store.certificates import Certificate
from registry.store.holders import HolderPaper
from signing.holder_messages import Begin, Begun, Done, Refusal, Request

MAIL = Letter(address="holder@example.invalid", subject="验证码", text="验证码：000000\n")
MOBILE = Letter(address="13800138000", subject="验证码", text="验证码：000000\n")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in os.environ if each.startswith(("CERTREG_SMTP", "CERTREG_CODE"))]:
        monkeypatch.delenv(name)


def until_answered(holders: Any, ask_id: bytes) -> Any:
    while not holders.bench.exchange.is_answered(ask_id):
        time.sleep(0.02)
    return holders.bench.exchange.collect(ask_id)


def test_the_process_answers_sends_the_code_and_ends_when_told(holders: Any, stock: Any) -> None:
    number = holders.numbers[0]
    ask = Begin(facts={"number": number, "name": holders.names[number]}, network="")
    with stock.process("holder", "work", "--console") as worker:
        ask_id = holders.bench.exchange.ask(ask, now=holders.clock.now().timestamp())
        assert isinstance(until_answered(holders, ask_id), Begun)
        letter = [worker.stderr.readline() for _ in range(3)]
        assert letter[0].startswith("--- to holder@example.invalid (console channel")
        assert "验证码：" in letter[2]
        worker.send_signal(signal.SIGTERM)
        assert worker.wait() == 0


def scanning(holders: Any, folder: Path, script: str) -> Path:
    """Have papers scanned by a script; give its file."""
    scan = folder / "scan"
    scan.write_text(f"#!/bin/sh\n{script}\n")
    scan.chmod(0o700)
    settings = holders.home.path / "certreg.toml"
    lines = settings.read_text()
    settings.write_text(f"document_scanner = {json.dumps([str(scan)])}\n{lines}")
    return scan


def with_paper(session: str, number: str) -> Request:
    return Request(
        session=session, number=number, kind="reissue", field="", wanted="", reason="遗失",
        document=b"\xff\xd8\xff a photograph \xff\xd9",
    )  # fmt: skip


def test_the_process_sends_codes_while_a_scan_goes_on_and_ends_after_it(
    holders: Any, stock: Any, tmp_path: Path
) -> None:
    number, other, exchange = *holders.numbers[:2], holders.bench.exchange
    session, now = holders.session(number), holders.clock.now().timestamp()
    scan = scanning(holders, tmp_path, 'touch "$0.on"; until test -e "$0.go"; do sleep 0.05; done')
    ask = Begin(facts={"number": other, "name": holders.names[other]}, network="")
    with stock.process("holder", "work", "--console") as worker:
        paper_id = exchange.ask(with_paper(session, number), now=now)
        while not Path(f"{scan}.on").exists():
            assert not exchange.is_answered(paper_id)
            time.sleep(0.02)
        assert isinstance(until_answered(holders, exchange.ask(ask, now=now)), Begun)
        assert not exchange.is_answered(paper_id)
        worker.send_signal(signal.SIGTERM)
        Path(f"{scan}.go").touch()
        assert worker.wait() == 0
    assert isinstance(exchange.collect(paper_id), Done)


def test_a_scan_that_does_not_end_is_ended(
    holders: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = holders.numbers[0]
    session = holders.session(number)
    scanning(holders, tmp_path, "exec sleep 600")
    monkeypatch.setattr(commands, "SCAN_SECONDS", 0.2)
    services = Services.open(holders.home)
    holders.bench = replace(holders.bench, examine=commands.make_bench(services).examine)
    assert holders.ask(with_paper(session, number)) == Refusal(code="trouble")
    assert holders.count(HolderPaper) == 1
    services.engine.dispose()


def test_a_worker_killed_at_once_leaves_the_ask_to_the_next(holders: Any, stock: Any) -> None:
    number = holders.numbers[0]
    ask = Begin(facts={"number": number, "name": holders.names[number]}, network="")
    exchange = holders.bench.exchange
    ask_id = exchange.ask(ask, now=holders.clock.now().timestamp())
    # Taken by a process that is gone: nobody touches the ask for a minute.
    assert exchange.take(now=holders.clock.now().timestamp() - 61) is not None
    with stock.process("holder", "work", "--console") as worker:
        assert isinstance(until_answered(holders, ask_id), Begun)
        worker.kill()


def test_the_contact_command_reads_from_standard_input(
    holders: Any, stock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = holders.numbers[7]
    monkeypatch.setattr(commands.sys, "stdin", io.StringIO("other@example.invalid\n"))
    assert stock("holder", "contact", number).status == 0
    with read_unit(holders.bench.engine) as session:
        tag = session.scalar(select(Certificate.id_tag).where(Certificate.number == number))
        assert contact_of(session, tag, holders.bench.context) == "other@example.invalid"
    monkeypatch.setattr(commands.sys, "stdin", io.StringIO("nonsense\n"))
    assert "请填写 11 位手机号或者电子邮箱" in stock("holder", "contact", number).line


def test_a_program_gets_the_letter_on_standard_input_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CERTREG_PASSPHRASE", "not for the gateway")
    monkeypatch.setenv("CERTREG_SMTP_PASSWORD", "not for the gateway either")
    program = tmp_path / "send"
    program.write_text(
        f'#!/bin/sh\ncat > {tmp_path}/got; echo "$#" > {tmp_path}/count; env > {tmp_path}/env\n'
    )
    program.chmod(0o700)
    CommandLetters(program=str(program)).send(MOBILE)
    assert json.loads((tmp_path / "got").read_text())["address"] == "13800138000"
    assert (tmp_path / "count").read_text() == "0\n"
    assert "not for the gateway" not in (tmp_path / "env").read_text()


@pytest.mark.parametrize("program", ["/nonexistent", "/bin/false"])
def test_a_program_that_fails_loses_the_letter_and_names_nobody(program: str) -> None:
    with pytest.raises(LetterLost) as lost:
        CommandLetters(program=program).send(MOBILE)
    assert "138" not in str(lost.value)


def test_without_a_channel_the_worker_does_not_start(stock: Any) -> None:
    refused = stock("holder", "work", "--once")
    assert refused.status == 1
    assert "--console" in refused.line
    assert stock("holder", "work", "--once", "--console").status == 0


def test_the_channel_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="--console"):
        make_channel()
    monkeypatch.setenv("CERTREG_CODE_COMMAND", "/bin/true")
    assert isinstance(make_channel(), CommandLetters)
    monkeypatch.setenv("CERTREG_SMTP_HOST", "127.0.0.1")
    with pytest.raises(Refused, match="CERTREG_SMTP_FROM"):
        make_channel()
    monkeypatch.setenv("CERTREG_SMTP_FROM", "office@example.invalid")
    both = make_channel()
    assert isinstance(both, ByKind)
    both.send(MOBILE)
    with pytest.raises(LetterLost, match="CERTREG_CODE_COMMAND"):
        ByKind(mail=ConsoleChannel(io.StringIO()), mobile=None).send(MOBILE)
    assert "holder" not in repr(MAIL)
