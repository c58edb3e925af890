"""Typed access to the parameters of a request, from query and body together.

Names may be bracketed: `fields.text("source[privacy]")`. An absent field gives the default; one of the wrong type raises `Invalid` with
a sentence that names it.
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
from microblog.model.ids import MAX_ID
from microblog.web.http.body_parsing import Node, Repeated, Tree, Upload, label, path_of, unquoted

_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "off", "OFF"})
_DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_LEADING = re.compile(r"\s*([+-]?[0-9]{1,18})", re.ASCII)
_BOUND = re.compile(r"\s*(-?)\+?0*([0-9]*)", re.ASCII)


def _is_index(key: str) -> bool:
    return bool(_DIGITS.fullmatch(key))


def _scalar(name: str, value: Node) -> str | None:
    """`value` as text, None for null; the last one of repeated values. Raises Invalid for lists, mappings and files."""
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
    raise Invalid({name: f"{label(name)} must be a single value"})


def _clean_text(text: str) -> str:
    """Typed or pasted text, without control characters, with line ends as "\\n"."""
    return text if text.isprintable() else without_controls(text.replace("\r\n", "\n").replace("\r", "\n"))


def _bounded(name: str, text: str, max: int | None) -> str:
    """`text`. Raises Invalid if it has more than `max` characters (code points)."""
    if max is not None and len(text) > max:
        raise Invalid({name: f"{label(name)} is too long (maximum is {max} characters)"}, codes={name: "ERR_TOO_LONG"})
    return text


def _items(value: Node) -> list[Node]:
    """`value` as a list: from a list, a mapping of indexes, or one value."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and all(_is_index(key) for key in value):
        return [value[key] for key in sorted(value, key=int)]
    return [value]


def _decode_data_uri(name: str, text: str) -> Upload:
    """Decode a `data:` URI (RFC 2397). Raises Invalid for any other text."""
    head, comma, data = text.partition(",")
    if head[:5].lower() != "data:" or not comma:
        raise Invalid({name: f"{label(name)} must be a file or a data: URI"}, codes={name: "ERR_INVALID"})
    kind, *options = head[5:].split(";")
    try:
        raw = unquoted(data.encode())
        content = b64decode(raw, validate=True) if "base64" in (option.strip().lower() for option in options) else raw
    except ValueError as problem:
        raise Invalid({name: f"{label(name)} is not a valid data: URI"}, codes={name: "ERR_INVALID"}) from problem
    return Upload("", kind, BytesIO(content), len(content))


def _is_list(value: Node) -> bool:
    return isinstance(value, list) and not isinstance(value, Repeated)


def _leading_number(text: str) -> int:
    """The number at the start of a text, or 0."""
    number = _LEADING.match(text)
    return int(number.group(1)) if number else 0


@frozen
class Params:
    """The parameters of a request, or of a mapping inside it."""

    tree: Tree

    def has(self, name: str) -> bool:
        """True if the field was sent, even if it is empty or null."""
        return self._find(name)[1]

    def is_repeated(self, name: str) -> bool:
        """True if a field was sent more than once, or as a list or mapping."""
        return isinstance(self._find(name)[0], (list, dict))

    def _find(self, name: str) -> tuple[Node, bool]:
        node: Node = self.tree
        for key in path_of(name):
            if key == "":
                break  # `a[]` means the list `a`
            if not isinstance(node, dict) or key not in node:
                return None, False
            node = node[key]
        return node, True

    @overload
    def text(self, name: str, *, default: str = "", max: int | None = None) -> str: ...

    @overload
    def text(self, name: str, *, default: None, max: int | None = None) -> str | None: ...

    def text(self, name: str, *, default: str | None = "", max: int | None = None) -> str | None:
        """Text written by a user: without control characters, with line ends as "\\n"."""
        value = _scalar(name, self._find(name)[0])
        return default if value is None else _bounded(name, _clean_text(value), max)

    @overload
    def value(self, name: str, *, default: str = "", max: int | None = None) -> str: ...

    @overload
    def value(self, name: str, *, default: None, max: int | None = None) -> str | None: ...

    def value(self, name: str, *, default: str | None = "", max: int | None = None) -> str | None:
        """A value exactly as it was sent, such as an address, a name, a token or one of several keywords."""
        value = _scalar(name, self._find(name)[0])
        return default if value is None else _bounded(name, value, max)

    def password(self, name: str) -> str:
        """A password, exactly as it was typed except for line ends, which are "\\n"."""
        return self.value(name).replace("\r\n", "\n").replace("\r", "\n")

    def required(self, name: str, *, max: int | None = None) -> str:
        """The value of a required field. Raises Malformed (400) with Mastodon's message if it is missing."""
        value = self.value(name, max=max)
        if not value.strip():
            raise Malformed(f"param is missing or the value is empty: {name}")
        return value

    @overload
    def flag(self, name: str, default: bool = False) -> bool: ...

    @overload
    def flag(self, name: str, default: None) -> bool | None: ...

    def flag(self, name: str, default: bool | None = False) -> bool | None:
        """A boolean as Rails reads it: absent, null and empty are the default; 0, f, false, off are False; the rest is True."""
        value = _scalar(name, self._find(name)[0])
        if value is None or value == "":
            return default
        return value not in _FALSE

    @overload
    def integer(self, name: str, default: int, *, min: int | None = None, max: int | None = None) -> int: ...

    @overload
    def integer(self, name: str, default: None = None, *, min: int | None = None, max: int | None = None) -> int | None: ...

    def integer(self, name: str, default: int | None = None, *, min: int | None = None, max: int | None = None) -> int | None:
        """A whole number within its bounds. Raises Invalid for anything else."""
        value = _scalar(name, self._find(name)[0])
        if value is None or not value.strip():
            return default
        if not _WHOLE.fullmatch(value.strip()):
            raise Invalid({name: f"{label(name)} is not a number"}, codes={name: "ERR_INVALID"})
        number = int(value)
        if min is not None and number < min:
            raise Invalid({name: f"{label(name)} must be at least {min}"}, codes={name: "ERR_INVALID"})
        if max is not None and number > max:
            raise Invalid({name: f"{label(name)} must be at most {max}"}, codes={name: "ERR_INVALID"})
        return number

    def limit(self, default: int, max: int, name: str = "limit") -> int:
        """The page size as Mastodon reads it: without sign, at most `max`, 0 for anything but a number."""
        value = _scalar(name, self._find(name)[0])
        if value is None or not value.strip():
            return default
        return builtins.min(abs(_leading_number(value)), max)

    def offset(self, max: int) -> int:
        """The number of results to skip: 0 for negative values and anything but a number. Raises Invalid above `max`."""
        number = builtins.max(0, _leading_number(_scalar("offset", self._find("offset")[0]) or ""))
        if number > max:
            raise Invalid({"offset": f"Offset must be at most {max}"}, codes={"offset": "ERR_INVALID"})
        return number

    def id(self, name: str) -> int | None:
        """An id, or None if it is absent or empty. Raises Invalid for anything else."""
        value = _scalar(name, self._find(name)[0])
        if value is None or value == "":
            return None
        if not _DIGITS.fullmatch(value) or int(value) > MAX_ID:
            raise Invalid({name: f"{label(name)} is not an id"}, codes={name: "ERR_INVALID"})
        return int(value)

    def bound(self, name: str) -> int | None:
        """A page bound such as `max_id`, or None if it is absent or empty. Anything but a number counts as 0."""
        value = _scalar(name, self._find(name)[0])
        if value is None or value == "":
            return None
        sign, digits = _BOUND.match(value).groups()  # type: ignore[union-attr]  # the pattern matches a prefix of every text
        if len(digits) > len(str(MAX_ID)):
            digits = str(MAX_ID)
        return 0 if sign or not digits else builtins.min(int(digits), MAX_ID)

    def list(self, name: str, *, max: int = 1_000) -> builtins.list[str]:
        """Several values: `name[]=a&name[]=b`, `name[0]=a`, `name=a&name=b`, a JSON list, or one value alone.

        A nested list is flattened: clients that add the brackets twice send `name[][]=a`.
        """
        items = [text for item in _items(self._find(name)[0]) for text in (_items(item) if _is_list(item) else [item])]
        if len(items) > max:
            raise Invalid({name: f"{label(name)} has more than {max} entries"})
        return [text for text in (_scalar(name, item) for item in items) if text is not None]

    def texts(self, name: str) -> builtins.list[str]:
        """Several texts written by a user, see `text`."""
        return [_clean_text(text) for text in self.list(name)]

    def ids(self, name: str, *, max: int = 1_000) -> builtins.list[int]:
        """Several ids; anything that cannot be an id is left out."""
        return [int(text) for text in self.list(name, max=max) if _DIGITS.fullmatch(text) and int(text) <= MAX_ID]

    def sub(self, name: str) -> Params | None:
        """The mapping at `name` (`poll[...]`, or a JSON object), or None."""
        value = self._find(name)[0]
        return Params(value) if isinstance(value, dict) else None

    def subs(self, name: str) -> builtins.list[Params]:
        """Several mappings: `name[0][x]`, `name[][x]`, or a JSON list of objects."""
        return [Params(item) for item in _items(self._find(name)[0]) if isinstance(item, dict)]

    def upload(self, name: str) -> Upload | None:
        """A file, also from a `data:` URI; None if no file was chosen. Raises Invalid for anything else."""
        value = self._find(name)[0]
        if isinstance(value, Repeated):
            value = value[-1]
        if value is None or isinstance(value, Upload):
            return value
        text = _scalar(name, value) or ""
        return _decode_data_uri(name, text) if text else None

    def pairs(self, *names: str) -> Iterator[tuple[str, str]]:
        """Yield (name, text) for each of `names` that was sent, lists as `name[]`, to repeat them in a link to another page."""
        for name in names:
            value = self._find(name)[0]
            is_list = isinstance(value, (list, dict))
            for text in self.list(name):
                yield (f"{name}[]" if is_list else name), text
