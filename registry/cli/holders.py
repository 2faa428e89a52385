"""``certreg holder``: the worker behind the holder's page, and contacts put down from here."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import click

from registry.cli.base import Exit, home_option
from registry.cli.exchange_key import open_exchange
from registry.cli.holder_papers import SCAN_SECONDS
from registry.cli.holder_work import Bench, send_waiting, tell_changes, work_on, work_one
from registry.cli.home import Home
from registry.cli.services import Services
from registry.documents.errors import GlyphMissing, TextTooLong
from registry.documents.pdf_check import look_into
from registry.documents.pdf_finding import PdfFinding
from registry.errors import Refused
from registry.office.change_papers import Examined, examined_of_holder
from registry.office.channels import Channel, ConsoleChannel, Letter, LetterLost
from registry.office.document_files import Examiner, Scanner
from registry.office.holders_contacts import put_contact
from registry.office.holders_copies import CopyRefused
from registry.store.base import write_unit
from verify_web.channels import Message, NotSent
from verify_web.mail import SmtpChannel, settings_of

COMMAND: Final = "CERTREG_CODE_COMMAND"
COMMAND_SECONDS: Final = 20


@click.group("holder")
def holder_group() -> None:
    """Serve holders of certificates (持证人服务)."""


@holder_group.command("work")
@home_option
@click.option("--once", is_flag=True, help="Do what there is to do now, and end.")
@click.option("--console", is_flag=True, help="Print codes here: for trying out, send nothing.")
def work_command(home: Home, *, once: bool, console: bool) -> int:
    """Answer the holder's page and send its codes, until interrupted.

    Codes to e-mail addresses go out by SMTP where ``CERTREG_SMTP_HOST`` and ``CERTREG_SMTP_FROM``
    are set. ``CERTREG_CODE_COMMAND`` names a program for the others (or for all): it gets one JSON
    object with ``address``, ``subject`` and ``text`` on its standard input. With neither set it
    does not start: printed, codes and addresses would stand in the machine's journal.
    """
    channel = ConsoleChannel() if console else make_channel()
    bench = make_bench(Services.open(home))
    if once:
        tell_changes(bench)
        send_waiting(bench, channel)
        while work_one(bench):
            send_waiting(bench, channel)
        return Exit.DONE
    logging.basicConfig(format="%(levelname)s %(name)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    work_on(bench, channel, stop)
    return Exit.DONE


@holder_group.command("contact")
@home_option
@click.argument("number")
def contact_command(home: Home, number: str) -> None:
    """Put the contact of the holder of certificate NUMBER down, as typed on standard input.

    An e-mail address or a mobile number; it is read from there so that it stands in no shell's
    history. It takes the place of an earlier one, and ends the holder's sessions.
    """
    services = Services.open(home)
    typed = sys.stdin.readline()
    with write_unit(services.engine) as session:
        put_contact(session, number, typed, by=None, context=services.context)
    click.echo(f"contact of {number} put down")


def make_bench(services: Services) -> Bench:
    """Put the worker's surroundings together over one home."""

    def make(number: str, purpose: str, recipient: str, until: date | None) -> bytes:
        # The PDF libraries are loaded with the first download, not with the command.
        from registry.cli.press import make_copy, make_pdf  # noqa: PLC0415

        if until is None:
            return make_pdf(services, number)
        try:
            return make_copy(
                services, number, purpose=purpose, recipient=recipient, valid_until=until
            )
        except (GlyphMissing, TextTooLong):
            # Whoever typed it can mend it.
            raise CopyRefused("purpose or recipient cannot be printed") from None

    return Bench(
        engine=services.engine,
        exchange=open_exchange(services.home),
        context=services.context,
        make=make,
        examine=_examine(services),
    )


def _examine(services: Services) -> Callable[[bytes], Examined]:
    """Return what looks into holders' papers: as the desks do, and with the same virus scan."""
    command = services.settings.document_scanner
    scanner = Scanner(command=command, seconds=SCAN_SECONDS) if command else None

    def look(path: Path) -> str:
        found = look_into(path)
        return "" if found is PdfFinding.NOTHING else found.value

    examiner = Examiner(look=look, scanner=scanner)
    folder = services.home.path / "documents"

    def examine(data: bytes) -> Examined:
        now = services.context.clock.now()
        return examined_of_holder(folder, data, examiner=examiner, now=now)

    return examine


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpLetters:
    """Sends to e-mail addresses as the site does."""

    smtp: SmtpChannel

    def send(self, letter: Letter) -> None:
        """Send one letter. Raises LetterLost."""
        message = Message(address=letter.address, subject=letter.subject, text=letter.text)
        try:
            self.smtp.send(message)
        except NotSent as fault:
            raise LetterLost(str(fault)) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLetters:
    """Hands letters to a program of the office's: a text message gateway, as a rule."""

    program: str

    def send(self, letter: Letter) -> None:
        """Run the program once. Raises LetterLost."""
        body = {"address": letter.address, "subject": letter.subject, "text": letter.text}
        try:
            # Nothing on the command line: every user of the machine can read that.
            subprocess.run(  # noqa: S603 -- the program is the office's own setting
                [self.program],
                input=json.dumps(body, ensure_ascii=False).encode(),
                # The worker's own holds the passphrase and the mail server's password.
                env={name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
                timeout=COMMAND_SECONDS,
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except (OSError, subprocess.SubprocessError) as fault:
            raise LetterLost(type(fault).__name__) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class ByKind:
    """E-mail addresses by one channel, mobile numbers by another."""

    mail: Channel
    mobile: Channel | None

    def send(self, letter: Letter) -> None:
        """Send by what fits. Raises LetterLost where nothing does."""
        channel = self.mail if letter.is_mail else self.mobile
        if channel is None:
            raise LetterLost(f"no channel to mobile numbers: set {COMMAND}")
        channel.send(letter)


def make_channel() -> Channel:
    """Choose the channel by the environment. Raises ``Refused`` for none, or one out of form."""
    try:
        settings = settings_of(os.environ)
    except ValueError as fault:
        raise Refused(str(fault)) from None
    program = os.environ.get(COMMAND, "")
    command = CommandLetters(program=program) if program else None
    if settings is not None:
        return ByKind(mail=SmtpLetters(smtp=SmtpChannel(settings)), mobile=command)
    if command is None:
        raise Refused(
            f"no channel for codes: set CERTREG_SMTP_HOST and CERTREG_SMTP_FROM, or {COMMAND};"
            " to try the page out, --console prints them"
        )
    return command
