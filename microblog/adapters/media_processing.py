"""Media processing: uploads are converted by programs with limited resources, and published in a file store.

File names are random, so that a URL cannot be guessed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO, Generic, Protocol, Self, TypeVar

from attrs import define, field, frozen

from microblog.adapters import ffmpeg
from microblog.adapters.ffmpeg import UNREADABLE, ConversionPlan, FfmpegTools, unsupported
from microblog.adapters.file_directory import InThread, copy_to
from microblog.adapters.sandbox import command_line
from microblog.adapters.subprocess_runner import ProcessResult, Run, runner
from microblog.coroutines import Semaphore
from microblog.model.emojis import EmojiFiles
from microblog.model.errors import Invalid, disk_full
from microblog.model.media import MAX_IMAGE_PIXELS, PREVIEW_AREA, ConvertedMedia, Dimensions, Format, MediaKind
from microblog.model.site_images import ImageFile, SiteImage, WantedImage

IMAGE_AREA = 8_294_400  # most pixels of a stored image
MAX_ANIMATION_PIXELS = 100_000_000  # of all frames of an animation together, if it cannot be converted to a video
EMOJI_AREA = 128 * 128
CONCURRENT_IMAGES = 2
CONCURRENT_VIDEOS = 1
FAILED = "Error processing thumbnail for uploaded media"
_DISK_FULL, _TOO_LARGE = b"No space left on device", b"File too large"  # how programs report ENOSPC and EFBIG
TOO_SLOW = "Processing this file takes too long"
TOO_LARGE_RESULT = "The converted file is larger than {} MB, which is the maximum"


@frozen
class MediaLimits:
    """Limits of a program: CPU seconds, wall-clock seconds, bytes of memory, bytes of one file."""

    cpu_seconds: int
    timeout: float
    memory: int
    file: int


IMAGE_LIMITS = MediaLimits(cpu_seconds=30, timeout=60, memory=1_500_000_000, file=64_000_000)
VIDEO_LIMITS = MediaLimits(cpu_seconds=600, timeout=800, memory=4_000_000_000, file=110_000_000)


class WorkingFiles(Protocol):
    """The part of a file store that the conversion needs (`FileStore` in domain/ports.py)."""

    def working_path(self, name: str) -> Path:
        """Return where a file is made."""

    async def publish(self, names: Iterable[str]) -> None:
        """Store files that are complete at their working paths."""

    async def discard(self, stem: str) -> None:
        """Delete the working files that begin with the stem."""


F = TypeVar("F", bound=WorkingFiles)


@define
class MediaProcessor(Generic[F]):
    """A `MediaStore`. `run` runs programs, `in_thread` disk access. Without `tools`, video and audio are rejected."""

    files: F
    run: Run
    in_thread: InThread
    tools: FfmpegTools | None = None
    _images: Semaphore = field(factory=lambda: Semaphore(CONCURRENT_IMAGES), init=False)
    _videos: Semaphore = field(factory=lambda: Semaphore(CONCURRENT_VIDEOS), init=False)

    @classmethod
    def on(cls, files: F, reactor: Any, in_thread: InThread) -> Self:
        """Return one that runs programs beside the reactor, with video support if ffmpeg is installed."""
        return cls(files, runner(reactor), in_thread, FfmpegTools.found())

    @property
    def accepts_video(self) -> bool:
        """True if video and audio are accepted."""
        return self.tools is not None

    @asynccontextmanager
    async def _making(self, stem: str) -> AsyncIterator[None]:
        """Delete what the block has made if it fails."""
        try:
            yield
        except Exception:
            await self.files.discard(stem)
            raise

    # --- Images

    async def convert_image(self, file: BinaryIO, format: Format, stem: str) -> ConvertedMedia:
        """Convert an image and make its preview; their names start with `stem`. Raises Invalid if the file cannot be converted."""
        whole, small = {"area": IMAGE_AREA}, {"area": PREVIEW_AREA}
        converted = await self._convert(file, format, {stem: whole, f"{stem}-small": small}, frames=MAX_ANIMATION_PIXELS)
        [original, preview] = converted["pictures"]
        return ConvertedMedia(original["name"], preview["name"], _size(original), _size(preview), blurhash=converted["blurhash"])

    async def preview(self, file: BinaryIO, format: Format, stem: str) -> ConvertedMedia:
        """Make only a preview. Raises Invalid like `convert_image`."""
        converted = await self._convert(file, format, {f"{stem}-small": {"area": PREVIEW_AREA}})
        return _preview(converted)

    async def cropped(self, file: BinaryIO, format: Format, stem: str, size: Dimensions) -> str:
        """Make an image of exactly this size, cropped to fit; return its name. Raises Invalid like `convert_image`."""
        converted = await self._convert(file, format, {stem: {"fill": [size.width, size.height]}})
        return str(converted["pictures"][0]["name"])

    async def small_image(self, file: BinaryIO, format: Format, stem: str) -> str:
        """Make a small image that still moves if it is an animation; return its name. Raises Invalid like `convert_image`."""
        converted = await self._convert(file, format, {stem: {"area": EMOJI_AREA}}, frames=MAX_ANIMATION_PIXELS)
        return str(converted["pictures"][0]["name"])

    async def emoji_images(self, file: BinaryIO, format: Format, stem: str) -> EmojiFiles:
        """Make a small image as `small_image` does, and a PNG of its first frame. Raises Invalid like `convert_image`."""
        small = {"area": EMOJI_AREA}
        converted = await self._convert(file, format, {stem: small, f"{stem}-small": {**small, "png": True}}, frames=MAX_ANIMATION_PIXELS)
        [original, still] = converted["pictures"]
        return EmojiFiles(str(original["name"]), str(still["name"]))

    async def site_image(self, file: BinaryIO, format: Format, stem: str, wanted: Sequence[WantedImage]) -> SiteImage:
        """Make an image in each of the sizes, the largest first. Raises Invalid like `convert_image`."""
        results = {f"{stem}-{number}" if number else stem: _result(each) for number, each in enumerate(wanted)}
        converted = await self._convert(file, format, results)
        files = tuple(ImageFile(str(picture["name"]), _size(picture)) for picture in converted["pictures"])
        return SiteImage(files, converted["blurhash"])

    async def _convert(self, file: BinaryIO, format: Format, results: dict[str, dict[str, Any]], frames: int = 0) -> dict[str, Any]:
        """Convert a temporary copy of the file once for each result, and publish the results."""
        stem = next(iter(results))
        source = self.files.working_path(f"{stem}-source.{format.value.lower()}")
        async with self._making(stem):
            try:
                await self.in_thread(lambda: copy_to(source, file))
                converted = await self._run_image_worker(source, format, results, frames)
            finally:
                await self.in_thread(lambda: source.unlink(missing_ok=True))
            await self.files.publish(picture["name"] for picture in converted["pictures"])
        return converted

    async def _run_image_worker(self, source: Path, format: Format, results: dict[str, dict[str, Any]], frames: int) -> dict[str, Any]:
        job = {
            "source": str(source),
            "format": format.value,
            "pixels": MAX_IMAGE_PIXELS,
            "frames": frames,
            "results": [{"stem": str(self.files.working_path(stem)), **result} for stem, result in results.items()],
        }
        script = str(Path(__file__).with_name("image_worker.py"))
        result = await self._images.run(self._run_sandboxed, [sys.executable, "-I", script, json.dumps(job)], IMAGE_LIMITS)
        if not result.succeeded:
            raise _failure(result, IMAGE_LIMITS)
        converted: dict[str, Any] = json.loads(result.output)
        if converted.get("error") == "full":
            raise disk_full()
        if "error" in converted:
            raise unsupported(_limit(converted))
        return converted

    async def _run_sandboxed(self, command: Sequence[str], limits: MediaLimits) -> ProcessResult:
        sandboxed = command_line(command, seconds=limits.cpu_seconds, memory=limits.memory, file=limits.file)
        return await self.run(sandboxed, limits.timeout)

    # --- Video and audio

    async def convert_video(self, upload: Path, format: Format, stem: str) -> tuple[MediaKind, ConvertedMedia]:
        """Convert the upload to a format that every browser plays. Raises Invalid if it cannot be converted."""
        if self.tools is None:
            raise unsupported()
        async with self._making(stem):
            kind, converted = await self._converted_video(self.tools, upload, format, stem)
            await self.files.publish(name for name in (converted.original, converted.preview) if name)
        return kind, converted

    async def _converted_video(self, tools: FfmpegTools, upload: Path, format: Format, stem: str) -> tuple[MediaKind, ConvertedMedia]:
        plan = await self._plan(upload, format)
        original = self.files.working_path(f"{stem}{plan.ending}")
        await self._ffmpeg(tools.convert(upload, format, plan, original))
        if plan.kind is MediaKind.AUDIO:
            cover = await self._cover(upload, format, stem) if plan.has_cover else None
            return plan.kind, (await self._plan(original, Format.MP3)).rendition(original.name, cover)
        still = await self._still(original, Format.MP4, stem)
        return plan.kind, (await self._plan(original, Format.MP4)).rendition(original.name, still)

    async def _plan(self, source: Path, format: Format) -> ConversionPlan:
        assert self.tools is not None
        probed = await self._ffmpeg(self.tools.probe(source, format))
        return ffmpeg.conversion_plan(json.loads(probed.output or b"{}"), gif=format is Format.GIF)

    async def _cover(self, audio: Path, format: Format, stem: str) -> ConvertedMedia | None:
        """Return the cover image of an audio file; None if it has none or, as for all metadata, if it is unreadable."""
        try:
            return await self._still(audio, format, stem)
        except Invalid:
            return None

    async def _still(self, source: Path, format: Format, stem: str) -> ConvertedMedia:
        assert self.tools is not None
        picture = self.files.working_path(f"{stem}-still.png")
        try:
            await self._ffmpeg(self.tools.still(source, format, picture))
            converted = await self._run_image_worker(picture, Format.PNG, {f"{stem}-small": {"area": PREVIEW_AREA, "lossy": True}}, 0)
        finally:
            await self.in_thread(lambda: picture.unlink(missing_ok=True))
        return _preview(converted)

    async def _ffmpeg(self, command: Sequence[str]) -> ProcessResult:
        result: ProcessResult = await self._videos.run(self._run_sandboxed, command, VIDEO_LIMITS)
        if _DISK_FULL in result.errors:
            raise disk_full()
        if not result.succeeded or _TOO_LARGE in result.errors:  # ffmpeg exits with 0 even if it could not write the end of a file
            raise _failure(result, VIDEO_LIMITS)
        return result


def _limit(converted: dict[str, Any]) -> str:
    """Return the message for the limit that an image exceeded, or that it cannot be read."""
    match converted["error"]:
        case "large":
            return f"{converted['width']}x{converted['height']} images are not supported (the maximum is {MAX_IMAGE_PIXELS:,} pixels)"
        case "long":
            return f"Animations with more than {MAX_ANIMATION_PIXELS:,} pixels in all their frames are not supported"
        case "much":
            return TOO_LARGE_RESULT.format(IMAGE_LIMITS.file // 1_000_000)
        case _:
            return UNREADABLE


def _failure(result: ProcessResult, limits: MediaLimits) -> Invalid:
    """Return the error for a program that failed, naming the limit that it exceeded if any."""
    if result.killed:
        return unsupported(TOO_SLOW)
    return unsupported(TOO_LARGE_RESULT.format(limits.file // 1_000_000) if _TOO_LARGE in result.errors else FAILED)


def _preview(converted: dict[str, Any]) -> ConvertedMedia:
    [preview] = converted["pictures"]
    return ConvertedMedia("", preview["name"], None, _size(preview), blurhash=converted["blurhash"])


def _result(wanted: WantedImage) -> dict[str, Any]:
    """Return the description of a result for image_worker.py."""
    if wanted.fill is None:
        return {"area": wanted.area, "png": wanted.png}
    return {"fill": [wanted.fill.width, wanted.fill.height], "png": wanted.png}


def _size(picture: dict[str, Any]) -> Dimensions:
    return Dimensions(picture["width"], picture["height"])
