"""Reading a request strictly, and refusing it without quoting it (RFC 9457).

A decoder's own words may hold what was sent; of them only the name of a declared member is kept.
"""

from __future__ import annotations

import re
from typing import IO, Final

import msgspec
from flask import Request
from werkzeug.exceptions import BadRequest

from registry.office.form_faults import FieldFault
from registry.web.api.endpoint import Endpoint, Sent, Taken

LARGEST_JSON: Final = 1024 * 1024
"""Bytes of a JSON body; tables and documents are sent as files."""

JSON_TYPE: Final = "application/json"
_MEMBER: Final = re.compile(r"`\$\.([a-z_]{1,40})[^`]*`\Z", re.ASCII)
_MISSING: Final = re.compile(r"missing required field `([a-z_]{1,40})`\Z", re.ASCII)


class Malformed(BadRequest):
    """The request has not the declared form; ``faults`` name members, never what they held."""

    def __init__(self, *faults: FieldFault) -> None:
        """Say which members."""
        super().__init__()
        self.faults = faults


def read(request: Request, row: Endpoint, body: IO[bytes]) -> Taken:
    """Read what a row takes; ``body`` is the request's. Raises ``Malformed``."""
    if row.sent is Sent.JSON:
        return _read_json(request, body, row.takes)
    return _read_query(request, row.takes)


def _read_json(request: Request, body: IO[bytes], takes: type[Taken]) -> Taken:
    if request.mimetype != JSON_TYPE:
        raise Malformed(FieldFault(field="", text=f"Content-Type 应为 {JSON_TYPE}"))
    # One byte more than is taken: a longer body is seen and not read to its end.
    data = body.read(LARGEST_JSON + 1)
    if len(data) > LARGEST_JSON:
        raise Malformed(FieldFault(field="", text=f"JSON 不超过 {LARGEST_JSON} 字节"))
    try:
        return msgspec.json.decode(data, type=takes, strict=True)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise Malformed(_named(fault, takes)) from None


def _read_query(request: Request, takes: type[Taken]) -> Taken:
    if any(len(values) > 1 for _, values in request.args.lists()):
        raise Malformed(FieldFault(field="", text="查询参数不得重复"))
    try:
        return msgspec.convert(request.args.to_dict(), takes, strict=False)
    except msgspec.MsgspecError as fault:
        raise Malformed(_named(fault, takes)) from None


def _named(fault: Exception, takes: type[Taken]) -> FieldFault:
    said = str(fault)
    found = _MISSING.search(said) or _MEMBER.search(said)
    field = found[1] if found and found[1] in takes.__struct_fields__ else ""
    text = "缺少此项" if field and "missing" in said else "不符合接口说明中的类型或者取值"
    if not field:
        text = "不是接口说明中的 JSON 形式，或者有未知的项"
    return FieldFault(field=field, text=text)
