"""What was sent with a request, from query and body together, read with a type.

Names may be bracketed: `fields.text("source[privacy]")`. A field that is absent gives the default; one that holds the wrong kind of thing
raises `Invalid` with a sentence that names it.
"""

from __future__ import annotations

import builtins
import re
from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from typing import overload

from attrs import frozen

from microblog.domain.text.post_text import without_controls
from microblog.model.errors import Invalid, Malformed
from microblog.model.ids import LARGEST_ID
from microblog.web.http.body_parsing import Node, Repeated, Tree, Upload, label, path_of, unquoted

_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "off", "OFF"})
_DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_LEADING = re.compile(r"\s*([+-]?[0-9]{1,18})", re.ASCII)
_BOUND = re.compile(r"\s*(-?)\+?0*([0-9]*)", re.ASCII)


def _is_index(key: str) -> bool:
    return bool(_DIGITS.fullmatch(key))


def _scalar(name: str, value: Node) -> str | None:
    """`value` as text; None for null. Raises Invalid for lists, mappings and files.

    The last of several counts.
    """
    if isinstance(value, Repeated):
        value = value[-1]
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    raise Invalid({name: f"{label(name)} has to be a single value"})


def _prose(text: str) -> str:
    """What somebody typed or pasted, without control characters, with line ends as "\\n"."""
    return text if text.isprintable() else without_controls(text.replace("\r\n", "\n").replace("\r", "\n"))


def _bounded(name: str, text: str, max: int | None) -> str:
    """`text`. Raises Invalid if it has more than `max` characters (code points)."""
    if max is not None and len(text) > max:
        raise Invalid({name: f"{label(name)} is too long (maximum is {max} characters)"}, codes={name: "ERR_TOO_LONG"})
    return text


def _items(value: Node) -> list[Node]:
    """`value` as a list: a list, a mapping of indexes, or one value alone."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and all(_is_index(key) for key in value):
        return [value[key] for key in sorted(value, key=int)]
    return [value]


def _of_data_uri(name: str, text: str) -> Upload:
    """What a `data:` URI holds (RFC 2397). Raises Invalid for any other text."""
    head, comma, data = text.partition(",")
    if head[:5].lower() != "data:" or not comma:
        raise Invalid({name: f"{label(name)} has to be a file or a data: URI"}, codes={name: "ERR_INVALID"})
    kind, *options = head[5:].split(";")
    try:
        raw = unquoted(data.encode())
        held = b64decode(raw, validate=True) if "base64" in (option.strip().lower() for option in options) else raw
    except ValueError as problem:
        raise Invalid({name: f"{label(name)} is not a valid data: URI"}, codes={name: "ERR_INVALID"}) from problem
    return Upload("", kind, BytesIO(held), len(held))


def _is_list(value: Node) -> bool:
    return isinstance(value, list) and not isinstance(value, Repeated)


def _leading(text: str) -> int:
    """The number that a text begins with; 0 where it begins with none."""
    number = _LEADING.match(text)
    return int(number.group(1)) if number else 0


@frozen
class Params:
    """The fields of one request, or of one mapping inside it."""

    tree: Tree

    def has(self, name: str) -> bool:
        """True if the field was sent at all, also if it is empty or null."""
        return self._find(name)[1]

    def is_repeated(self, name: str) -> bool:
        """True if a field that has one value was sent with several, or as a list or a mapping."""
        return isinstance(self._find(name)[0], (list, dict))

    def _find(self, name: str) -> tuple[Node, bool]:
        node: Node = self.tree
        for key in path_of(name):
            if key == "":
                break  # `a[]` asks for the list `a`
            if not isinstance(node, dict) or key not in node:
                return None, False
            node = node[key]
        return node, True

    @overload
    def text(self, name: str, *, default: str = "", max: int | None = None) -> str: ...

    @overload
    def text(self, name: str, *, default: None, max: int | None = None) -> str | None: ...

    def text(self, name: str, *, default: str | None = "", max: int | None = None) -> str | None:
        """A text that people write for people: without pasted control characters, with line ends as "\\n"."""
        found = _scalar(name, self._find(name)[0])
        return default if found is None else _bounded(name, _prose(found), max)

    @overload
    def value(self, name: str, *, default: str = "", max: int | None = None) -> str: ...

    @overload
    def value(self, name: str, *, default: None, max: int | None = None) -> str | None: ...

    def value(self, name: str, *, default: str | None = "", max: int | None = None) -> str | None:
        """A value that is no prose, exactly as it was sent: an address, a name, a key, a token, one of several words."""
        found = _scalar(name, self._find(name)[0])
        return default if found is None else _bounded(name, found, max)

    def password(self, name: str) -> str:
        """A password: every character counts as it was typed, but line ends, which are "\\n"."""
        return self.value(name).replace("\r\n", "\n").replace("\r", "\n")

    def required(self, name: str, *, max: int | None = None) -> str:
        """The value, which has to be there. Raises Malformed (400) in the words that API clients know."""
        found = self.value(name, max=max)
        if not found.strip():
            raise Malformed(f"param is missing or the value is empty: {name}")
        return found

    @overload
    def flag(self, name: str, default: bool = False) -> bool: ...

    @overload
    def flag(self, name: str, default: None) -> bool | None: ...

    def flag(self, name: str, default: bool | None = False) -> bool | None:
        """A boolean as Rails reads it: absent, null and empty are the default; 0, f, false, off are False; the rest is True."""
        found = _scalar(name, self._find(name)[0])
        if found is None or found == "":
            return default
        return found not in _FALSE

    @overload
    def integer(self, name: str, default: int, *, min: int | None = None, max: int | None = None) -> int: ...

    @overload
    def integer(self, name: str, default: None = None, *, min: int | None = None, max: int | None = None) -> int | None: ...

    def integer(self, name: str, default: int | None = None, *, min: int | None = None, max: int | None = None) -> int | None:
        """A whole number within its bounds. Raises Invalid for anything else."""
        found = _scalar(name, self._find(name)[0])
        if found is None or not found.strip():
            return default
        if not _WHOLE.fullmatch(found.strip()):
            raise Invalid({name: f"{label(name)} is not a number"}, codes={name: "ERR_INVALID"})
        number = int(found)
        if min is not None and number < min:
            raise Invalid({name: f"{label(name)} must be at least {min}"}, codes={name: "ERR_INVALID"})
        if max is not None and number > max:
            raise Invalid({name: f"{label(name)} must be at most {max}"}, codes={name: "ERR_INVALID"})
        return number

    def limit(self, default: int, max: int, name: str = "limit") -> int:
        """A page's size as clients know it: without sign, never above `max`, 0 for what is no number."""
        found = _scalar(name, self._find(name)[0])
        if found is None or not found.strip():
            return default
        return builtins.min(abs(_leading(found)), max)

    def offset(self, max: int) -> int:
        """How many to pass over as clients say it: 0 for what is no number or below. Raises Invalid above `max`."""
        number = builtins.max(0, _leading(_scalar("offset", self._find("offset")[0]) or ""))
        if number > max:
            raise Invalid({"offset": f"Offset must be at most {max}"}, codes={"offset": "ERR_INVALID"})
        return number

    def id(self, name: str) -> int | None:
        """An id, or None if it is absent or empty. Raises Invalid for what cannot be one."""
        found = _scalar(name, self._find(name)[0])
        if found is None or found == "":
            return None
        if not _DIGITS.fullmatch(found) or int(found) > LARGEST_ID:
            raise Invalid({name: f"{label(name)} is not an id"}, codes={name: "ERR_INVALID"})
        return int(found)

    def bound(self, name: str) -> int | None:
        """Where a page begins or ends, or None if that is absent or empty: compared as a number, so what is none counts as 0."""
        found = _scalar(name, self._find(name)[0])
        if found is None or found == "":
            return None
        sign, digits = _BOUND.match(found).groups()  # type: ignore[union-attr]  # it matches everything, if only its beginning
        if len(digits) > len(str(LARGEST_ID)):
            digits = str(LARGEST_ID)
        return 0 if sign or not digits else builtins.min(int(digits), LARGEST_ID)

    def list(self, name: str, *, max: int = 1_000) -> builtins.list[str]:
        """Several values: `name[]=a&name[]=b`, `name[0]=a`, `name=a&name=b`, a JSON list, or one value alone.

        A list in the list is laid open: programs that add the brackets twice send `name[][]=a`.
        """
        items = [text for item in _items(self._find(name)[0]) for text in (_items(item) if _is_list(item) else [item])]
        if len(items) > max:
            raise Invalid({name: f"{label(name)} has more than {max} entries"})
        return [text for text in (_scalar(name, item) for item in items) if text is not None]

    def texts(self, name: str) -> builtins.list[str]:
        """Several texts that people write for people, see `text`."""
        return [_prose(text) for text in self.list(name)]

    def ids(self, name: str, *, max: int = 1_000) -> builtins.list[int]:
        """Several ids; what cannot be an id is left out, because it would find nothing."""
        return [int(text) for text in self.list(name, max=max) if _DIGITS.fullmatch(text) and int(text) <= LARGEST_ID]

    def sub(self, name: str) -> Params | None:
        """The mapping under `name` (`poll[...]`, or a JSON object); None if there is none."""
        found = self._find(name)[0]
        return Params(found) if isinstance(found, dict) else None

    def subs(self, name: str) -> builtins.list[Params]:
        """Several mappings: `name[0][x]`, `name[][x]`, or a JSON list of objects."""
        return [Params(item) for item in _items(self._find(name)[0]) if isinstance(item, dict)]

    def upload(self, name: str) -> Upload | None:
        """A file, or what a `data:` URI holds; None if none was chosen. Raises Invalid for anything else."""
        found = self._find(name)[0]
        if isinstance(found, Repeated):
            found = found[-1]
        if found is None or isinstance(found, Upload):
            return found
        text = _scalar(name, found) or ""
        return _of_data_uri(name, text) if text else None

    def pairs(self, *names: str) -> Iterator[tuple[str, str]]:
        """(name, text) of those of `names` that were sent, lists as `name[]`: to repeat them in a link to the next page."""
        for name in names:
            value = self._find(name)[0]
            several = isinstance(value, (list, dict))
            for text in self.list(name):
                yield (f"{name}[]" if several else name), text
