"""Publication of the files that were let out: their SHA-256, stated by the issuer's seal key.

The site then knows its own PDFs without opening them. A row that is lost, or was never written,
costs a reading of the file and nothing else, so there is no other record of it to keep in step.
"""

from __future__ import annotations

import hashlib
import sqlite3
from datetime import datetime

from keys.signer import Signer
from registry.ledger.storage import StorageFailed
from registry.office.context import Context
from registry.publish import Site, open_mirror
from signing.mirror_files import ReleasedFile, seal_file
from signing.release import sign_release


def publish_file(
    site: Site,
    context: Context,
    pdf: bytes,
    *,
    payload: bytes,
    annotation: bytes | None,
    token: str,
    signer: Signer,
    now: datetime,
) -> None:
    """Tell the site of a PDF that has passed the print gate, before anyone gets it.

    `payload` are the canonical bytes of its record, `token` that of its page, `annotation` the
    attachment of an annotated copy, `signer` the seal key of its issuer. The same file twice is one
    row. Raises ``StorageFailed``.
    """
    statement = sign_release(pdf, payload=payload, annotation=annotation, now=now, signer=signer)
    digest = hashlib.sha256(pdf).digest()
    file = ReleasedFile(token=token, statement=statement)
    tag, sealed = seal_file(site.pepper, digest, file, context.random)
    try:
        with open_mirror(site.mirror) as mirror:
            mirror.execute("INSERT OR REPLACE INTO files VALUES (?, ?)", (tag, sealed))
    except sqlite3.Error as error:
        msg = (
            f"the public mirror cannot be written ({type(error).__name__}): make room or mend "
            "public/mirror.db, then run this again"
        )
        raise StorageFailed(msg) from None
