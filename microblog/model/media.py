"""Media attachments: limits, formats, and stored files."""

from __future__ import annotations

from enum import StrEnum
from math import sqrt

from attrs import frozen

from microblog.model.ids import AccountId, MediaId, PostId

MAX_MEDIA = 4  # per post
MAX_DESCRIPTION = 1500  # characters
MAX_IMAGE_BYTES = 16 * 1024 * 1024
MAX_VIDEO_BYTES = 99 * 1024 * 1024
MAX_IMAGE_PIXELS = 33_177_600  # of an uploaded image
MAX_VIDEO_PIXELS = 8_294_400
PREVIEW_AREA = 230_400  # most pixels of a preview
MAX_FRAME_RATE = 120  # frames per second
MEDIA_TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "mp3": "audio/mpeg",
}
"""Media types of stored files, by the extensions of their names."""
COPY_TYPES = MEDIA_TYPES | {
    "m4a": "audio/mp4",
    "webm": "video/webm",
    "weba": "audio/webm",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "aac": "audio/aac",
}
"""Media types of copies, by the extensions of their names. They follow from the contents of the files."""


class MediaKind(StrEnum):
    """Type of a media attachment. GIFV is a short silent video that plays automatically in a loop."""

    IMAGE = "image"
    GIFV = "gifv"
    VIDEO = "video"
    AUDIO = "audio"


class MediaState(StrEnum):
    """Processing state of an upload."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


class Format(StrEnum):
    """Supported file formats, by their names in Pillow or ffmpeg."""

    JPEG = "JPEG"
    PNG = "PNG"
    GIF = "GIF"
    WEBP = "WEBP"
    AVIF = "AVIF"
    MP4 = "mov"
    MATROSKA = "matroska"
    MP3 = "mp3"
    OGG = "ogg"
    WAV = "wav"
    FLAC = "flac"
    AAC = "aac"

    @property
    def is_image(self) -> bool:
        """True for the formats that Pillow reads."""
        return self in (Format.JPEG, Format.PNG, Format.GIF, Format.WEBP, Format.AVIF)


@frozen
class Dimensions:
    """Width and height in pixels."""

    width: int
    height: int

    @property
    def area(self) -> int:
        """Number of pixels."""
        return self.width * self.height

    def within(self, area: int) -> Dimensions:
        """Return the size of this shape with at most so many pixels; never a larger one."""
        scale = min(1.0, sqrt(area / self.area)) if self.area else 1.0
        return Dimensions(max(1, int(self.width * scale)), max(1, int(self.height * scale)))


@frozen
class Focus:
    """Focal point of an image: -1 to 1, left to right and bottom to top."""

    x: float
    y: float


@frozen
class ConvertedMedia:
    """Files converted from an upload. `original` and `preview` are file names; `duration` is in seconds, `bitrate` in bits per second.

    While the upload is processed, `original` is empty, and `preview` is one that was uploaded with it.
    """

    original: str
    preview: str | None = None
    size: Dimensions | None = None
    preview_size: Dimensions | None = None
    duration: float | None = None
    frame_rate: str | None = None
    bitrate: int | None = None
    blurhash: str | None = None


@frozen
class RemoteSource:
    """Address of an attachment's file on another server. `key` is part of its address here if not everybody may see the post."""

    url: str
    preview_url: str | None = None
    key: str | None = None


@frozen
class Media:
    """A media attachment. `rendition` has no original until it is READY. `attached`: it belongs to a post or a scheduled post.

    `problem` tells the owner why it has FAILED. Attachments of other servers have a `remote` source: they are copied when somebody looks
    at them. One of these that has FAILED cannot be shown here, only linked to.
    """

    id: MediaId
    owner: AccountId
    kind: MediaKind
    state: MediaState
    rendition: ConvertedMedia | None = None
    description: str = ""
    focus: Focus | None = None
    attached: bool = False
    problem: str | None = None
    remote: RemoteSource | None = None

    @property
    def is_unknown(self) -> bool:
        """True if the file of another server cannot be shown here."""
        return self.remote is not None and self.state is MediaState.FAILED

    @property
    def is_video_or_audio(self) -> bool:
        """True for video and audio, of which a post can have only one."""
        return self.kind in (MediaKind.VIDEO, MediaKind.AUDIO)

    @property
    def path(self) -> str | None:
        """The path of the file on this site; None until it is READY."""
        if self.remote is not None:
            return self._remote_path("original")
        return f"/media/{self.rendition.original}" if self.rendition and self.rendition.original else None

    @property
    def preview_path(self) -> str | None:
        """The path of the thumbnail; None if there is none."""
        if self.remote is not None:
            return self._remote_path("small") if self.kind is MediaKind.IMAGE or self.remote.preview_url else None
        return f"/media/{self.rendition.preview}" if self.rendition and self.rendition.preview else None

    def _remote_path(self, variant: str) -> str:
        key = f"-{self.remote.key}" if self.remote and self.remote.key else ""
        return f"/media_proxy/{self.id}{key}/{variant}"


@frozen
class FileLink:
    """A link to a file elsewhere. `max_age`: seconds for which it may be reused. `is_shared`: it works for everybody and for ever."""

    url: str
    max_age: int
    is_shared: bool


@frozen
class FileUse:
    """Use of a media file: by a post, a profile (`account`), a link preview, by the site itself, or none yet for a new upload.

    `is_of_site`: it is a custom emoji or a picture of the site. `is_open`: everybody may see it. `withheld`: it is served to nobody,
    because its owner or its post was suspended or deleted.
    """

    post: PostId | None = None
    account: AccountId | None = None
    is_card: bool = False
    is_open: bool = False
    withheld: bool = False
    is_of_site: bool = False


@frozen
class MediaChange:
    """An update of a media attachment; None keeps a value. Only the preview of `preview` is used."""

    id: MediaId
    description: str | None = None
    focus: Focus | None = None
    preview: ConvertedMedia | None = None
