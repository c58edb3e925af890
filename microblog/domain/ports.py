"""Interfaces of external services that the domain uses; the adapters are chosen in the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias, TypeVar

from microblog.model.cards import FetchedPage
from microblog.model.emails import DeliveryResult, Envelope
from microblog.model.emojis import EmojiFiles
from microblog.model.media import ConvertedMedia, Dimensions, FileLink, Format, MediaKind
from microblog.model.media_usage import StoredFile
from microblog.model.push import PushResponse
from microblog.model.site_images import SiteImage, WantedImage

T = TypeVar("T")

ServedFile: TypeAlias = "BinaryIO | FileLink"
"""A file to send, which the receiver closes, or a link to redirect to."""


class InThread(Protocol):
    """Runs a function outside the reactor's thread and returns its result. Raises what the function raises."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


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


class FileStore(Protocol):
    """Storage of media files by name: a directory of this machine, or a bucket. The contents behind a name never change.

    Programs make a file at its working path on this machine; once published, every process of the site has it. What does not respond or
    has no space left raises Unavailable.
    """

    def working_path(self, name: str) -> Path:
        """Return where a program writes a file before it is published. The directory exists."""

    def create(self, name: str) -> BinaryIO:
        """Create a working file that the caller writes, reads again, and closes."""

    async def rename(self, name: str, new_name: str) -> None:
        """Rename a working file."""

    async def publish(self, names: Iterable[str]) -> None:
        """Store working files that are complete."""

    async def discard(self, stem: str) -> None:
        """Delete the working files that begin with the stem, after a failure."""

    async def store(self, file: BinaryIO, name: str) -> None:
        """Store a file unchanged, from its first byte."""

    def on_disk(self, name: str) -> AbstractAsyncContextManager[Path]:
        """Enter with the path of a stored file on this machine, for programs that read it. Raises NotFound."""

    async def serve(self, name: str, *, is_open: bool) -> ServedFile:
        """Return the file, or a link to it, for somebody who may see it. `is_open`: everybody may. Raises NotFound."""

    async def names_with_stem(self, stem: str) -> list[str]:
        """Return the names of the files, published or not, that begin with the stem."""

    async def size(self, names: Iterable[str]) -> int:
        """Return the bytes of these files together; missing ones count nothing."""

    async def delete(self, names: Iterable[str]) -> None:
        """Delete files; missing ones are ignored."""

    @property
    def link_origins(self) -> Collection[str]:
        """The origins of the links that `serve` returns; pages have to permit them."""

    async def problem(self) -> str:
        """Return a sentence that says why the storage cannot be used; empty if it can. May be half a minute old."""

    async def parts(self) -> list[str]:
        """Return the names of the parts of the storage, which `files` lists one by one."""

    async def files(self, part: str) -> list[StoredFile]:
        """Return the files of a part. They may appear and disappear meanwhile."""


class MediaStore(Protocol):
    """Conversion of media into a file store. Names begin with a `stem` chosen by the caller.

    Conversions raise Invalid if the file cannot be converted. What they leave behind when the process dies begins with the stem.
    """

    @property
    def files(self) -> FileStore:
        """The store of the converted files."""

    @property
    def accepts_video(self) -> bool:
        """True if video and audio are accepted."""

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

    async def site_image(self, file: BinaryIO, format: Format, stem: str, wanted: Sequence[WantedImage]) -> SiteImage:
        """Convert an image, or the first frame of an animation, to each of the sizes, of which the largest comes first."""

    async def convert_video(self, upload: Path, format: Format, stem: str) -> tuple[MediaKind, ConvertedMedia]:
        """Convert a video or audio file."""
