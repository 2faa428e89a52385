"""The bulk check's machine API as data: what is sent and given, and its OpenAPI 3.1 document.

Schemas are JSON Schema 2020-12, written from the very structs that read and write the messages.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from signing.receipt import RowResult
from verify_web.bulk.addresses import LONGEST_ADDRESS
from verify_web.bulk.jobs import Purpose, State
from verify_web.bulk.rows import LONGEST

MOST_AT_ONCE: Final = 100
LONGEST_KEY: Final = 80
"""Characters of an Idempotency-Key."""

Result = Literal["valid", "corrected", "revoked", "suspended", "not-found", "unconfirmed"]

Changed = Literal["valid", "corrected", "revoked", "suspended"]

STATES: Final[dict[str, Changed]] = {
    RowResult.VALID.value: "valid",
    RowResult.CORRECTED.value: "corrected",
    RowResult.REVOKED.value: "revoked",
    RowResult.SUSPENDED.value: "suspended",
}

NAMES: Final[dict[RowResult, Result]] = {
    RowResult.VALID: "valid",
    RowResult.CORRECTED: "corrected",
    RowResult.REVOKED: "revoked",
    RowResult.SUSPENDED: "suspended",
    RowResult.NOT_FOUND: "not-found",
    RowResult.UNCONFIRMED: "unconfirmed",
}


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One certificate: its number, and the name or the last six characters of the ID number."""

    number: Annotated[str, msgspec.Meta(max_length=LONGEST["number"])]
    name: Annotated[str, msgspec.Meta(max_length=LONGEST["name"])] = ""
    last_six: Annotated[str, msgspec.Meta(max_length=LONGEST["last_six"])] = ""


class CheckRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to 100 rows; `consent` states that the holders have consented."""

    asker: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    consent: Literal["yes"]
    purpose: Purpose
    rows: Annotated[list[Row], msgspec.Meta(min_length=1, max_length=MOST_AT_ONCE)]


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """The signed state of the public log that all answers rest on."""

    origin: str
    size: int
    root: str


class RowAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One row's answer, in the order asked; which of two facts did not match is not told."""

    result: Result
    edition: int | None = None
    occupation: str = ""
    level: str = ""


class CheckAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answers, with the status as of `as_of`. For a signed receipt hand a table in."""

    checked: datetime
    as_of: datetime | None
    log: Log
    results: list[RowAnswer]


class JobAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A table's check; `counts` by the letters of its receipt."""

    job: str
    state: State
    created: datetime
    until: datetime
    rows: int
    done: int
    purpose: Purpose
    counts: dict[str, int]


class JobMade(JobAnswer, frozen=True, kw_only=True):
    """A job put down; `secret` signs the notices to its webhook, and is given here alone."""

    secret: str = ""


class RowChange(msgspec.Struct, frozen=True, kw_only=True):
    """A row's new state; `row` counts the job's rows from 1, as the letters of its receipt."""

    row: int
    state: Changed


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A notice of later changes: new states as of `as_of`, by the log state named.

    `event` stays the same when it is sent again. Of two, the one with the larger log is newer.
    """

    event: str
    job: str
    rows: list[RowChange]
    log: Log
    as_of: str
    time: str


class UndeliveredAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that was given up after three days, with the code of the last fault."""

    fault: str
    change: Change


class WatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A job's notices of later changes; `watched` rows have a certificate to watch."""

    job: str
    created: datetime
    until: datetime
    rows: int
    watched: int | None
    address: str
    pending: int
    undelivered: list[UndeliveredAnswer]


class WatchesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All notices of an account that are in force, newest first."""

    watches: list[WatchAnswer]


class TableError(msgspec.Struct, frozen=True, kw_only=True):
    """A fault; `row` is the sheet's row or the place in the request, from 1, or 0: the whole."""

    row: int
    code: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Problem details (RFC 9457); nothing that was sent is repeated."""

    code: str
    detail: str
    status: int
    title: str
    type: str
    retry_after: int = 0
    errors: list[TableError] = []


_KINDS: Final = (
    *(CheckRequest, CheckAnswer, JobAnswer, Problem),
    *(JobMade, WatchesAnswer, Change),
)
_JSON: Final = "application/json"
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["table", "asker", "purpose", "consent"],
    "properties": {
        "table": {"type": "string", "format": "binary", "description": "xlsx 或者 csv"},
        "asker": {"type": "string", "minLength": 1, "maxLength": 60},
        "purpose": {"type": "string", "enum": sorted(Purpose)},
        "consent": {"const": "yes"},
        "webhook": {
            "type": "string",
            "format": "uri",
            "maxLength": LONGEST_ADDRESS,
            "description": "接收后续状态通知的 https 地址，端口 443 或者 1024 以上，不跟随跳转",
        },
    },
}
_IDEMPOTENCY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "重复请求的键。键和内容都相同的，返回首次的查验，不再计数；保留 7 天",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
}
_JOB: Final[dict[str, Any]] = {
    "name": "job",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[a-z2-7]{16}$"},
}


def _notice(change: dict[str, Any]) -> dict[str, Any]:
    """Describe what is posted to an employer's own address."""
    headers = {
        "Certreg-Event": "通知编号，重发时不变",
        "Certreg-Timestamp": "发送时间，Unix 秒",
        "Certreg-Signature": "v1=HMAC-SHA256（密钥，Certreg-Timestamp + “.” + 正文），十六进制",
    }
    return {
        "post": {
            "summary": "状态变化通知。10 秒内答复 2xx 为已送达，否则 3 天内重发",
            "security": [],
            "parameters": [
                {
                    "name": name,
                    "in": "header",
                    "required": True,
                    "description": text,
                    "schema": {"type": "string"},
                }
                for name, text in headers.items()
            ],
            "requestBody": {"required": True, "content": {_JSON: {"schema": change}}},
            "responses": {"2XX": {"description": "已收到"}},
        }
    }


def document(base_url: str) -> dict[str, Any]:
    """Write the OpenAPI document of the API under the site's address."""
    refs, components = msgspec.json.schema_components(
        _KINDS, ref_template="#/components/schemas/{name}"
    )
    check, checked, job, problem, made, watches, change = refs

    def given(status: str, kind: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
        # A form's or job's answer, and the one form that all faults have.
        fault = {"application/problem+json": {"schema": problem}}
        return {
            status: {"description": text, "content": {kind: {"schema": schema}}},
            "4XX": {"description": "请求不能办理，见 code", "content": fault},
            "503": {"description": "暂时不能查验，请稍后再试", "content": fault},
        }

    binary = {"type": "string", "format": "binary"}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "职业技能等级证书批量查验接口",
            "version": "1",
            "description": "供人事系统使用。时间为 UTC。单位密钥由备案机构发放。",
        },
        "servers": [{"url": base_url}],
        "security": [{"key": []}],
        "paths": {
            "/api/v1/check": {
                "post": {
                    "operationId": "check",
                    "summary": "立即查验，最多 100 行",
                    "requestBody": {"required": True, "content": {_JSON: {"schema": check}}},
                    "responses": given("200", _JSON, checked, "各行结果"),
                }
            },
            "/api/v1/jobs": {
                "post": {
                    "operationId": "createJob",
                    "summary": "提交表格，最多 20,000 行",
                    "parameters": [_IDEMPOTENCY],
                    "requestBody": {
                        "required": True,
                        "content": {"multipart/form-data": {"schema": _FORM}},
                    },
                    "responses": given("202", _JSON, made, "已受理"),
                }
            },
            "/api/v1/jobs/{job}": {
                "parameters": [_JOB],
                "get": {
                    "operationId": "getJob",
                    "summary": "查看进度",
                    "responses": given("200", _JSON, job, "进度"),
                },
                "delete": {
                    "operationId": "deleteJob",
                    "summary": "提前删除；后续状态通知不随之停止",
                    "responses": {"204": {"description": "已删除"}},
                },
            },
            "/api/v1/jobs/{job}/result": {
                "parameters": [_JOB],
                "get": {
                    "operationId": "getResult",
                    "summary": "下载结果表",
                    "responses": given("200", _XLSX, binary, "结果表"),
                },
            },
            "/api/v1/jobs/{job}/receipt": {
                "parameters": [_JOB],
                "get": {
                    "operationId": "getReceipt",
                    "summary": "下载查验凭证",
                    "responses": given("200", _JSON, {"type": "object"}, "查验凭证（DSSE）"),
                },
            },
            "/api/v1/watches": {
                "get": {
                    "operationId": "listWatches",
                    "summary": "查看后续状态通知，包括未能送达的通知",
                    "responses": given("200", _JSON, watches, "后续状态通知"),
                },
            },
            "/api/v1/watches/{job}": {
                "parameters": [_JOB],
                "delete": {
                    "operationId": "endWatch",
                    "summary": "停止通知，删除所存标记",
                    "responses": {"204": {"description": "已停止"}},
                },
            },
        },
        "webhooks": {"change": _notice(change)},
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }
