"""Media as the API tells them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from microblog.model.media import Frame, Media, MediaKind, Rendition

Entity = dict[str, Any]


def attachment(media: Media, absolute: Callable[[str], str]) -> Entity:
    """MediaAttachment (8.4). `absolute` makes a URL of a path on this site."""
    made = media.rendition
    return {
        "id": str(media.id),
        "type": media.kind,
        "url": media.path and absolute(media.path),
        "preview_url": media.preview_path and absolute(media.preview_path),
        "remote_url": None,
        "preview_remote_url": None,
        "text_url": None,
        "meta": _meta(media, made) or None,
        "description": media.description or None,
        "blurhash": made.blurhash if made else None,
    }


def _meta(media: Media, made: Rendition | None) -> Entity:
    """As much as is known so far: the focus at once, sizes as soon as there is a file."""
    meta: Entity = {}
    if made and made.original and (original := _original(media.kind, made)):
        meta["original"] = original
    if made and made.preview_size:
        meta["small"] = _size(made.preview_size)
    if media.focus:
        meta["focus"] = {"x": media.focus.x, "y": media.focus.y}
    return meta


def _original(kind: MediaKind, made: Rendition) -> Entity | None:
    if kind is MediaKind.AUDIO:
        return {"duration": made.duration, "bitrate": made.bitrate}
    if made.size is None:
        return None
    if kind is MediaKind.IMAGE:
        return _size(made.size)
    size = {"width": made.size.width, "height": made.size.height}
    return {**size, "frame_rate": made.frame_rate, "duration": made.duration, "bitrate": made.bitrate}


def _size(size: Frame) -> Entity:
    aspect = size.width / size.height
    return {"width": size.width, "height": size.height, "size": f"{size.width}x{size.height}", "aspect": aspect}
