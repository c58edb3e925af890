"""Building blocks of the API's JSON Schemas (2020-12). Keys are required and no others are allowed, unless stated otherwise.

`entity` registers a named schema in `NAMED` and returns a reference to it. The other modules of this package define the entities.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Schema = Mapping[str, Any]

NAMED: dict[str, Schema] = {}
"""All named schemas, for `#/components/schemas/NAME` of the OpenAPI document."""


def ref(name: str) -> Schema:
    """Return a reference to a named schema, which may be defined later."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(keys: Mapping[str, Schema], optional: Iterable[str] = ()) -> Schema:
    """Return the schema of an object with exactly these keys, all required but the `optional` ones."""
    left_out = set(optional)
    return {
        "type": "object",
        "properties": dict(keys),
        "required": [key for key in keys if key not in left_out],
        "additionalProperties": False,
    }


def entity(name: str, keys: Mapping[str, Schema], optional: Iterable[str] = ()) -> Schema:
    """Register an object schema under a name, and return a reference to it."""
    assert name not in NAMED, f"There are two schemas called {name}."
    NAMED[name] = record(keys, optional)
    return ref(name)


def extended(name: str, base: str, keys: Mapping[str, Schema], *, optional: Iterable[str] = (), without: Iterable[str] = ()) -> Schema:
    """Register a schema that extends or overrides the keys of another named schema, without some of them."""
    left_out = set(without)
    inherited = {key: schema for key, schema in NAMED[base]["properties"].items() if key not in left_out}
    inherited_optional = {key for key in inherited if key not in NAMED[base]["required"]}
    return entity(name, {**inherited, **keys}, inherited_optional | set(optional))


def array_of(schema: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": schema}


def nullable(schema: Schema) -> Schema:
    """Return a schema that also allows null."""
    return {"anyOf": [schema, {"type": "null"}]}


def one_of(*values: str) -> Schema:
    """Return the schema of an enumeration of strings."""
    return {"type": "string", "enum": list(values)}


TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
WHOLE: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
ANY: Schema = {}
NULL: Schema = {"type": "null"}
FILE: Schema = {"type": "string", "format": "binary"}
ID: Schema = {"type": "string", "pattern": "^[0-9]+$"}
URL: Schema = {"type": "string", "format": "uri", "pattern": "^https?://"}
HTML: Schema = {"type": "string", "description": "Safe HTML."}
DATE: Schema = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d\d-\d\d$"}
MOMENT: Schema = {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
MIDNIGHT: Schema = {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT00:00:00\.000Z$"}
DIGITS: Schema = {"type": "string", "pattern": "^[0-9]+$", "description": "A number as text."}
TEXTS = array_of(TEXT)
IDS = array_of(ID)
EMPTY = record({})
VISIBILITY = one_of("public", "unlisted", "private", "direct")
FILTER_CONTEXT = one_of("home", "notifications", "public", "thread", "account")
NOTIFICATION_TYPE = one_of(
    "mention",
    "status",
    "reblog",
    "follow",
    "follow_request",
    "favourite",
    "poll",
    "update",
    "admin.sign_up",
    "admin.report",
    "moderation_warning",
    "severed_relationships",
)

NAMED["Error"] = {
    "type": "object",
    "properties": {
        "error": TEXT,
        "error_description": TEXT,
        "details": {"type": "object", "additionalProperties": array_of(record({"error": TEXT, "description": TEXT}))},
    },
    "required": ["error"],
}
ERROR = ref("Error")
