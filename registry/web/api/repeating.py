"""`Idempotency-Key` at the machine API (draft-ietf-httpapi-idempotency-key-header).

A POST may name a key; sent again with the same key and the same bytes it is answered as the first
time. The address, the query and the body are the request; two of them under one key are a mistake.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from tempfile import SpooledTemporaryFile
from typing import IO, Final

from flask import Request

from registry.office import answers
from registry.office.answers import Answer, Asked
from registry.office.form_faults import FieldFault
from registry.office.holding import holding
from registry.office.identity import Identity
from registry.office.unit import Desk
from registry.web.api.reading import Malformed

HEADER: Final = "Idempotency-Key"
LONGEST_KEY: Final = 128
_KEY: Final = re.compile(rf'("?)([!#-\[\]-~]{{1,{LONGEST_KEY}}})\1', re.ASCII)
"""Visible ASCII without quote and backslash; the draft puts it in quotes, most leave them out."""

_BLOCK: Final = 64 * 1024
_IN_MEMORY: Final = 1024 * 1024

Act = Callable[[Desk, IO[bytes]], Answer]
"""Carries the request out at a desk, reading its body."""


def key_of(request: Request) -> str | None:
    """Return the request's key, None if it names none. Raises ``Malformed``."""
    if HEADER not in request.headers:
        return None
    found = _KEY.fullmatch(",".join(request.headers.getlist(HEADER)).strip())
    if found is None:
        text = f"{HEADER} 为 1 至 {LONGEST_KEY} 个可见 ASCII 字符，只给一个"
        raise Malformed(FieldFault(field="", text=text))
    return found[2]


def once(desk: Desk, by: Identity, request: Request, key: str, act: Act) -> Answer:
    """Carry a request out, or answer it as it was answered before.

    Raises ``KeyUsed``, ``InProgress``, and what ``act`` raises, which is then not kept.
    """
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as body:
        asked = Asked(
            account=by.account_id,
            key_hash=hashlib.sha256(key.encode()).digest(),
            request_hash=_take(request, body),
        )
        context = desk.context(by)
        begun = answers.begin(desk, asked, context)
        if isinstance(begun, Answer):
            return begun
        own = holding(desk)
        try:
            given = act(own, body)
            if own.holder.waiting is None:
                with own.write():
                    pass  # an act that wrote nothing: its answer has a transaction to itself
            with own.read() as session:
                answers.keep(session, begun, given, context)
            own.holder.commit()
        except BaseException:
            own.holder.drop()
            answers.let_go(desk, begun)
            raise
        return given


def _take(request: Request, body: IO[bytes]) -> bytes:
    """Copy the body and return the SHA-256 of the whole request; each part carries its length."""
    digest = hashlib.sha256()
    for part in (request.method, request.path, request.query_string.decode("latin-1")):
        digest.update(f"{len(part)}:{part}".encode())
    while block := request.stream.read(_BLOCK):
        digest.update(block)
        body.write(block)
    body.seek(0)
    return digest.digest()
