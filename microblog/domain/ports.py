"""What the domain needs of the world outside, each as it is used here; only the composition root knows who plays the part."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import BinaryIO, Protocol

from microblog.model.cards import FetchedPage
from microblog.model.emails import DeliveryResult, Envelope
from microblog.model.media import ConvertedMedia, Dimensions, Format, MediaKind
from microblog.model.push import PushResponse


class MailTransport(Protocol):
    """Takes letters over."""

    @property
    def place(self) -> str:
        """Where letters go, in words for the administrator; without any password."""

    async def deliver(self, envelope: Envelope) -> DeliveryResult:
        """Try once to pass the envelope on, within bounded time. What goes wrong on the way is a receipt too: DEFERRED."""


class HttpFetcher(Protocol):
    """Brings what is elsewhere on the web."""

    async def get(self, url: str, *, types: Collection[str], most: int, whole: bool = False) -> FetchedPage:
        """What is at the URL, if it is of one of these content types. Raises Unfetchable.

        Of a body that is longer than `most` bytes the beginning is taken, or with `whole` nothing.
        """


class PushService(Protocol):
    """Takes messages over for programs that do not run (RFC 8030)."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> PushResponse:
        """Try once to pass the message on to that endpoint, within bounded time. Raises Unfetchable where nobody answers."""


class MediaStore(Protocol):
    """Keeps files, and makes of what was uploaded what is shown. Names begin with a `stem`, which whoever asks makes up.

    What makes something raises Invalid if nothing can be made of the file, and leaves no more than what `beginning` finds.
    """

    @property
    def takes_films(self) -> bool:
        """True if films and sound can be taken."""

    def open(self, name: str) -> BinaryIO:
        """A file that is kept. Raises NotFound if there is none."""

    def beginning(self, stem: str) -> list[str]:
        """The names of the files that begin so."""

    async def keep(self, file: BinaryIO, name: str) -> None:
        """Keep an upload as it came."""

    async def remove(self, names: Iterable[str]) -> None:
        """Delete files; those that are gone are no problem."""

    async def picture(self, file: BinaryIO, format: Format, stem: str) -> ConvertedMedia:
        """A picture and its preview."""

    async def preview(self, file: BinaryIO, format: Format, stem: str) -> ConvertedMedia:
        """A preview alone."""

    async def cropped(self, file: BinaryIO, format: Format, stem: str, size: Dimensions) -> str:
        """A picture of exactly this size, cut to fit; its name."""

    async def film(self, upload: str, format: Format, stem: str) -> tuple[MediaKind, ConvertedMedia]:
        """A film or sound, out of the upload that was kept under this name."""
