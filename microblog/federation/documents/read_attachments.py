"""Reader of the media of posts: attachments, and the files in the `url` of a video or picture that is posted as such."""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import evolve

from microblog.federation.documents.json_values import Document, Link, duration, links, media_type, number, objects, text, types, web_url
from microblog.federation.documents.read_parts import description, read_image
from microblog.model.federation_posts import RemoteAttachment

MEDIA_TYPES = ("Document", "Image", "Video", "Audio")
MAX_READ = 50  # attachments that are looked at
PREFERRED_HEIGHT = 720
"""Of a video in several sizes, the largest up to this height is taken."""

_BASE83 = re.compile(r"[0-9A-Za-z#$%*+,\-.:;=?@\[\]^_{|}~]{6,}")
_BASE83_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"


def read_attachments(of: Document) -> tuple[RemoteAttachment, ...]:
    """Return the media of a post, in order. What has no URL, and what is not media, is left out."""
    found = [_attachment(item, _media_kind(item)) for item in objects(of.get("attachment"), MAX_READ) if _media_kind(item)]
    own = next((name for name in types(of) if name in ("Image", "Video", "Audio")), "")
    if own:
        found.append(_posted_file(of, own))
    return tuple(attachment for attachment in found if attachment is not None)


def preview_link(of: Document) -> str:
    """Return the page that a post links to by an attachment of type Link, which gets a preview card; empty if there is none."""
    pages = (web_url(item.get("href")) for item in objects(of.get("attachment"), MAX_READ) if "Link" in types(item))
    return next((page for page in pages if page), "")


def _media_kind(item: Document) -> str:
    return next((name for name in types(item) if name in MEDIA_TYPES), "")


def _posted_file(of: Document, kind: str) -> RemoteAttachment | None:
    """Return the file of a post that is itself a video, recording or picture (PeerTube, Funkwhale)."""
    files = [link for link in links(of.get("url")) if link.media_type.startswith(f"{kind.lower()}/")]
    found = _best(files)
    if found is None:
        return None
    picture = read_image(of.get("icon")) if kind != "Image" else None
    made = _attachment(of, kind, [found])
    return evolve(made, description="", preview_url=picture.url if picture else "") if made else None


def _attachment(item: Document, kind: str, files: Iterable[Link] | None = None) -> RemoteAttachment | None:
    file = _best(links(item.get("url")) or links(item.get("href")) if files is None else files)
    if file is None:
        return None
    preview = read_image(item.get("icon"))
    return RemoteAttachment(
        type=kind,
        url=file.url,
        media_type=media_type(item) or file.media_type,
        description=description(item),
        blurhash=_blurhash(text(item.get("blurhash"))),
        focus=_focus(item.get("focalPoint")),
        width=number(item.get("width")) or file.width,
        height=number(item.get("height")) or file.height,
        duration=duration(item.get("duration")),
        preview_url=preview.url if preview else "",
    )


def _best(files: Iterable[Link]) -> Link | None:
    """Return the file of the preferred size, the first one if no sizes are known; None if there are no files."""
    first, *others = files or (None,)
    sized = [link for link in (first, *others) if link is not None and link.height]
    fitting = [link for link in sized if (link.height or 0) <= PREFERRED_HEIGHT]
    if fitting:
        return max(fitting, key=_height)
    return min(sized, key=_height) if sized else first


def _height(link: Link) -> int:
    return link.height or 0


def _blurhash(hash: str) -> str | None:
    """Return a valid BlurHash (https://blurha.sh) of at most 9 by 9 components."""
    if not _BASE83.fullmatch(hash):
        return None
    size = _BASE83_DIGITS.index(hash[0])
    across, down = size % 9 + 1, size // 9 + 1
    return hash if down <= 9 and len(hash) == 4 + 2 * across * down else None


def _focus(value: object) -> tuple[float, float] | None:
    """Return a focal point: two numbers from -1 to 1."""
    match value:
        case [int() | float() as x, int() | float() as y] if -1 <= x <= 1 and -1 <= y <= 1:
            return float(x), float(y)
    return None
