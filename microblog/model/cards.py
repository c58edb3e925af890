"""Link preview cards, and the pages that are fetched to make them."""

from __future__ import annotations

from datetime import datetime
from typing import NewType

from attrs import field, frozen

CardId = NewType("CardId", int)

MAX_URL = 2048


@frozen
class Card:
    """The preview of a linked page below a post. All texts are plain text, and empty if unknown.

    `url` is the link as typed in the post. `image` is the path of a thumbnail on this site, `width` and `height` its size in pixels.
    """

    url: str
    title: str
    description: str = ""
    language: str | None = None
    author_name: str = ""
    author_url: str = ""
    provider_name: str = ""
    provider_url: str = ""
    image: str = ""
    image_description: str = ""
    width: int = 0
    height: int = 0
    blurhash: str | None = None
    published_at: datetime | None = None


@frozen
class FetchedPage:
    """A fetched page. `url` is the final one after redirects, `type` the media type without parameters, in lower case."""

    url: str
    type: str
    charset: str
    body: bytes = field(repr=False)


class FetchError(Exception):
    """A fetch failed; the text says why. `permanent`: a retry would fail as well."""

    def __init__(self, reason: str, *, permanent: bool = True) -> None:
        self.permanent = permanent
        super().__init__(reason)
