"""Pictures, films and sound, as they are stored and as they are wanted."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from microblog.model.ids import AccountId, MediaId, PostId

MAX_MEDIA = 4  # with one post
MAX_DESCRIPTION = 1500  # characters
MAX_IMAGE_BYTES = 16 * 1024 * 1024
MAX_VIDEO_BYTES = 99 * 1024 * 1024
MAX_IMAGE_PIXELS = 33_177_600  # of a picture that is uploaded
MAX_VIDEO_PIXELS = 8_294_400
MAX_FRAME_RATE = 120  # a second


class MediaKind(StrEnum):
    """What it is to whoever looks. GIFV is a short film without sound that plays by itself and again."""

    IMAGE = "image"
    GIFV = "gifv"
    VIDEO = "video"
    AUDIO = "audio"


class MediaState(StrEnum):
    """Whether it can be shown: not yet, yes, never."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


class Format(StrEnum):
    """What is read, by the name that Pillow or ffmpeg has for it."""

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
    def is_picture(self) -> bool:
        """True for what Pillow reads."""
        return self in (Format.JPEG, Format.PNG, Format.GIF, Format.WEBP, Format.AVIF)


@frozen
class Dimensions:
    """How large something is, in pixels."""

    width: int
    height: int

    @property
    def area(self) -> int:
        """Pixels in all."""
        return self.width * self.height


@frozen
class Focus:
    """The point that matters most in a picture: -1 to 1, left to right and bottom to top."""

    x: float
    y: float


@frozen
class ConvertedMedia:
    """What was made of an upload. `original` and `preview` are names of files; `duration` is in seconds, `bitrate` in bits a second.

    While the upload is processed, `original` is empty, and the preview is one that came with it.
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
class Media:
    """One piece. `rendition` has no original until it is READY. `attached`: a post or a scheduled post has it.

    `problem` is why it has FAILED, in words for its owner.
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

    @property
    def moves(self) -> bool:
        """True for film and sound, of which a post has no more than one."""
        return self.kind in (MediaKind.VIDEO, MediaKind.AUDIO)

    @property
    def path(self) -> str | None:
        """Where it is served on this site; None until it is READY."""
        return f"/media/{self.rendition.original}" if self.rendition and self.rendition.original else None

    @property
    def preview_path(self) -> str | None:
        """Where its small picture is served; None where there is none."""
        return f"/media/{self.rendition.preview}" if self.rendition and self.rendition.preview else None


@frozen
class FileUse:
    """What shows a file: a post, a profile (`account`), a preview of a link (`is_card`), or nothing yet: an upload of its owner.

    `is_open`: everybody may see it. `withheld`: nobody is shown it, because its owner is suspended or deleted, or its post is.
    """

    post: PostId | None = None
    account: AccountId | None = None
    is_card: bool = False
    is_open: bool = False
    withheld: bool = False


@frozen
class MediaChange:
    """What is changed about a piece; None leaves it as it is. Of `preview` only the preview counts."""

    id: MediaId
    description: str | None = None
    focus: Focus | None = None
    preview: ConvertedMedia | None = None
