"""The exchange with the provincial centre in one home: the trusted centre, receipts, the sender."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from random import SystemRandom

from sqlalchemy.orm import Session

from keys.model import KeyId, Purpose
from registry.cli.base import CLOCK
from registry.cli.home import Home
from registry.cli.services import OFFICE, Services
from registry.cli.upload_kit import FOLDER, held_card, make_doing, make_kit
from registry.errors import Refused
from registry.ledger.local_storage import LocalStorage
from registry.office.context import Context
from registry.office.milestones import add_milestone
from registry.store.base import write_unit
from registry.upload.asking import Client, base_of
from registry.upload.cards import fetch_cards, note_card, note_refused
from registry.upload.errors import NotInLog
from registry.upload.exchange import Exchange
from registry.upload.kit import Kit
from registry.upload.problems import WORDS, NoCentre, Problem
from registry.upload.push import HttpTransport
from registry.upload.receiving import Reception
from registry.upload.sending import Sender
from signing.milestone import MilestoneFacts, MilestoneKind
from signing.upload.centre_card import (
    CENTRE_FILE,
    MAX_CENTRE_BYTES,
    Centre,
    keeps_keys,
    parse_centre,
    revives,
)

RECEIPT_NOTE = "省中心回执"


def trusted_centre(home: Home) -> Centre:
    """Return the centre that this home trusts. Raises ``NoCentre`` or ``MalformedCentre``."""
    data = _held_bytes(home)
    if not data:
        raise NoCentre(f"{WORDS[Problem.NO_CENTRE]} (no centre is set)")
    return parse_centre(data)


def set_centre(services: Services, file: Path) -> Centre:
    """Trust the centre of a card, by a person's word; nothing that was ended comes back by it.

    Raises ``MalformedCentre`` or ``Refused``, and then nothing is changed.
    """
    with file.open("rb") as card:
        data = card.read(MAX_CENTRE_BYTES + 1)
    centre = parse_centre(data)
    with _card_turn(services.home):
        held = held_card(services.home)
        if held is not None:
            _refuse_going_back(held, centre, services.home.path / CENTRE_FILE)
        _keep_card(services, centre, data)
    return centre


def take_newer_card(services: Services, client: Client) -> str:
    """Trust the centre's newest card if it follows from the one in use; return what is wrong.

    "" if nothing is; the sender is to be made anew.
    """
    before = _held_bytes(services.home)
    found = fetch_cards(client, trusted_centre(services.home))
    if not found.data and not found.problem:
        return ""
    with _card_turn(services.home):
        if _held_bytes(services.home) != before:
            # A person brought one meanwhile, which may be newer. The next round asks from there.
            return ""
        if found.data:
            _keep_card(services, found.centre, found.data)
        if found.problem:
            with write_unit(services.engine) as session:
                note_refused(session, found.centre, make_doing(services))
    return found.problem


def _refuse_going_back(held: Centre, centre: Centre, kept: Path) -> None:
    """Refuse an older card, and one in which an ended key of the held one is in force again."""
    same = held.first_key == centre.first_key
    if same and centre.number < held.number:
        what, english = "早于现用版本", "older than the card in use"
    elif (same and not keeps_keys(held, centre)) or revives(held, centre):
        what, english = "缺少现用版本所列的密钥，或者恢复了已停用、已吊销的密钥", "keys come back"
    else:
        return
    keys = "、".join(f"{key.key_id} {key.state}" for key in centre.keys)
    number = f"第 {centre.number} 号" if centre.number else "无编号"
    msg = (
        f"所提供的 centre.json {what}，未予采用；经省中心确认应以其为准的，请先移除 {kept}，"
        f"再重新运行。供电话核对：{number}，密钥指纹 {keys} "
        f"({english}; if the centre itself says so by telephone, remove that file first)"
    )
    raise Refused(msg)


def _held_bytes(home: Home) -> bytes:
    try:
        return (home.path / CENTRE_FILE).read_bytes()
    except FileNotFoundError:
        return b""


@contextmanager
def _card_turn(home: Home) -> Iterator[None]:
    """Wait until nobody else changes the card in use; the lock dies with its holder."""
    folder = home.path / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / ".card", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _keep_card(services: Services, centre: Centre, data: bytes) -> None:
    # The line first: a card that is in use without one would be nobody's doing.
    with write_unit(services.engine) as session:
        note_card(session, centre, make_doing(services))
    LocalStorage(services.home.path).replace(CENTRE_FILE, data)


def make_reception(services: Services, context: Context | None = None) -> Reception:
    """Return what receipts are judged by; ``context`` names who imports them."""
    by = context or services.context

    def milestone(session: Session, upload: str, digest: str, day: date) -> None:
        facts = MilestoneFacts(
            date=day.isoformat(),
            document=digest,
            kind=MilestoneKind.UPLOAD_RECEIPT,
            note=RECEIPT_NOTE,
            subject=upload,
        )
        add_milestone(session, facts, context=by)

    centre = trusted_centre(services.home)
    return Reception(centre=centre, city=services.era.origin, milestone=milestone)


def make_exchange(services: Services) -> Exchange:
    """Return what the desks are given."""
    return Exchange(
        kit=lambda: make_kit(services),
        reception=lambda: make_reception(services),
        before=services.require_head,
    )


def make_sender(services: Services) -> Sender:
    """Return the sender. Raises ``NoCentre`` or ``NotInLog`` where it cannot be made."""
    reception, kit = make_reception(services), make_kit(services)
    return Sender(
        engine=services.engine,
        kit=kit,
        client=_client(services, reception.centre, kit),
        reception=reception,
        random=SystemRandom(),
        actor=services.context.actor,
        now=CLOCK.now,
    )


def _client(services: Services, centre: Centre, kit: Kit) -> Client:
    if not centre.url:
        msg = (
            f"{centre.name}不接收网上报送，请用 `certreg upload package` 取出上报包手工报送 "
            "(the centre takes packages by hand only)"
        )
        raise NoCentre(msg)
    if kit.key_leaf is None:
        raise NotInLog(f"{WORDS[Problem.NO_KEY]} (no upload key is in force and in the log)")
    signer = services.ring.signer(Purpose.UPLOAD, OFFICE, CLOCK.now(), only=KeyId(kit.key_id))
    return Client(
        transport=HttpTransport(url=centre.url),
        base=base_of(centre.url),
        signer=signer,
        random=secrets.token_bytes,
        now=CLOCK.now,
    )
