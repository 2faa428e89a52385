"""The receipts that one centre gave this city, in their order: told by keys, never by a name.

Each receipt names the digest of the one before it. A chain is this centre's if its newest receipt
was signed by a key of the card that the city trusts; what the centre calls itself may change.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.store.uploads import UploadReceipt
from signing.envelope import from_json
from signing.upload.centre_card import Centre
from signing.upload.receipt import MAX_RECEIPT_BYTES


def chain_of(session: Session, centre: Centre) -> list[str]:
    """Return the digests of the receipts in force that ``centre`` gave, first to last.

    Empty where it has given none yet.
    """
    query = select(UploadReceipt.previous, UploadReceipt.digest)
    links = session.execute(query.where(UploadReceipt.imported_at.is_not(None))).all()
    after = {previous: digest for previous, digest in links if previous}
    ids = {key.key_id for key in centre.keys}
    for previous, digest in links:
        if previous:
            continue
        chain = [digest]
        while (follower := after.get(chain[-1])) is not None:
            chain.append(follower)
        newest = session.get_one(UploadReceipt, chain[-1])
        if from_json(newest.envelope, limit=MAX_RECEIPT_BYTES).key_id in ids:
            return chain
    return []
