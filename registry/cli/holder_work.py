"""``certreg holder work``: the registry's worker for the holder's page.

It takes asks from the exchange one by one, runs one use case for each and puts the answer down.
Killed anywhere it leaves an ask that is answered once by the next: `registry.office.holders_asks`.
Codes are sent from a thread of their own, after the answer, so that no ask takes longer because a
letter went out; a letter under way when the worker dies is lost, and another can be asked for.
Requests with a paper are carried out in a thread of their own too (`registry.cli.holder_papers`):
looking into a paper takes up to a minute, and nobody else's code is to wait for that.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, Protocol, TypeVar, assert_never

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from registry.cli.holder_papers import PAPERS_WAIT, Papers
from registry.errors import NotFound, Overtaken, Refused
from registry.office import holders, holders_copies, holders_requests, holders_shares
from registry.office.change_papers import NO_PAPER, Examined, PaperRefused
from registry.office.channels import Channel, Letter, LetterLost
from registry.office.context import Actor, Context
from registry.office.document_files import ScanFailed
from registry.office.holders_asks import keep_answer, kept_answer
from registry.office.holders_contacts import is_change_untold, letter_of_change
from registry.office.holders_home import look
from registry.office.holders_lines import HOLDER
from registry.office.holders_papers import note_not_taken
from registry.office.holders_sessions import SessionOver, is_known, leave
from registry.office.holders_shares import ShareOver
from registry.store.base import read_unit, write_unit
from signing.errors import MalformedExchange
from signing.exchange import Exchange, Taken
from signing.holder_messages import (
    Answer,
    Ask,
    Begin,
    Done,
    Draw,
    Enter,
    Leave,
    Look,
    OpenShare,
    Refusal,
    Request,
    Share,
    Unshare,
)

POLL_SECONDS: Final = 0.05
TROUBLE_SECONDS: Final = 5.0
PURGE_EVERY: Final = 600
"""Rounds between two clearings of the exchange: half a minute."""

TELL_EVERY: Final = 100
"""Rounds between two looks for changed contacts: five seconds."""

TROUBLE: Final = "trouble"
"""The refusal's code where something is ours to mend, and the log says what."""

_LOG: Final = logging.getLogger("registry.holder")
Told = TypeVar("Told")


class Maker(Protocol):
    """Makes a PDF that has passed the print gate."""

    def __call__(self, number: str, purpose: str, recipient: str, until: date | None) -> bytes:
        """Return an annotated copy, or the original where ``until`` is None. Raises ``Refused``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What the worker works with.

    ``examine`` looks into a paper, or raises ``PaperRefused`` or ``ScanFailed``.
    """

    engine: Engine
    exchange: Exchange
    context: Context
    make: Maker
    examine: Callable[[bytes], Examined]
    letters: queue.SimpleQueue[Letter] = field(default_factory=queue.SimpleQueue)

    def acting(self) -> Context:
        """Return the use cases' surroundings, with the holder as actor."""
        return replace(self.context, actor=Actor(HOLDER))


def work_one(bench: Bench, papers: Papers | None = None) -> bool:
    """Answer one ask; False where there is none. Raises MalformedExchange.

    One with a paper is put aside into ``papers``; with none given it is answered here.
    """
    taken = bench.exchange.take(now=_now(bench))
    if taken is None:
        return False
    try:
        ask = bench.exchange.read(taken)
    except MalformedExchange as fault:
        # Nobody of ours wrote it. Left in place it would be taken again for ever.
        _LOG.error("%s: %s", fault.code, fault)
        bench.exchange.drop(taken.ask_id)
        return True
    answer: Answer | None
    if papers is not None and isinstance(ask, Request) and ask.document:
        answer = _put_aside(bench, papers, taken, ask)
    else:
        answer = _answer(bench, taken, ask)
    if answer is not None:
        bench.exchange.answer(taken.ask_id, answer)
    return True


def look_into_one(bench: Bench, papers: Papers, seconds: float) -> bool:
    """Answer the oldest ask with a paper; False where none came within ``seconds``.

    Raises MalformedExchange: then the ask is taken anew after a minute.
    """
    waited = papers.next(seconds)
    if waited is None:
        return False
    now = _now(bench)
    papers.hold(bench.exchange, now=now)
    # Its minute begins here, however long it waited: a look ends before it does.
    taken = bench.exchange.take_again(waited, now=now)
    if taken is not None:
        answer = _answer(bench, taken, bench.exchange.read(taken))
        bench.exchange.answer(taken.ask_id, answer)
    return True


def work_on(bench: Bench, channel: Channel, stop: threading.Event) -> None:
    """Answer asks until ``stop`` is set; those under way are finished first, papers too."""
    sender = threading.Thread(target=_send, args=(bench.letters, channel, stop), daemon=True)
    sender.start()
    papers = Papers()
    looker = threading.Thread(target=_look_on, args=(bench, papers, stop), daemon=True)
    looker.start()
    rounds = 0
    while not stop.is_set():
        try:
            if rounds % PURGE_EVERY == 0:
                bench.exchange.purge(now=_now(bench))
            if rounds % TELL_EVERY == 0:
                tell_changes(bench)
            rounds += 1
            while work_one(bench, papers) and not stop.is_set():
                pass
            stop.wait(POLL_SECONDS)
        except Exception as fault:  # noqa: BLE001 -- whatever it is, others' asks must go on
            _log(fault)
            stop.wait(TROUBLE_SECONDS)
    # Ended at once, a look would leave a plain file until somebody clears it away.
    looker.join()
    sender.join(timeout=POLL_SECONDS)


def tell_changes(bench: Bench) -> None:
    """Put down letters to the earlier contacts of holders whose contact was changed."""
    while True:
        with read_unit(bench.engine) as session:
            waiting = is_change_untold(session)
        if not waiting:
            return
        with write_unit(bench.engine) as session:
            letter = letter_of_change(session, context=bench.acting())
        if letter is not None:
            bench.letters.put(letter)


def send_waiting(bench: Bench, channel: Channel) -> int:
    """Send the letters that wait; return how many were taken over."""
    sent = 0
    with suppress(queue.Empty):
        while True:
            sent += _sent(bench.letters.get_nowait(), channel)
    return sent


def _send(letters: queue.SimpleQueue[Letter], channel: Channel, stop: threading.Event) -> None:
    while not stop.is_set():
        with suppress(queue.Empty):
            _sent(letters.get(timeout=POLL_SECONDS), channel)


def _look_on(bench: Bench, papers: Papers, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            look_into_one(bench, papers, POLL_SECONDS)
        except Exception as fault:  # noqa: BLE001 -- whatever it is, others' papers must go on
            _log(fault)
            stop.wait(TROUBLE_SECONDS)


def _sent(letter: Letter, channel: Channel) -> bool:
    try:
        channel.send(letter)
    except LetterLost as fault:
        _LOG.error("a code was not sent: %s", fault)
        return False
    return True


def _answer(bench: Bench, taken: Taken, ask: Ask) -> Answer:
    return _guarded(lambda: _carried_out_once(bench, taken.ask_id, ask))


def _put_aside(bench: Bench, papers: Papers, taken: Taken, ask: Request) -> Answer | None:
    """Have an ask wait for its paper to be looked into; the answer, where there is one at once."""

    def put_aside() -> Answer | None:
        if (made_up := _made_up(bench, ask)) is not None:
            return made_up
        context = bench.acting()
        with write_unit(bench.engine) as session:
            kept = kept_answer(session, taken.ask_id, context)
            if kept is not None:
                return kept
            allowed = holders_requests.may_request(session, ask, context=context)
        return None if papers.offer(taken, allowed.id_tag) else Refusal(code=PAPERS_WAIT)

    return _guarded(put_aside)


def _guarded(act: Callable[[], Told]) -> Told | Refusal:
    try:
        return act()
    except (Refused, NotFound) as refused:
        return Refusal(code=refused.code)
    except Exception as fault:  # noqa: BLE001 -- an ask without an answer is taken again for ever
        _log(fault)
        return Refusal(code=TROUBLE)


def _carried_out_once(bench: Bench, ask_id: bytes, ask: Ask) -> Answer:
    try:
        return _carried_out(bench, ask_id, ask)
    except Overtaken:
        # Another worker was faster: its answer stands.
        with write_unit(bench.engine) as session:
            kept = kept_answer(session, ask_id, bench.context)
        return kept or Refusal(code=TROUBLE)


def _log(fault: Exception) -> None:
    # A foreign message may quote a value of a person: its kind alone is logged.
    _LOG.error("holder work: %s", getattr(fault, "code", type(fault).__name__))


def _carried_out(bench: Bench, ask_id: bytes, ask: Ask) -> Answer:
    context = bench.acting()
    if (made_up := _made_up(bench, ask)) is not None:
        return made_up
    pdf = _drawn(bench, ask_id, ask, context) if isinstance(ask, Draw) else b""
    paper = NO_PAPER
    if isinstance(ask, Request):
        looked = _looked_into(bench, ask_id, ask, context)
        if not isinstance(looked, bytes):
            return looked
        paper = looked
    with write_unit(bench.engine) as session:
        kept = kept_answer(session, ask_id, context)
        if kept is not None:
            return kept
        letter = None
        if isinstance(ask, Begin):
            answer: Answer
            answer, letter = holders.begin(session, ask, context=context)
        else:
            answer = _use_case(session, ask, pdf, paper, context)
        keep_answer(session, ask_id, answer, context)
    # After the commit: a code that was rolled back must not reach anybody.
    if letter is not None:
        bench.letters.put(letter)
    return answer


def _made_up(bench: Bench, ask: Ask) -> Answer | None:
    """Answer an ask whose secret leads nowhere; None for the others.

    From a snapshot and without a line: whoever floods the worker with invented secrets neither
    holds up an issue nor fills the audit.
    """
    with read_unit(bench.engine) as session:
        match ask:
            case Begin():
                return None
            case Enter():
                known, otherwise = holders.is_handle(session, ask.handle), "bad-code"
            case OpenShare():
                known, otherwise = holders_shares.is_link(session, ask.token), ShareOver.code
            case Leave():
                return None if is_known(session, ask.session) else Done()
            case _:
                known, otherwise = is_known(session, ask.session), SessionOver.code
    return None if known else Refusal(code=otherwise)


def _use_case(session: Session, ask: Ask, pdf: bytes, paper: Examined, context: Context) -> Answer:
    answer: Answer
    match ask:
        case Begin():
            raise AssertionError  # its letter is the caller's
        case Enter():
            answer = holders.enter(session, ask, context=context)
        case Look():
            answer = look(session, ask, context)
        case Leave():
            answer = leave(session, ask, context=context)
        case Draw():
            answer = holders_copies.record_copy(session, ask, pdf, context=context)
        case Share():
            answer = holders_shares.share(session, ask, context=context)
        case Unshare():
            answer = holders_shares.unshare(session, ask, context=context)
        case OpenShare():
            answer = holders_shares.open_share(session, ask, context=context)
        case Request():
            answer = holders_requests.request(session, ask, paper, context=context)
        case _:
            assert_never(ask)
    return answer


def _drawn(bench: Bench, ask_id: bytes, ask: Draw, context: Context) -> bytes:
    with write_unit(bench.engine) as session:
        if kept_answer(session, ask_id, context) is not None:
            return b""
        until = holders_copies.may_draw(session, ask, context=context)
    return bench.make(ask.number, ask.purpose, ask.recipient, until)


def _looked_into(bench: Bench, ask_id: bytes, ask: Request, context: Context) -> Examined | Answer:
    """Look into a request's paper, once it is known that the request may be put down.

    No transaction is open meanwhile: a large PDF takes seconds. A paper that is not taken in is
    counted, and that is the ask's answer.
    """
    with write_unit(bench.engine) as session:
        if kept_answer(session, ask_id, context) is not None:
            return NO_PAPER
        allowed = holders_requests.may_request(session, ask, context=context)
    try:
        return bench.examine(ask.document)
    except PaperRefused as refused:
        code, answer = refused.code, Refusal(code=refused.code)
    except ScanFailed as fault:
        _log(fault)
        code, answer = fault.code, Refusal(code=TROUBLE)
    with write_unit(bench.engine) as session:
        kept = kept_answer(session, ask_id, context)
        if kept is not None:
            return kept
        note_not_taken(session, allowed.id_tag, allowed.number, code, context=context)
        keep_answer(session, ask_id, answer, context)
    return answer


def _now(bench: Bench) -> float:
    return bench.context.clock.now().timestamp()
