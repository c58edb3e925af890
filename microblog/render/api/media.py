"""API entity of a media attachment."""

from __future__ import annotations

from microblog.model.media import ConvertedMedia, Dimensions, Media, MediaKind
from microblog.render.api.definition import Definition, Entity, always, key
from microblog.render.api.schemas import ID, TEXT, URL, nullable, one_of
from microblog.render.api.site import SiteUrls


def _meta(media: Media) -> Entity | None:
    """Return the metadata known so far: the focal point at once, dimensions after processing."""
    meta: Entity = {}
    converted = media.rendition
    if converted and (converted.original or media.remote) and (original := _original(media.kind, converted)):
        meta["original"] = original
    if converted and converted.preview_size:
        meta["small"] = _size(converted.preview_size)
    if media.focus:
        meta["focus"] = {"x": media.focus.x, "y": media.focus.y}
    return meta or None


def _original(kind: MediaKind, converted: ConvertedMedia) -> Entity | None:
    if kind is MediaKind.AUDIO:
        return {"duration": converted.duration, "bitrate": converted.bitrate}
    if converted.size is None:
        return None
    if kind is MediaKind.IMAGE:
        return _size(converted.size)
    size = {"width": converted.size.width, "height": converted.size.height}
    return {**size, "frame_rate": converted.frame_rate, "duration": converted.duration, "bitrate": converted.bitrate}


def _size(size: Dimensions) -> Entity:
    aspect = size.width / size.height
    return {"width": size.width, "height": size.height, "size": f"{size.width}x{size.height}", "aspect": aspect}


ATTACHMENT = Definition[Media, SiteUrls](
    "MediaAttachment",
    {
        "id": key(ID, lambda media, _: str(media.id)),
        "type": key(one_of("image", "gifv", "video", "audio", "unknown"), lambda media, _: "unknown" if media.is_unknown else media.kind),
        "url": key(nullable(URL), lambda media, site: site.absolute_or_null(media.path)),
        "preview_url": key(nullable(URL), lambda media, site: site.absolute_or_null(media.preview_path)),
        "remote_url": key(nullable(URL), lambda media, _: media.remote.url if media.remote else None),
        "preview_remote_url": key(nullable(URL), lambda media, _: media.remote.preview_url if media.remote else None),
        "text_url": always(nullable(URL), None),
        "meta": key(nullable({"type": "object"}), lambda media, _: _meta(media)),
        "description": key(nullable(TEXT), lambda media, _: media.description or None),
        "blurhash": key(nullable(TEXT), lambda media, _: media.rendition.blurhash if media.rendition else None),
    },
)
