"""API compatibility: every entity of sample values equals its recorded JSON and matches its schema.

A recorded value that has to change is rewritten by `python -m tests.render.test_entities`; look at the difference before it is committed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from microblog.render.api.schemas import NAMED, array_of, ref
from microblog.web import api
from tests.render.entity_samples import samples

KEPT = Path(__file__).with_name("entities.json")
INSIDE = {
    "AccountRole",
    "AdminIp",
    "Appeal",
    "Field",
    "FilterKeyword",
    "FilterStatus",
    "Marker",
    "NotificationGroup",
    "PartialAccountWithAvatar",
    "PreviewCard",
    "Role",
}
"""Schemas of parts of other entities."""
MADE_BY_ROUTES = {"AdminTrendsStatus", "Context", "DeletedStatus", "Error", "Markers", "NodeInfoLinks", "Search", "Suggestion"}
"""Schemas of what routes put together themselves, and of what this site has none of: tests of the routes hold them."""


def encoded(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)


def test_every_entity_equals_its_recorded_json() -> None:
    made, kept = samples(), orjson.loads(KEPT.read_bytes())
    assert list(made) == list(kept)
    for name, (_, value) in made.items():
        assert encoded(orjson.loads(orjson.dumps(value))) == encoded(kept[name]), name  # the order of keys, too


@pytest.mark.parametrize("name", [name for name, (schema, _) in samples().items() if schema])
def test_every_entity_matches_its_schema(name: str) -> None:
    schema, value = samples()[name]
    kind, _, named = schema.rpartition(" ")
    promised: Any = array_of(ref(named)) if kind else ref(named)
    document = {"components": {"schemas": NAMED}, **promised}
    Draft202012Validator(document).validate(orjson.loads(orjson.dumps(value)))


def test_every_named_schema_has_a_sample() -> None:
    assert api.__name__  # all features are imported, and have named theirs
    sampled = {schema.rpartition(" ")[2] for schema, _ in samples().values()}
    assert set(NAMED) - sampled == INSIDE | MADE_BY_ROUTES


if __name__ == "__main__":
    KEPT.write_bytes(encoded({name: value for name, (_, value) in samples().items()}) + b"\n")
