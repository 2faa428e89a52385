"""The outbox's surroundings in one home: keys, log and drawing, put together (上报)."""

from __future__ import annotations

from keys.model import KeyId, KeyState, Purpose
from registry.cli.base import CLOCK
from registry.cli.home import Home
from registry.cli.services import OFFICE, Services
from registry.errors import Refused
from registry.ledger.accepted import best_note
from registry.ledger.head import load_head
from registry.office.certificates import open_certificate
from registry.office.office_keys import placed_office_keys
from registry.store.base import read_unit
from registry.upload.kit import Kit
from registry.upload.mapping import load_mapping
from registry.upload.outbox import Doing
from registry.upload.summary import KINDS, Summary
from signing.envelope import Envelope
from signing.upload.centre_card import CENTRE_FILE, Centre, MalformedCentre, parse_centre
from signing.upload.manifest import Manifest, sign_manifest

MAPPING = "guangdong-certificates"
FOLDER = "uploads"


def make_kit(services: Services) -> Kit:
    """Return what the outbox needs, with the newest upload key that signs and is in the log.

    Signing raises ``KeyNotFound`` or ``KeyExpired`` where the ring does not have it or its term is
    over, ``Refused`` where the centre's card is damaged; a package that is frozen already needs
    neither.
    """
    with read_unit(services.engine) as session:
        active = [
            key
            for key in placed_office_keys(session)
            if key.row.state == KeyState.ACTIVE.value and key.row.purpose == Purpose.UPLOAD.value
        ]
    # One that is announced but not in the log yet gives way to one that is.
    chosen = next((key for key in reversed(active) if key.added is not None), None)
    key_id = KeyId("" if chosen is None else chosen.row.key_id)

    def sign(manifest: Manifest) -> Envelope:
        _refuse_damaged_card(services.home)
        signer = services.ring.signer(Purpose.UPLOAD, OFFICE, CLOCK.now(), only=key_id)
        return sign_manifest(manifest, signer)

    def note(index: int) -> bytes:
        with read_unit(services.engine) as session:
            head = load_head(session, services.log.origin)
        return best_note(services.log, head, index)

    return Kit(
        city=services.era.origin,
        office=services.settings.office,
        actor=services.context.actor,
        folder=services.home.path / FOLDER,
        field_key=services.context.field_key,
        random=services.context.random,
        mapping=load_mapping(MAPPING),
        read_tile=services.log.storage.read,
        note=note,
        open=lambda row: open_certificate(row, services.context),
        key_id=key_id,
        key_leaf=None if chosen is None else chosen.added,
        sign=sign,
        proves=_reads_proofs(services),
        draw=draw_summary,
    )


def held_card(home: Home) -> Centre | None:
    """Return the card that the home has; None if there is none, or it is damaged."""
    try:
        return parse_centre((home.path / CENTRE_FILE).read_bytes())
    except (FileNotFoundError, MalformedCentre):
        return None


def _reads_proofs(services: Services) -> bool | None:
    # A centre of before cards had numbers refuses a manifest that it cannot read.
    card = held_card(services.home)
    return None if card is None else card.number > 0


def _refuse_damaged_card(home: Home) -> None:
    """Refuse to guess what the centre reads: a manifest without its proof is signed for good."""
    try:
        parse_centre((home.path / CENTRE_FILE).read_bytes())
    except FileNotFoundError:
        return
    except MalformedCentre:
        msg = (
            "本机所存的省中心文件 centre.json 已损坏，没有定稿：请向省中心取得该文件，"
            "运行 `certreg upload centre FILE` 后再定稿 (the centre's card is damaged)"
        )
        raise Refused(msg) from None


def make_doing(services: Services) -> Doing:
    """Return who acts from this command line, and when."""
    return Doing(actor=services.context.actor, now=CLOCK.now())


def draw_summary(summary: Summary) -> bytes:
    """Draw the summary sheet with this machine's fonts."""
    # The drawing library is loaded for those who draw alone.
    from registry.documents.fonts import font_set  # noqa: PLC0415
    from registry.documents.upload_summary import (  # noqa: PLC0415
        SheetLine,
        UploadSheet,
        draw_upload_sheet,
    )

    sheet = UploadSheet(
        upload_id=summary.upload_id,
        frozen_at=summary.frozen_at,
        snapshot=summary.snapshot,
        facts=(
            ("上报单位", summary.office),
            ("评价机构", summary.body),
            ("机构代码", summary.prefix),
            ("批次号", summary.batch or "（由省中心编列）"),
            ("上报编号", summary.upload_id),
            ("数据模板", summary.template),
        ),
        kinds=tuple(kind.value for kind in KINDS),
        lines=tuple(
            SheetLine(
                occupation=line.occupation,
                direction=line.direction,
                level=line.level,
                counts=line.counts,
            )
            for line in summary.lines
        ),
        totals=summary.totals,
    )
    return draw_upload_sheet(sheet, font_set())
