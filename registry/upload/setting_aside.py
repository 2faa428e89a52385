"""Setting a stolen key's receipt aside (撤下回执): the upload waits for the centre's own again.

Only by a person's word, and only where three things say that the receipt is not the centre's: its
key is revoked by the card in use, the centre has another in its place (`agreeing`), and no receipt
in force follows it. Its milestone stays in the log; its bytes are handed out, as evidence.
"""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from keys.model import KeyState
from registry.store.outbox import RowState, UploadRow
from registry.store.uploads import UploadReceipt, UploadState
from registry.upload.agreeing import differs
from registry.upload.chain_changes import upload_changed
from registry.upload.errors import UploadStateRefused
from registry.upload.outbox import Doing, get_upload, note, require_state
from registry.upload.receipt_chain import chain_of
from registry.upload.receiving import receipts_of
from signing.envelope import from_json
from signing.upload.centre_card import Centre
from signing.upload.receipt import MAX_RECEIPT_BYTES


def set_aside(session: Session, upload_id: str, centre: Centre, doing: Doing) -> bytes:
    """Take an upload's receipt out of force; return its bytes.

    Raises ``UploadStateRefused`` where it may be the centre's, or where some of the rows that it
    refused are reported otherwise by now and some are not.
    """
    upload = get_upload(session, upload_id, lock=True)
    require_state(upload, UploadState.ACKNOWLEDGED, UploadState.REFUSED)
    false = _false_receipt(session, upload_id, centre)
    where = UploadRow.upload_id == upload_id
    left = session.scalar(select(func.count()).select_from(UploadRow).where(where)) or 0
    if left == upload.row_count:
        upload_changed(session, upload_id)
        session.execute(
            update(UploadRow)
            .where(where)
            .values(state=RowState.IN_UPLOAD.value, reason="", answered_on=None)
        )
        upload.state = UploadState.SENT.value
    elif left or upload.state != UploadState.REFUSED:
        # The centre's own receipt answers all rows or, where all were given back, none.
        msg = (
            f"上报批 {upload_id} 的部分数据已另行上报，其回执不能撤下，请与省中心逐项核对 "
            "(some of its rows are reported otherwise by now)"
        )
        raise UploadStateRefused(msg)
    session.delete(false)
    note(session, upload, "receipt-aside", doing, f"receipt {false.digest}")
    return false.envelope


def _false_receipt(session: Session, upload_id: str, centre: Centre) -> UploadReceipt:
    chain = chain_of(session, centre)
    revoked = {key.key_id for key in centre.keys if key.state is KeyState.REVOKED}
    for found in receipts_of(session, upload_id):
        key_id = from_json(found.envelope, limit=MAX_RECEIPT_BYTES).key_id
        if chain[-1:] == [found.digest] and key_id in revoked and differs(session, upload_id):
            return found
    msg = (
        f"上报批 {upload_id} 的回执不能撤下：只有由已吊销的密钥签名、与省中心所存不一致、"
        "其后没有其他回执的才能撤下；请先登记省中心新的 centre.json，再运行 `certreg upload send` "
        "(nothing says that this receipt is not the centre's)"
    )
    raise UploadStateRefused(msg)
