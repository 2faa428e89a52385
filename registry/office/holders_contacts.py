"""The contact on file of a holder (联系方式): where one-time codes go.

The office's window or the company's roster puts it down; a holder cannot, since whoever knew two
facts about somebody could then have that person's codes sent to themselves. One clerk suffices, so
the earlier contact is told of a change: a holder whose place somebody takes hears of it.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.certificates import current_edition
from registry.office.channels import Letter
from registry.office.context import Context
from registry.office.due import china_day
from registry.office.holders_lines import holder_line
from registry.office.identity import Identity, NotAllowed, Role, require
from registry.store.audit import AuditLine
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.holders import HolderCode, HolderContact, HolderSession
from registry.store.procedure import Company
from signing.record import PREFIX_LENGTH

SEALED: Final = "holder_contacts.sealed"
FORMER: Final = "holder_contacts.former"

CHANGED: Final = "职业技能等级证书持证人联系方式已变更"
CHANGED_TEXT: Final = (
    "您的职业技能等级证书持证人联系方式已于{day}变更，今后的验证码不再发送至此处。\n"
    "不是您本人办理的，请立即持身份证件到市职业技能鉴定指导办公室窗口核实。\n"
    "The contact on file for your certificates was changed. If this was not you, see the office.\n"
)
LONGEST: Final = 200
_MAIL: Final = re.compile(
    r"[A-Za-z0-9._%+\-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}",
    re.ASCII,
)
_MOBILE: Final = re.compile(r"1[3-9][0-9]{9}", re.ASCII)


class ContactWrong(Refused):
    """Neither an e-mail address nor a mobile number of the mainland."""

    code = "contact-wrong"

    def __init__(self) -> None:
        """Say what to do; never repeats what was typed."""
        super().__init__("请填写 11 位手机号或者电子邮箱")


def require_seen(session: Session, number: str, by: Identity) -> None:
    """Raise ``NotAllowed`` unless this certificate's company is the person's to see.

    A certificate of no recorded company (issued from a file) is the city's.
    """
    query = select(Company).where(Company.prefix == number[:PREFIX_LENGTH])
    company = session.scalars(query).one_or_none()
    seen = (
        by.sees(company_id=company.company_id, district=company.district)
        if company
        else not by.district and by.company_id is None
    )
    if not seen:
        raise NotAllowed("该证书不属于您的办理范围")


def read_contact(text: str) -> str:
    """Give a contact in its plain form. Raises ``ContactWrong``."""
    plain = "".join(text.split())
    if len(plain) > LONGEST or not (_MAIL.fullmatch(plain) or _MOBILE.fullmatch(plain)):
        raise ContactWrong
    return plain


def contact_of(session: Session, id_tag: bytes, context: Context) -> str | None:
    """Return where a holder's codes go; None where nothing is on file."""
    row = session.scalars(select(HolderContact).where(HolderContact.id_tag == id_tag)).one_or_none()
    if row is None:
        return None
    return FieldCipher(context.field_key, SEALED).open(row.contact_id, row.sealed).decode()


def contact_since(session: Session, id_tag: bytes) -> datetime | None:
    """Return when a holder's contact was put down; None where nothing is on file."""
    return session.scalar(select(HolderContact.set_at).where(HolderContact.id_tag == id_tag))


def put_contact(
    session: Session, number: str, typed: str, *, by: Identity | None, context: Context
) -> None:
    """Put the contact of the holder of a certificate down, in the place of an earlier one.

    ``by`` is the clerk at the window, or None for the command line. The holder's sessions and codes
    end, those under way too: they may be somebody else's, which is why people come to the window.
    The earlier contact is told by `letter_of_change`. Raises ``NotAllowed``, ``NotFound``,
    ``ContactWrong``.
    """
    if by is not None:
        require(by, Role.CLERK)
    contact = read_contact(typed)
    row_of_number = current_edition(session, number)
    if by is not None:
        require_seen(session, number, by)
    tag = row_of_number.id_tag
    now = context.clock.now()
    row = session.scalars(select(HolderContact).where(HolderContact.id_tag == tag)).one_or_none()
    if row is None:
        row = HolderContact(id_tag=tag, sealed=b"", set_at=now)
        session.add(row)
        session.flush()
    else:
        _keep_former(row, contact, context)
    row.sealed = FieldCipher(context.field_key, SEALED).seal(
        row.contact_id, context.random(NONCE_LENGTH), contact.encode()
    )
    row.set_at = now
    session.execute(delete(HolderSession).where(HolderSession.id_tag == tag))
    # A code that went to the earlier contact must open nothing, and no network is known any more.
    session.execute(delete(HolderCode).where(HolderCode.id_tag == tag))
    session.add(
        AuditLine(
            at=now,
            actor=context.actor,
            action="holder-contact",
            subject=number,
            detail="mail" if "@" in contact else "mobile",
            source=by.source[:64] if by else "",
        )
    )


def is_change_untold(session: Session) -> bool:
    """Say whether somebody's earlier contact has still to be told; for a snapshot."""
    query = select(HolderContact.contact_id).where(HolderContact.former.is_not(None)).limit(1)
    return session.scalar(query) is not None


def letter_of_change(session: Session, *, context: Context) -> Letter | None:
    """Return one letter to a contact that was replaced; None where all were told.

    Its sender sends it after the commit: killed in between, the letter is lost.
    """
    query = select(HolderContact).where(HolderContact.former.is_not(None)).limit(1)
    row = session.scalars(query.with_for_update()).one_or_none()
    if row is None or row.former is None:
        return None
    former = FieldCipher(context.field_key, FORMER).open(row.contact_id, row.former).decode()
    row.former = None
    session.add(holder_line("holder-contact-told", "", context))
    day = china_day(row.set_at)
    text = CHANGED_TEXT.format(day=f"{day.year}年{day.month}月{day.day}日")
    return Letter(address=former, subject=CHANGED, text=text)


def _keep_former(row: HolderContact, contact: str, context: Context) -> None:
    """Keep the contact that is replaced until it was told; of several, the earliest."""
    old = FieldCipher(context.field_key, SEALED).open(row.contact_id, row.sealed)
    if row.former is None and old != contact.encode():
        row.former = FieldCipher(context.field_key, FORMER).seal(
            row.contact_id, context.random(NONCE_LENGTH), old
        )
