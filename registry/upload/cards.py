"""The centre's card as this city trusts it: the first by a person, later ones by the one before.

Newer cards are fetched by their number and each is held to the one before it
(`signing.upload.centre_card.follow`). One that does not follow changes nothing and is shown, for
somebody in between, or a thief of an ended key, could have written it. The due list says so until
a card is taken: withholding the refused one again settles nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from registry.store.audit import AuditLine
from registry.store.standing import Mark, settle, stand
from registry.upload.asking import Client, NotAnAnswer, Unreachable
from registry.upload.outbox import Doing
from registry.upload.problems import Problem
from signing.upload.centre_card import CardNotFollowed, Centre, MalformedCentre, follow


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """How far the cards led: the newest that follows, its bytes, b"" where none is newer.

    ``problem`` is the code of a card that does not follow, "" if there is none.
    """

    centre: Centre
    data: bytes = b""
    problem: str = ""


def fetch_cards(client: Client, held: Centre) -> Followed:
    """Fetch the cards after the one held. Raises nothing of the network.

    A centre that cannot be reached, or is of before there were numbers, has none: what is in its
    way is said of the uploads.
    """
    try:
        lines = client.cards(held.number)
    except (Unreachable, NotAnAnswer):
        return Followed(centre=held)
    found = Followed(centre=held)
    for line in lines if isinstance(lines, list) else ():
        try:
            found = Followed(centre=follow(found.centre, line), data=line)
        except (CardNotFollowed, MalformedCentre):
            return Followed(
                centre=found.centre, data=found.data, problem=Problem.CARD_REFUSED.value
            )
    return found


def note_refused(session: Session, held: Centre, doing: Doing) -> None:
    """Put down, for the desk to see, that a card does not follow from the one in use."""
    stand(
        session,
        Mark.CARD_REFUSED,
        subject=f"card {held.number}",
        detail=Problem.CARD_REFUSED.value,
        actor=doing.actor,
        now=doing.now,
    )


def note_card(session: Session, centre: Centre, doing: Doing) -> None:
    """Write the audit line of a card that is trusted from now on; one refused before is settled."""
    settle(session, Mark.CARD_REFUSED)
    keys = ", ".join(f"{key.key_id} {key.state}" for key in centre.keys)
    session.add(
        AuditLine(
            at=doing.now,
            actor=doing.actor,
            action="upload-centre",
            subject=f"card {centre.number}",
            detail=keys[:400],
        )
    )
