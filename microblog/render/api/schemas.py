"""JSON Schema (2020-12): the parts that the schemas of the API are made of. Every key is there, and has exactly this type.

`entity` names a schema; where it is used, it is a reference into `NAMED`. The entities themselves, with their schemas, are in the modules
`entities_*.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Schema = Mapping[str, Any]

NAMED: dict[str, Schema] = {}
"""Every named schema, as `#/components/schemas/NAME`."""


def ref(name: str) -> Schema:
    """The schema of that name, which may be defined later."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(keys: Mapping[str, Schema], optional: Iterable[str] = ()) -> Schema:
    """An object with exactly these keys, all required but the `optional` ones."""
    left_out = set(optional)
    return {
        "type": "object",
        "properties": dict(keys),
        "required": [key for key in keys if key not in left_out],
        "additionalProperties": False,
    }


def entity(name: str, keys: Mapping[str, Schema], optional: Iterable[str] = ()) -> Schema:
    """Name a record."""
    assert name not in NAMED, f"There are two schemas called {name}."
    NAMED[name] = record(keys, optional)
    return ref(name)


def extended(name: str, base: str, keys: Mapping[str, Schema], *, optional: Iterable[str] = (), without: Iterable[str] = ()) -> Schema:
    """Name a record that has these keys beside those of another, or instead of some."""
    left_out = set(without)
    kept = {key: schema for key, schema in NAMED[base]["properties"].items() if key not in left_out}
    spare = {key for key in kept if key not in NAMED[base]["required"]}
    return entity(name, {**kept, **keys}, spare | set(optional))


def array_of(schema: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": schema}


def nullable(schema: Schema) -> Schema:
    """It, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def one_of(*values: str) -> Schema:
    """One of these words."""
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
