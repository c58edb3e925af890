"""Definitions of API entities: each key is declared once, with its JSON Schema and a getter that reads its value from a domain value.

A definition is the JSON Schema of the entity (a reference into `schemas.NAMED` if it has a name). Calling it returns the dictionary for
orjson. Constant keys are copied from a template, so they cost almost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from attrs import frozen

from microblog.render.api.schemas import Schema, array_of, entity, nullable, record

T = TypeVar("T")
S = TypeVar("S")
Part = TypeVar("Part")
Getter = Callable[[T, S], object]
Entity = dict[str, Any]

ABSENT: Any = object()
"""Returned by the getter of an optional key to leave the key out."""


@frozen
class Key(Generic[T, S]):
    """One key of an entity. Its value comes from `get`, from `constant`, or from the key named `copied`."""

    schema: Schema
    get: Getter[T, S] | None = None
    constant: object = None
    optional: bool = False
    copied: str = ""


Keys = Mapping[str, Key[T, S]]


class Definition(dict[str, Any], Generic[T, S]):
    """An entity built from a value `T` and a site `S` (None if it does not use the site). `name` is empty for an unnamed part of an entity.

    `prepare` is applied to the value first. `base` is another definition, with a getter for its value; the keys of the base come first, and
    `keys` can override them.
    """

    __slots__ = ("_base", "_copies", "_getters", "_optional", "_prepare", "_template", "keys_by_name")

    def __init__(
        self,
        name: str,
        keys: Keys[T, S],
        prepare: Callable[[T], T] | None = None,
        base: tuple[Definition[Any, S], Getter[T, S]] | None = None,
    ) -> None:
        whole = {**base[0].keys_by_name, **keys} if base else dict(keys)
        schemas, left_out = {key: one.schema for key, one in whole.items()}, [key for key, one in whole.items() if one.optional]
        super().__init__(entity(name, schemas, left_out) if name else record(schemas, left_out))
        self.keys_by_name: dict[str, Key[Any, S]] = whole
        self._base, self._prepare = base, prepare
        served = {key: one for key, one in keys.items() if one.constant is not ABSENT}
        self._template: Entity = {key: one.constant for key, one in served.items()}
        self._getters = tuple((key, one.get) for key, one in served.items() if one.get is not None and not one.optional)
        self._optional = tuple((key, one.get) for key, one in served.items() if one.get is not None and one.optional)
        self._copies = tuple((key, one.copied) for key, one in served.items() if one.copied)

    def __call__(self, value: T, site: S) -> Entity:
        """Build the entity."""
        if self._prepare is not None:
            value = self._prepare(value)
        result = self._template.copy() if self._base is None else self._base[0](self._base[1](value, site), site) | self._template
        for key, get in self._getters:
            result[key] = get(value, site)
        for key, get in self._optional:
            found = get(value, site)
            if found is ABSENT:
                del result[key]
            else:
                result[key] = found
        for key, other in self._copies:
            result[key] = result[other]
        return result

    @property
    def constants(self) -> Entity | None:
        """The entity if all its keys are constant; otherwise None."""
        varies = self._base or self._getters or self._optional or self._copies
        return None if varies else self._template

    def each(self, values: Iterable[T], site: S) -> list[Entity]:
        """Build an entity of each value."""
        return [self(value, site) for value in values]


def key(schema: Schema, get: Getter[T, S]) -> Key[T, S]:
    """Define a required key."""
    return Key(schema, get)


def optional(schema: Schema, get: Getter[T, S]) -> Key[T, S]:
    """Define a key that is left out if the getter returns ABSENT."""
    return Key(schema, get, optional=True)


def always(schema: Schema, constant: object) -> Key[Any, Any]:
    """Define a key with a constant value."""
    return Key(schema, constant=constant)


def copy_of(other: str, schema: Schema) -> Key[Any, Any]:
    """Define a key with the value of another key of the same entity."""
    return Key(schema, copied=other)


def elsewhere(schema: Schema) -> Key[Any, Any]:
    """Define an optional key for the schema only; the caller adds it to the entity, or to the encoded JSON."""
    return Key(schema, constant=ABSENT, optional=True)


def one(definition: Definition[Part, S], get: Callable[[T, S], Part]) -> Key[T, S]:
    """Define a key with a nested entity."""
    return Key(definition, lambda value, site: definition(get(value, site), site))


def one_or_null(definition: Definition[Part, S], get: Callable[[T, S], Part | None]) -> Key[T, S]:
    """Define a key with a nested entity, or null."""

    def result(value: T, site: S) -> Entity | None:
        found = get(value, site)
        return None if found is None else definition(found, site)

    return Key(nullable(definition), result)


def one_or_absent(definition: Definition[Part, S], get: Callable[[T, S], Part | None]) -> Key[T, S]:
    """Define a key with a nested entity, or without it if the getter returns None."""

    def result(value: T, site: S) -> object:
        found = get(value, site)
        return ABSENT if found is None else definition(found, site)

    return Key(definition, result, optional=True)


def many(definition: Definition[Part, S], get: Callable[[T, S], Iterable[Part]]) -> Key[T, S]:
    """Define a key with a list of nested entities."""
    return Key(array_of(definition), lambda value, site: [definition(each, site) for each in get(value, site)])


def part(keys: Keys[T, S]) -> Key[T, S]:
    """Define a key with a nested object that is built from the same value."""
    definition = Definition("", keys)
    constants = definition.constants
    return Key(definition, definition) if constants is None else Key(definition, constant=constants)
