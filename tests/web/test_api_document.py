"""The OpenAPI document says what the routes do: addresses, roles, and types that hold answers."""

from __future__ import annotations

import re
from typing import Any

import pytest

from registry.web import gate
from registry.web.api import app as api

WORD = re.compile(r"[A-Za-z0-9._-]+")
SCHEMA_WORDS = {
    "type", "properties", "required", "title", "description", "$ref", "items", "enum", "anyOf",
    "additionalProperties", "default", "minimum", "maximum", "minLength", "maxLength", "pattern",
    "format", "prefixItems", "minItems", "maxItems", "propertyNames", "const",
}  # fmt: skip


@pytest.fixture
def document(desks: Any) -> dict[str, Any]:
    answer = desks.test_client(use_cookies=False).get("/api/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.get_json()
    return found


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def test_the_document_has_each_route_and_no_other(desks: Any, document: dict[str, Any]) -> None:
    routes = {
        (method, re.sub(r"<(?:int:)?([a-z_]+)>", r"{\1}", rule.rule.removeprefix(api.BASE)))
        for rule in desks.url_map.iter_rules()
        if rule.rule.startswith(api.BASE)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes - {("GET", "/openapi.json")} == set(operations(document))


def test_the_roles_are_those_of_the_gate(desks: Any, document: dict[str, Any]) -> None:
    decided = gate.decisions(desks)
    for operation in operations(document).values():
        roles = decided[f"api.{operation['operationId']}"]
        assert set(operation["x-roles"]) == roles
        assert operation["security"] == ([{"token": []}] if roles else [])


def test_the_document_is_whole(document: dict[str, Any]) -> None:
    """OpenAPI 3.1: names unique, path parameters declared, references that lead somewhere."""
    assert document["openapi"] == "3.1.0"
    assert set(document["info"]) >= {"title", "version"}
    found = operations(document)
    names = [operation["operationId"] for operation in found.values()]
    assert len(names) == len(set(names))
    for (_, path), operation in found.items():
        declared = [(p["in"], p["name"]) for p in operation.get("parameters", ())]
        assert len(declared) == len(set(declared))
        in_path = {name for place, name in declared if place == "path"}
        assert in_path == set(re.findall(r"{([a-z_]+)}", path))
        assert all(p["required"] for p in operation.get("parameters", ()) if p["in"] == "path")
        assert all(re.fullmatch(r"[1-5][0-9]{2}", status) for status in operation["responses"])
        assert operation["summary"]
    for group in document["components"].values():
        assert all(WORD.fullmatch(name) for name in group)
    for reference in references(document):
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def references(node: object) -> list[str]:
    if isinstance(node, list):
        return [found for item in node for found in references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [found for item in node.values() for found in references(item)]


def test_schemas_use_known_words_alone(document: dict[str, Any]) -> None:
    def check(schema: Any) -> None:
        assert set(schema) <= SCHEMA_WORDS, set(schema) - SCHEMA_WORDS
        for name in ("items", "additionalProperties", "propertyNames"):
            if isinstance(schema.get(name), dict):
                check(schema[name])
        for inner in (
            *schema.get("properties", {}).values(),
            *schema.get("anyOf", ()),
            *schema.get("prefixItems", ()),
        ):
            check(inner)

    for schema in document["components"]["schemas"].values():
        check(schema)


def test_what_is_taken_is_closed(document: dict[str, Any]) -> None:
    """An unknown member is refused, and the document says so."""
    schemas = document["components"]["schemas"]
    seen = 0
    for operation in operations(document).values():
        content = operation.get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema is None:
            continue
        body = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        assert body["additionalProperties"] is False
        seen += 1
    assert seen > 30
