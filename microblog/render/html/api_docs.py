"""View models of the API documentation page, built from an OpenAPI document. Pure.

Operations and entities never change while the server runs, so each is rendered once; a page concatenates them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve, frozen
from markupsafe import Markup, escape

Node = Mapping[str, Any]
Part = Callable[..., str]

_SCHEMAS = "#/components/schemas/"
_KINDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null", "object": "object"}
_FORMATS = {"uri": "URL", "date": "date", "date-time": "time (ISO 8601)", "binary": "file"}


@frozen
class FieldDoc:
    """A parameter, a field of a body or a key of an entity. `location` is path, query, header or body; empty for keys of an entity."""

    name: str
    type: Markup
    description: str = ""
    required: bool = False
    location: str = ""


@frozen
class ResponseDoc:
    """A possible response of an operation."""

    status: str
    description: str
    type: Markup | None = None


@frozen
class OperationDoc:
    """One method of one path."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    access: str
    scopes: tuple[str, ...]
    fields: tuple[FieldDoc, ...]
    responses: tuple[ResponseDoc, ...]
    errors: tuple[ResponseDoc, ...]


@frozen
class ReferenceEntry:
    """A rendered operation or entity, with the lower-case text that a search matches."""

    html: str
    search_text: str


@frozen
class Section:
    """The operations of one feature."""

    id: str
    name: str
    description: str
    operations: tuple[ReferenceEntry, ...]

    @property
    def articles(self) -> list[str]:
        """The rendered operations."""
        return [entries.html for entries in self.operations]


@frozen
class ApiReference:
    """The content of the page."""

    sections: tuple[Section, ...]
    entities: tuple[ReferenceEntry, ...]

    @property
    def articles(self) -> list[str]:
        """The rendered entities."""
        return [entries.html for entries in self.entities]

    def matching(self, query: str) -> ApiReference:
        """Return the entries that contain all words of `query`; all entries if it is empty."""
        words = query.lower().split()
        sections = tuple(evolve(section, operations=_filter_entries(section.operations, words)) for section in self.sections)
        return ApiReference(tuple(section for section in sections if section.operations), _filter_entries(self.entities, words))


def _filter_entries(entries: Iterable[ReferenceEntry], words: Iterable[str]) -> tuple[ReferenceEntry, ...]:
    return tuple(each for each in entries if all(word in each.search_text for word in words))


def build_reference(document: Node, part: Part) -> ApiReference:
    """Build the reference from an OpenAPI document. `part` renders a template by name."""
    by_tag: dict[str, list[ReferenceEntry]] = {tag["name"]: [] for tag in document["tags"]}
    shared = document["components"]["responses"]
    for path, methods in document["paths"].items():
        for method, node in methods.items():
            operation = _operation(method.upper(), path, node, shared)
            words = f"{operation.method} {path} {operation.summary} {operation.description} {' '.join(operation.scopes)}".lower()
            by_tag[node["tags"][0]].append(ReferenceEntry(part("_api_operation", operation=operation), words))
    sections = [Section(anchor(tag["name"]), tag["name"], tag["description"], tuple(by_tag[tag["name"]])) for tag in document["tags"]]
    entities = [
        ReferenceEntry(part("_api_entity", name=name, lines=tuple(_entity_lines(schema))), name.lower())
        for name, schema in document["components"]["schemas"].items()
    ]
    return ApiReference(tuple(sections), tuple(entities))


def anchor(name: str) -> str:
    """Return the HTML id of a section."""
    return "-".join("".join(character if character.isalnum() else " " for character in name.lower()).split())


def _operation(method: str, path: str, node: Node, shared: Node) -> OperationDoc:
    responses = {status: _response(status, each, shared) for status, each in node["responses"].items()}
    security = node["security"]
    return OperationDoc(
        id=node["operationId"],
        method=method,
        path=path,
        summary=node["summary"],
        description=" ".join(node["description"].split()),
        access=_access(security),
        scopes=tuple(scope for way in security for scope in way.get("oauth2", ())),
        fields=tuple(_fields(node)),
        responses=tuple(response for status, response in responses.items() if status < "4"),
        errors=tuple(response for status, response in responses.items() if status >= "4"),
    )


def _access(security: list[Node]) -> str:
    if not security:
        return "No token"
    return "Token optional" if {} in security else "Token"


def _response(status: str, node: Node, shared: Node) -> ResponseDoc:
    if "$ref" in node:
        return ResponseDoc(status, shared[node["$ref"].rpartition("/")[2]]["description"])
    content: Node = node.get("content", {})
    types = [Markup('{} <span class="soft">{}</span>').format(describe_type(each["schema"]), kind) for kind, each in content.items()]
    return ResponseDoc(status, node["description"], Markup(", ").join(types) if types else None)


def _fields(node: Node) -> Iterator[FieldDoc]:
    for each in node.get("parameters", ()):
        yield FieldDoc(each["name"], describe_type(each["schema"]), each.get("description", ""), each["required"], each["in"])
    content: Node = node.get("requestBody", {}).get("content", {})
    if content:
        body = content["multipart/form-data"]["schema"]  # the complete one: the other media types have no files
        required = body.get("required", ())
        for name, schema in body["properties"].items():
            yield FieldDoc(name, describe_type(schema), schema.get("description", ""), name in required, "body")


def _entity_lines(schema: Node) -> Iterator[FieldDoc]:
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        yield FieldDoc(name, describe_type(inner), inner.get("description", ""), name in required)


def describe_type(schema: Node) -> Markup:
    """Describe a type in words, with links to its entities."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_SCHEMAS)
        return Markup('<a href="#{0}">{0}</a>').format(name)
    if "anyOf" in schema:
        return Markup(" or ").join(describe_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return Markup(" or ").join(Markup("<code>{}</code>").format(each) for each in schema["enum"])
    if schema.get("type") == "array":
        return Markup("list of {}").format(describe_type(schema["items"]))
    if schema.get("properties"):
        keys = [Markup("<code>{}</code>: {}").format(key, describe_type(inner)) for key, inner in schema["properties"].items()]
        return Markup("object with {}").format(Markup(", ").join(keys))
    return _plain(schema)


def _plain(schema: Node) -> Markup:
    if schema.get("format") in _FORMATS:
        return escape(_FORMATS[schema["format"]])
    if str(schema.get("pattern", "")).startswith("^[0-9]+"):
        return Markup("digits as text")
    if isinstance(schema.get("additionalProperties"), Mapping):
        return Markup("object of {}").format(describe_type(schema["additionalProperties"]))
    return escape(_KINDS.get(schema.get("type", ""), "anything"))
