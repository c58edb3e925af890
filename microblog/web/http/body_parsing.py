"""Parsers for query strings and request bodies, into one tree of plain values, in linear time and bounded size.

Names are nested as in Rails: `a[b]=1` is {"a": {"b": "1"}}, `a[]=1&a[]=2` a list, `a[][x]=1&a[][y]=2` a list of one mapping.
"""

from __future__ import annotations

import json
import re
import tempfile
from binascii import a2b_qp
from collections.abc import Iterable, Iterator
from functools import lru_cache
from io import BytesIO
from itertools import islice, pairwise
from typing import BinaryIO, cast

import orjson
from attrs import define, field, frozen
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from microblog.model.errors import Invalid, Malformed, TooLarge
from microblog.web.http.body_buffer import IN_MEMORY

MAX_FIELDS = 1_000
MAX_TEXT_BYTES = 1024 * 1024  # bytes of all texts of a form that has files beside them
MAX_NODES = 10_000
DEEPEST = 16
MAX_NAME_LENGTH = 256

_CHUNK = 64 * 1024
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_NO_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_JSON_TYPES = re.compile(r"application/(?:[a-z0-9.+-]+\+)?json|application/csp-report")


@frozen
class Upload:
    """An uploaded file. `filename` and `content_type` are sent by the client and not trustworthy.

    `file` is an unnamed file, positioned at its start and closed after the response.
    """

    filename: str
    content_type: str
    file: BinaryIO = field(repr=False)
    size: int = 0

    @property
    def data(self) -> bytes:
        """The whole content, in memory."""
        self.file.seek(0)
        return self.file.read()


Node = str | int | float | bool | Upload | list["Node"] | dict[str, "Node"] | None
Tree = dict[str, Node]


class Repeated(list[Node]):
    """Values of a plain name that was sent several times: read as a list, or else the last one counts."""


def label(name: str) -> str:
    """The name of a field as it begins a sentence: `poll[expires_in]` becomes "Poll expires in"."""
    words = " ".join(re.findall(r"[^\W_]+", name[:64]))
    return words[:1].upper() + words[1:] or "A field"


@lru_cache(maxsize=1024)
def path_of(name: str) -> tuple[str, ...]:
    """The keys of a bracketed name: `a[b][]` is ("a", "b", ""). Any other name is one key."""
    match = _NAME.fullmatch(name)
    if not match:
        return (name,)
    return (match.group(1), *match.group(2)[1:-1].split("][")) if match.group(2) else (name,)


def read_query(query: bytes) -> Tree:
    """Parse a query string, or a body of type application/x-www-form-urlencoded."""
    if not query:
        return {}
    pairs = query.split(b"&", MAX_FIELDS)
    if len(pairs) > MAX_FIELDS:
        raise Malformed(f"The form has more than {MAX_FIELDS} fields.")
    return _tree(_decoded(pairs))


def read_body(body: bytes | BinaryIO, content_type: str) -> Tree:
    """Parse a body. Empty for types without fields. Raises Malformed, Invalid or TooLarge."""
    if not body:
        return {}
    kind, options = parse_options_header(content_type[:512])
    if kind == "multipart/form-data":
        return _tree(_parts(BytesIO(body) if isinstance(body, bytes) else body, options.get("boundary", "")))
    if not isinstance(body, bytes):
        body = body.read()
    if kind == "application/x-www-form-urlencoded":
        return read_query(body)
    if _JSON_TYPES.fullmatch(kind):
        return _json(body)
    return {}


def unquoted(raw: bytes) -> bytes:
    """Percent-decode in linear time: the standard library needs 1.5 s for a megabyte of percent signs.

    Quoted-printable is the same code with another sign, and is decoded in C. A percent sign that begins no escape is kept. Raises
    Malformed for more than MAX_FIELDS such signs, because each is handled in Python.
    """
    if b"%" not in raw:
        return raw
    if next(islice(_NO_ESCAPE.finditer(raw), MAX_FIELDS, None), None):
        raise Malformed("There are too many invalid percent escapes.")
    return a2b_qp(_NO_ESCAPE.sub(b"%25", raw).replace(b"=", b"=3D").replace(b"%", b"="))


def _decoded(pairs: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    for pair in pairs:
        if pair:
            raw_name, _, raw_value = pair.replace(b"+", b" ").partition(b"=")
            name = _text(unquoted(raw_name), "The name of a field")
            yield name, _text(unquoted(raw_value), name)


def _text(raw: bytes, name: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Invalid({name: f"{label(name)} is not valid UTF-8 text"}) from error


def _parts(body: BinaryIO, boundary: str) -> Iterator[tuple[str, str | Upload]]:
    """Yield name and value of each part of a multipart body."""
    part, texts = None, 0
    try:
        with PushMultipartParser(boundary, max_segment_count=MAX_FIELDS, strict=True) as parser:
            for event in (event for chunk in iter(lambda: body.read(_CHUNK), b"") for event in parser.parse(chunk)):
                if isinstance(event, MultipartSegment):
                    part = _Part(event)
                elif part is not None and event:
                    texts += part.add(bytes(event))
                    if texts > MAX_TEXT_BYTES:
                        raise TooLarge(f"The text fields of this form exceed {MAX_TEXT_BYTES} bytes.")
                elif part is not None:
                    yield part.finished()
                    part = None
    except ParserLimitReached as error:
        raise TooLarge(f"The form has more than {MAX_FIELDS} parts, or a part has too many headers.") from error
    except (MultipartError, UnicodeError) as error:
        raise Malformed("The multipart form could not be read.") from error
    finally:
        if part is not None:
            part.file.close()


def _temporary() -> BinaryIO:
    return cast("BinaryIO", tempfile.SpooledTemporaryFile(IN_MEMORY))


@define
class _Part:
    """A part of a multipart form while it is read."""

    segment: MultipartSegment
    file: BinaryIO = field(factory=_temporary)
    size: int = 0

    def add(self, data: bytes) -> int:
        """Append a piece, and return how many bytes of it are text."""
        self.size += len(data)
        self.file.write(data)
        return len(data) if self.segment.filename is None else 0

    def finished(self) -> tuple[str, str | Upload]:
        """Name and value of the complete part."""
        name, filename = self.segment.name or "", self.segment.filename
        self.file.seek(0)
        if filename is not None:
            _check_text(name, filename)
            return name, Upload(filename, self.segment.content_type or "", self.file, self.size)
        with self.file as file:
            return name, _text(file.read(), name)


def close_uploads(node: Node) -> None:
    """Close every file in a tree."""
    if isinstance(node, Upload):
        node.file.close()
    elif isinstance(node, list | dict):
        for child in node.values() if isinstance(node, dict) else node:
            close_uploads(child)


def _tree(pairs: Iterable[tuple[str, str | Upload]]) -> Tree:
    tree: Tree = {}
    try:
        for name, value in pairs:
            _insert_field(tree, name, value)
    except BaseException:
        close_uploads(tree)
        raise
    return tree


def _insert_field(tree: Tree, name: str, value: str | Upload) -> None:
    if isinstance(value, str):
        _check_text(name[:MAX_NAME_LENGTH], value)
    elif not value.filename and not value.size:
        value.file.close()
        return  # an empty file input
    if len(name) > MAX_NAME_LENGTH:
        raise Malformed(f"The name of a field is longer than {MAX_NAME_LENGTH} characters.")
    _check_text("The name of a field", name)
    _insert(tree, path_of(name), value)


def _insert(tree: Tree, path: tuple[str, ...], value: Node) -> None:
    if len(path) > DEEPEST:
        raise Malformed("A field is nested too deeply.")
    node: Node = tree
    for key, next_key in pairwise(path):
        node = _step(node, key, next_key)
    if isinstance(node, list):
        node.append(value)
    elif isinstance(node, dict):
        node[path[-1]] = _append(node[path[-1]], value) if path[-1] in node else value


def _append(before: Node, value: Node) -> Node:
    if isinstance(before, Repeated):
        before.append(value)
        return before
    if isinstance(before, (list, dict)):
        raise Malformed("A field is both a single value and a list.")
    return Repeated([before, value])


def _step(node: Node, key: str, next_key: str) -> Node:
    """The child of `node` at `key`, created if missing: a list if the name continues with `[]`, else a mapping."""
    child: Node = [] if not next_key else {}
    if isinstance(node, list):
        if node and next_key and isinstance(node[-1], dict) and next_key not in node[-1]:
            return node[-1]
        node.append(child)
        return child
    assert isinstance(node, dict)
    match = node.setdefault(key, child)
    if type(match) is not type(child):
        raise Malformed("A field is both a single value and a list.")
    return match


def _check_text(name: str, text: str) -> None:
    if "\0" in text:
        raise Invalid({name: f"{label(name)} must not contain NUL characters"})


def _unique(pairs: list[tuple[str, object]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise Malformed("The JSON contains a duplicate key.")


def _json(body: bytes) -> Tree:
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed("The JSON could not be read.") from error
    if not isinstance(tree, dict):
        raise Malformed("The JSON must be an object.")
    _check_json(tree)
    try:
        json.loads(body, object_pairs_hook=_unique, parse_int=len, parse_float=len)  # orjson accepts duplicate keys
    except (ValueError, RecursionError) as error:
        raise Malformed("The JSON could not be read.") from error
    return tree


def _check_json(tree: Tree) -> None:
    """Raise Malformed if the tree is too deep or too large, Invalid for a text that cannot be stored."""
    count = 0
    level: list[tuple[str, Node]] = list(tree.items())
    for _ in range(DEEPEST):
        count += len(level)
        if count > MAX_NODES:
            raise Malformed("The JSON has too many values.")
        for name, value in level:
            if isinstance(value, str):
                _check_text(name, value)
        level = [child for name, value in level for child in _children(name, value)]
        if not level:
            return
    raise Malformed("The JSON is nested too deeply.")


def _children(name: str, value: Node) -> Iterator[tuple[str, Node]]:
    if isinstance(value, list):
        return ((name, item) for item in value)
    if isinstance(value, dict):
        for key in value:
            _check_text(name, key)
        return iter(value.items())
    return iter(())
