"""Definitions of API entities: each key is written once, with its schema and with how its value is read from a domain value.

A definition is the JSON Schema of the entity (a reference into `schemas.NAMED` if it has a name) and, called, makes the dictionary for
orjson. Keys that are the same for every value lie in a template that is copied, so they cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from attrs import frozen

from microblog.render.schemas import Schema, array_of, entity, nullable, record

T = TypeVar("T")
S = TypeVar("S")
Part = TypeVar("Part")
Getter = Callable[[T, S], object]
Entity = dict[str, Any]

ABSENT: Any = object()
"""Returned by the getter of an optional key: this entity has no such key."""


@frozen
class Key(Generic[T, S]):
    """One key. Without a getter its value is `constant`."""

    schema: Schema
    get: Getter[T, S] | None
    constant: object = None
    optional: bool = False


Keys = Mapping[str, Key[T, S]]


class Definition(dict[str, Any], Generic[T, S]):
    """An entity made of a value `T` for the site `S` (None where it does not matter which). `name` is empty for parts of others."""

    __slots__ = ("_getters", "_template", "keys_by_name")

    def __init__(self, name: str, keys: Keys[T, S]) -> None:
        schemas = {key: one.schema for key, one in keys.items()}
        optional = [key for key, one in keys.items() if one.optional]
        super().__init__(entity(name, schemas, optional) if name else record(schemas, optional))
        self.keys_by_name = dict(keys)
        served = {key: one for key, one in keys.items() if one.constant is not ABSENT}
        self._template: Entity = {key: one.constant for key, one in served.items()}
        self._getters = tuple((key, one.get) for key, one in served.items() if one.get is not None)

    def __call__(self, value: T, site: S) -> Entity:
        """Make the entity."""
        made = self._template.copy()
        for key, get in self._getters:
            told = get(value, site)
            if told is ABSENT:
                del made[key]
            else:
                made[key] = told
        return made

    def each(self, values: Iterable[T], site: S) -> list[Entity]:
        """Make several."""
        return [self(value, site) for value in values]

    def extended(self, name: str, of: Callable[[Part], T], keys: Keys[Part, S]) -> Definition[Part, S]:
        """Define an entity that has these keys beside those of this one, or instead of some; `of` finds the value for this one's."""
        return Definition(name, {**{key: _moved(one, of) for key, one in self.keys_by_name.items()}, **keys})

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Copy as a plain schema."""
        return dict, (dict(self),)


def _moved(key: Key[T, S], of: Callable[[Part], T]) -> Key[Part, S]:
    get = key.get
    return Key(key.schema, None if get is None else lambda value, site: get(of(value), site), key.constant, key.optional)


def key(schema: Schema, get: Getter[T, S]) -> Key[T, S]:
    """A key that is always there."""
    return Key(schema, get)


def optional(schema: Schema, get: Getter[T, S]) -> Key[T, S]:
    """A key that is left out where the getter returns ABSENT."""
    return Key(schema, get, optional=True)


def always(schema: Schema, constant: object) -> Key[Any, Any]:
    """A key with the same value everywhere."""
    return Key(schema, None, constant)


def elsewhere(schema: Schema) -> Key[Any, Any]:
    """An optional key that the definition only describes: it is added to the entity, or to its bytes, where the value is known."""
    return Key(schema, None, ABSENT, optional=True)


def one(definition: Definition[Part, S], get: Callable[[T, S], Part]) -> Key[T, S]:
    """A key with another entity."""
    return Key(definition, lambda value, site: definition(get(value, site), site))


def one_or_null(definition: Definition[Part, S], get: Callable[[T, S], Part | None]) -> Key[T, S]:
    """A key with another entity, or null."""

    def made(value: T, site: S) -> Entity | None:
        found = get(value, site)
        return None if found is None else definition(found, site)

    return Key(nullable(definition), made)


def one_or_absent(definition: Definition[Part, S], get: Callable[[T, S], Part | None]) -> Key[T, S]:
    """A key with another entity, or none."""

    def made(value: T, site: S) -> object:
        found = get(value, site)
        return ABSENT if found is None else definition(found, site)

    return Key(definition, made, optional=True)


def many(definition: Definition[Part, S], get: Callable[[T, S], Iterable[Part]]) -> Key[T, S]:
    """A key with a list of other entities."""
    return Key(array_of(definition), lambda value, site: [definition(each, site) for each in get(value, site)])


def part(keys: Keys[T, S]) -> Key[T, S]:
    """A key with an object of the same value, whose own keys are these."""
    definition = Definition("", keys)
    return Key(definition, definition)
