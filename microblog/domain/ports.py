"""Interfaces of external services that the domain uses; the adapters are chosen in the composition root."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import BinaryIO, Protocol

from microblog.model.cards import FetchedPage
from microblog.model.emails import DeliveryResult, Envelope
from microblog.model.emojis import EmojiFiles
from microblog.model.media import ConvertedMedia, Dimensions, Format, MediaKind
from microblog.model.push import PushResponse


class MailTransport(Protocol):
    """Delivery of e-mail."""

    @property
    def description(self) -> str:
        """The destination of e-mails, as shown to the administrator; never contains a password."""

    async def deliver(self, envelope: Envelope) -> DeliveryResult:
        """Try once to deliver the envelope, within bounded time. Failures are returned as a DeliveryResult, such as DEFERRED."""


class MailHosts(Protocol):
    """Look-ups of the hosts that receive the mail of a domain."""

    async def of(self, domain: str) -> Sequence[str]:
        """Return names and addresses of these hosts, within bounded time; what the DNS does not tell in time is left out."""


class HttpFetcher(Protocol):
    """HTTP client for pages of other sites."""

    async def get(self, url: str, *, types: Collection[str], max_bytes: int, whole: bool = False) -> FetchedPage:
        """Fetch the URL if it has one of these content types. Raises FetchError.

        A body longer than `max_bytes` bytes is truncated; with `whole`, it is left out.
        """


class PushService(Protocol):
    """Client of Web Push services (RFC 8030)."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> PushResponse:
        """Try once to send the message to the endpoint, within bounded time. Raises FetchError if there is no response."""


class MediaStore(Protocol):
    """Storage and conversion of media files. Names begin with a `stem` chosen by the caller.

    Conversions raise Invalid if the file cannot be converted. `names_with_stem` finds the files that they leave behind then.
    """

    @property
    def accepts_video(self) -> bool:
        """True if video and audio are accepted."""

    def open(self, name: str) -> BinaryIO:
        """Open a stored file. Raises NotFound."""

    def names_with_stem(self, stem: str) -> list[str]:
        """Return the names of the stored files that begin with the stem."""

    async def store(self, file: BinaryIO, name: str) -> None:
        """Store an upload unchanged."""

    def create(self, name: str) -> BinaryIO:
        """Create a file that the caller writes and closes."""

    async def rename(self, name: str, new_name: str) -> None:
        """Rename a stored file. Raises NotFound."""

    async def size(self, names: Iterable[str]) -> int:
        """Return the bytes of these files together; missing ones count nothing."""

    async def delete(self, names: Iterable[str]) -> None:
        """Delete files; missing ones are ignored."""

    async def convert_image(self, file: BinaryIO, format: Format, stem: str) -> ConvertedMedia:
        """Convert an image and make its preview."""

    async def preview(self, file: BinaryIO, format: Format, stem: str) -> ConvertedMedia:
        """Make only a preview."""

    async def cropped(self, file: BinaryIO, format: Format, stem: str, size: Dimensions) -> str:
        """Convert an image to exactly this size, cropped to fit; returns its name."""

    async def small_image(self, file: BinaryIO, format: Format, stem: str) -> str:
        """Convert an image, or an animation with all its frames, to a size that fits into a line of text; returns its name."""

    async def emoji_images(self, file: BinaryIO, format: Format, stem: str) -> EmojiFiles:
        """Convert an image or an animation as `small_image` does, and its first frame to a PNG."""

    async def convert_video(self, upload: str, format: Format, stem: str) -> tuple[MediaKind, ConvertedMedia]:
        """Convert the video or audio file that was stored under the name `upload`."""
