"""What a share link shows: the result page of one certificate, without the ID number.

The link gives no way to the certificate's own page, whose address is printed on the paper and
never ends; it ends with the link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from flask import Response, render_template

from signing.tlog.entry import parse_time
from verify_web.errors import ServiceTrouble, SiteError
from verify_web.evidence import check_entry
from verify_web.pages import status_of
from verify_web.views import view_of

if TYPE_CHECKING:
    from signing.holder_messages import Shared
    from verify_web.site import Site

_WITHHELD: Final = frozenset({"id_type", "id_number"})


class NoSuchLink(SiteError):
    """The link has ended, or there never was one: both say the same."""

    code = "no-link"
    status: ClassVar[int] = 404


def shared_page(site: Site, shared: Shared) -> Response:
    """Verify the edition that the registry named, and show it. Raises ServiceTrouble."""
    entry = site.mirror.by_token(shared.token)
    if entry is None:
        # A new edition is in the mirror a moment after its commit.
        raise ServiceTrouble("the mirror has no entry of a shared certificate yet")
    report = check_entry(site, entry)
    view = view_of(report, checked_at=site.config.clock.now())
    page = render_template(
        "holder/shared.html",
        view=view,
        facts=[fact for fact in view.facts if fact.code not in _WITHHELD],
        recipient=shared.recipient,
        until=parse_time(shared.until),
    )
    return Response(page, status_of([report]))
