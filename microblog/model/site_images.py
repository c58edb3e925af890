"""Pictures of the site that administrators upload: logo, icon and thumbnail."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from microblog.model.media import Dimensions, Format


class SiteImageKind(StrEnum):
    """Use of a picture: logo in the header of pages, icon of tabs and apps, thumbnail in link previews and lists of servers."""

    LOGO = "logo"
    ICON = "icon"
    THUMBNAIL = "thumbnail"


@frozen
class WantedImage:
    """Size of a stored file: at most `area` pixels, or else exactly `fill`, cropped to fit. `png`: always in that format."""

    area: int = 0
    fill: Dimensions | None = None
    png: bool = False


ICON_SIZES = (512, 384, 256, 192, 180, 144, 96, 72, 48, 36, 32)
"""Widths in pixels: those of Mastodon's Instance entity, 180 for a touch icon and 32 for tabs."""
WANTED: dict[SiteImageKind, tuple[WantedImage, ...]] = {
    SiteImageKind.LOGO: (WantedImage(area=120_000),),  # three times the size at which it is shown, for dense screens
    SiteImageKind.ICON: tuple(WantedImage(fill=Dimensions(size, size), png=True) for size in ICON_SIZES),
    SiteImageKind.THUMBNAIL: tuple(WantedImage(fill=Dimensions(width, width * 21 // 40)) for width in (2400, 1200)),
}
"""The sizes in which each is stored, the largest first. Thumbnails are cropped to the shape that Open Graph previews have."""
MAX_BYTES = {SiteImageKind.LOGO: 2 * 1024 * 1024, SiteImageKind.ICON: 2 * 1024 * 1024, SiteImageKind.THUMBNAIL: 8 * 1024 * 1024}
FORMATS = (Format.PNG, Format.JPEG, Format.WEBP, Format.GIF, Format.AVIF)


@frozen
class ImageFile:
    """A stored file of a picture."""

    name: str
    size: Dimensions

    @property
    def path(self) -> str:
        """Its path on this site."""
        return f"/media/{self.name}"


@frozen
class SiteImage:
    """A picture of the site in all its sizes, the largest first."""

    files: tuple[ImageFile, ...]
    blurhash: str = ""

    def of_width(self, width: int) -> ImageFile:
        """Return the smallest file that is at least so wide; the largest one if there is none."""
        return next((file for file in reversed(self.files) if file.size.width >= width), self.files[0])
