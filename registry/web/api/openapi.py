"""The OpenAPI 3.1 document, made from the table of endpoints and the types they declare.

Schemas are JSON Schema 2020-12, written from the very structs that read and write the messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from inspect import getdoc
from typing import Any, Final

import msgspec

from registry.office.identity import ROLE_WORDS, Role
from registry.web.api.endpoint import Download, Endpoint, Nothing, Sent
from registry.web.api.problems import Problem
from registry.web.api.repeating import HEADER, LONGEST_KEY

_PARAMETER: Final = re.compile(r"<(?:(int):)?([a-z_]+)>", re.ASCII)
_REF: Final = "#/components/schemas/{name}"
_JSON: Final = "application/json"
_IDEMPOTENCY: Final[dict[str, Any]] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "重复请求的键。键和请求都相同的，返回首次成功的应答，不再办理；至少保留 24 小时",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
}
_FAULTS: Final = (
    ("400", "请求不符合说明"),
    ("401", "令牌无效或者已过期"),
    ("403", "此角色或者此账号不能办理"),
    ("404", "没有，或者无权查看"),
    ("409", "他人已先行办理，请重新读取"),
    ("422", "规定不允许，见 errors"),
    ("429", "登录失败次数过多"),
)


def document(rows: Iterable[Endpoint], base: str, office: str) -> dict[str, Any]:
    """Write the document for a table of endpoints under the address ``base``."""
    rows = tuple(rows)
    types = _types(rows)
    refs, components = msgspec.json.schema_components(types, ref_template=_REF)
    schema_of = dict(zip(map(_key, types), refs, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for row in rows:
        item = paths.setdefault(_PARAMETER.sub(r"{\2}", row.path), {})
        item[row.method.lower()] = _operation(row, schema_of, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{office} 机器接口",
            "version": "1",
            "description": "与网页办理相同的事项。时间为 UTC，日期为中国日历日。",
        },
        "servers": [{"url": base}],
        "tags": [{"name": tag} for tag in dict.fromkeys(row.tag for row in rows)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {
                status: {
                    "description": text,
                    "content": {"application/problem+json": {"schema": schema_of[_key(Problem)]}},
                }
                for status, text in _FAULTS
            },
        },
    }


def _types(rows: tuple[Endpoint, ...]) -> list[Any]:
    wanted: dict[str, Any] = {_key(Problem): Problem}
    for row in rows:
        for kind in (row.takes, row.gives):
            if kind not in {Nothing, Download}:
                wanted[_key(kind)] = kind
    return list(wanted.values())


def _key(kind: Any) -> str:
    return f"{getattr(kind, '__module__', '')}.{kind}"


def _operation(
    row: Endpoint, schema_of: dict[str, Any], components: dict[str, Any]
) -> dict[str, Any]:
    roles = [role.value for role in Role if role in row.roles]
    words = "、".join(ROLE_WORDS[Role(role)] for role in roles)
    operation: dict[str, Any] = {
        "operationId": row.name,
        "tags": [row.tag],
        "summary": row.summary,
        "description": f"办理角色：{words}" if words else "无需登录",
        "x-roles": roles,
        "security": [{"token": []}] if roles else [],
        "responses": {
            str(row.status): {
                "description": (getdoc(row.gives) or row.summary).splitlines()[0],
                "content": _content(row.gives, schema_of),
            },
            **{status: {"$ref": f"#/components/responses/{status}"} for status, _ in _FAULTS},
        },
    }
    parameters = [_in_path(*match) for match in _PARAMETER.findall(row.path)]
    if row.takes is not Nothing and row.sent is not Sent.JSON:
        name = schema_of[_key(row.takes)]["$ref"].rpartition("/")[2]
        # What stands in the query is no object of its own: its members are parameters.
        parameters += _in_query(components[name])
    if row.repeats:
        parameters.append(_IDEMPOTENCY)
    if parameters:
        operation["parameters"] = parameters
    if row.sent is Sent.FILE:
        content: dict[str, Any] = {"application/octet-stream": {"schema": {}}}
        operation["requestBody"] = {"required": True, "content": content}
    elif row.sent is Sent.JSON:
        schema = {"type": "object", "additionalProperties": False}
        taken = schema if row.takes is Nothing else schema_of[_key(row.takes)]
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": taken}}}
    return operation


def _content(gives: Any, schema_of: dict[str, Any]) -> dict[str, Any]:
    if gives is Download:
        return {"application/octet-stream": {"schema": {}}}
    return {_JSON: {"schema": schema_of[_key(gives)]}}


def _in_path(kind: str, name: str) -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 0} if kind else {"type": "string"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(schema: dict[str, Any]) -> list[dict[str, Any]]:
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": member}
        for name, member in schema["properties"].items()
    ]
