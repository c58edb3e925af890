"""Cards: what a page that a post links to says about itself; and what is brought from elsewhere for that."""

from __future__ import annotations

from datetime import datetime
from typing import NewType

from attrs import field, frozen

CardId = NewType("CardId", int)

MAX_URL = 2048


@frozen
class Card:
    """What is shown below a post of the page that it links to. Plain text throughout; empty where nothing is known.

    `url` is the link as somebody typed it. `image` is the path of a small picture on this site, `width` and `height` are its pixels.
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
    """What another server answered, from the URL where all redirects ended. `type` is the bare content type, in lower case."""

    url: str
    type: str
    charset: str
    body: bytes = field(repr=False)


class FetchError(Exception):
    """Nothing could be had from there; the text says why. `lasting`: nor will it a little later."""

    def __init__(self, reason: str, *, lasting: bool = True) -> None:
        self.lasting = lasting
        super().__init__(reason)
