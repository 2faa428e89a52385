"""All that a holder's page shows (持证人主页), read in one transaction."""

from __future__ import annotations

from sqlalchemy.orm import Session

from registry.office.almanac import read_almanac
from registry.office.context import Context
from registry.office.due import china_day
from registry.office.holders_certificates import certificates_of, shown
from registry.office.holders_contacts import contact_since
from registry.office.holders_copies import copies_of
from registry.office.holders_lines import holder_line
from registry.office.holders_requests import requests_of
from registry.office.holders_sessions import holder_of
from registry.office.holders_shares import shares_of
from registry.rules.terms import Term
from signing.holder_messages import Holding, Look
from signing.tlog.entry import format_time


def look(session: Session, ask: Look, context: Context) -> Holding:
    """Return the holder's certificates, downloads, links and requests.

    Raises ``SessionOver``. Looking at one's own page is a use of personal data like any other,
    and leaves its line.
    """
    tag = holder_of(session, ask.session, context)
    session.add(holder_line("holder-look", "", context))
    rows = certificates_of(session, tag)
    since = contact_since(session, tag)
    today = china_day(context.clock.now())
    due = read_almanac(session).deadline(Term.CERTIFICATE_CORRECTION, today)
    return Holding(
        today=today.isoformat(),
        certificates=shown(session, rows, context),
        copies=copies_of(session, tag, context),
        shares=shares_of(session, tag, context),
        requests=requests_of(session, tag, context),
        contact_since=format_time(since) if since else "",
        answer_by=due.day.isoformat() if due else "",
    )
