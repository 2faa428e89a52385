"""One try to bring a package to the centre: what has it, and what it still lacks of it.

The centre is asked first. What it put off is handed in again, which asks it to judge the package
anew; of the bytes it gets those alone that it lacks. That it is at work on a package which was
handed in before is a try in vain: else a centre that judges slowly and puts off, or knows nothing
of what it said it had, would be handed the same package for ever.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from registry.store.uploads import UploadEvent
from registry.upload.asking import (
    Answered,
    Client,
    Later,
    NotHere,
    PutOff,
    RefusedWhole,
    Waiting,
)
from registry.upload.freezing import write_frozen
from registry.upload.kit import Kit
from registry.upload.problems import Problem

_TURNS: Final = ("again", "sent", "dead", "refuse")
"""Events by which is told whether a person's word to send again is still to be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The upload of one try; ``package`` is its SHA-256 in hex.

    ``had`` says that the centre had it once, ``again`` that a person asks for a new try.
    """

    upload_id: str
    package: str
    had: bool
    again: bool


def asked_again(session: Session, upload_id: str) -> bool:
    """Say whether a person has asked to send an upload again, and it was not handed in since."""
    query = (
        select(UploadEvent.kind)
        .where(UploadEvent.upload_id == upload_id, UploadEvent.kind.in_(_TURNS))
        .order_by(UploadEvent.event_id.desc())
        .limit(1)
    )
    return session.scalar(query) == "again"


def bring(engine: Engine, kit: Kit, client: Client, case: Case) -> Answered:
    """Ask what became of an upload, and bring what is to be brought.

    Raises ``Unreachable``, ``NotAnAnswer`` or ``PackageLost``.
    """
    answered = client.submission(case.package)
    match answered:
        case NotHere():
            vain = Problem.BUSY.value if case.had and not case.again else ""
        case PutOff(code=code):
            vain = code
        case RefusedWhole() if case.again:
            # Refused before the person's word; whatever it was may be mended.
            vain = ""
        case _:
            return answered
    out = io.BytesIO()
    write_frozen(engine, case.upload_id, kit, out)
    data = out.getvalue()
    brought = client.send(case.package, data) or client.hand_in(case.package)
    if vain and isinstance(brought, Waiting):
        return Later(code=vain, seconds=brought.seconds)
    return brought
