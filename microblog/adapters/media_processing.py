"""Media storage and processing: files below the data directory, converted by programs with limited resources.

File names are random, so that a URL cannot be guessed. Files are stored in directories named by their first two characters.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self

from attrs import define, field, frozen
from twisted.internet.threads import deferToThreadPool

from microblog.adapters import ffmpeg
from microblog.adapters.ffmpeg import UNREADABLE, ConversionPlan, FfmpegTools, unsupported
from microblog.adapters.sandbox import command_line
from microblog.adapters.subprocess_runner import ProcessResult, Run, runner
from microblog.locks import Semaphore
from microblog.model.emojis import EmojiFiles
from microblog.model.errors import Invalid, NotFound, disk_full
from microblog.model.media import MAX_IMAGE_PIXELS, PREVIEW_AREA, ConvertedMedia, Dimensions, Format, MediaKind

IMAGE_AREA = 8_294_400  # most pixels of a stored image
MAX_ANIMATION_PIXELS = 100_000_000  # of all frames of an animation together, if it cannot be converted to a video
EMOJI_AREA = 128 * 128
COPIED, COPIES = "r", "remote"  # first letter of the names of copies, and their directory
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


@define
class DirectoryMediaStore:
    """A `MediaStore` in `directory`. `run` runs programs, `in_thread` disk access. Without `tools`, video and audio are rejected."""

    directory: Path
    run: Run
    in_thread: Callable[[Callable[[], Any]], Awaitable[Any]]
    tools: FfmpegTools | None = None
    _images: Semaphore = field(factory=lambda: Semaphore(CONCURRENT_IMAGES), init=False)
    _videos: Semaphore = field(factory=lambda: Semaphore(CONCURRENT_VIDEOS), init=False)

    @classmethod
    def below(cls, directory: Path, reactor: Any) -> Self:
        """Return a store that runs programs beside the reactor, with video support if ffmpeg is installed."""

        def in_thread(work: Callable[[], Any]) -> Awaitable[Any]:
            return deferToThreadPool(reactor, reactor.getThreadPool(), work)

        return cls(directory, runner(reactor), in_thread, FfmpegTools.found())

    @property
    def accepts_video(self) -> bool:
        """True if video and audio are accepted."""
        return self.tools is not None

    def path(self, name: str) -> Path:
        """Return the path of a file. Copies of files of other servers are below a directory of their own, which is not in backups."""
        if name.startswith(COPIED):
            return self.directory / COPIES / name[1:3] / name
        return self.directory / name[:2] / name

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading. Raises NotFound."""
        try:
            return self.path(name).open("rb")
        except OSError as cause:
            raise NotFound("Not Found") from cause

    async def store(self, file: BinaryIO, name: str) -> None:
        """Store an upload unchanged under this name until it is converted."""
        await self.in_thread(lambda: self._copy(file, name))

    def _copy(self, file: BinaryIO, name: str) -> None:
        path = self._new_path(name)
        file.seek(0)
        with path.open("wb") as copy:
            shutil.copyfileobj(file, copy, 1024 * 1024)

    def _new_path(self, name: str) -> Path:
        path = self.path(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def create(self, name: str) -> BinaryIO:
        """Create a file for writing."""
        return self._new_path(name).open("wb")

    async def rename(self, name: str, new_name: str) -> None:
        """Rename a file. Raises NotFound."""
        path, new_path = self.path(name), self._new_path(new_name)
        try:
            await self.in_thread(lambda: path.rename(new_path))
        except OSError as cause:
            raise NotFound("Not Found") from cause

    async def size(self, names: Iterable[str]) -> int:
        """Return the bytes of these files together. Missing ones count nothing."""
        paths = [self.path(name) for name in names]
        size: int = await self.in_thread(lambda: sum(path.stat().st_size for path in paths if path.exists()))
        return size

    async def delete(self, names: Iterable[str]) -> None:
        """Delete these files. Missing ones are ignored."""
        paths = [self.path(name) for name in names]

        def unlink() -> None:
            for path in paths:
                path.unlink(missing_ok=True)

        await self.in_thread(unlink)

    def names_with_stem(self, stem: str) -> list[str]:
        """Return the names of the files that start with the stem."""
        return sorted(path.name for path in self.path(stem).parent.glob(f"{stem}*"))

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

    async def _convert(self, file: BinaryIO, format: Format, results: dict[str, dict[str, Any]], frames: int = 0) -> dict[str, Any]:
        """Convert a temporary copy of the file once for each result."""
        source = f"{next(iter(results))}-source.{format.value.lower()}"
        await self.store(file, source)
        try:
            return await self._run_image_worker(source, format, results, frames)
        finally:
            await self.delete([source])

    async def _run_image_worker(self, source: str, format: Format, results: dict[str, dict[str, Any]], frames: int) -> dict[str, Any]:
        job = {
            "source": str(self.path(source)),
            "format": format.value,
            "pixels": MAX_IMAGE_PIXELS,
            "frames": frames,
            "results": [{"stem": str(self._new_path(stem)), **result} for stem, result in results.items()],
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

    async def convert_video(self, upload: str, format: Format, stem: str) -> tuple[MediaKind, ConvertedMedia]:
        """Convert the file stored as `upload` to a format that every browser plays. Raises Invalid if it cannot be converted."""
        if self.tools is None:
            raise unsupported()
        plan = await self._plan(self.path(upload), format)
        original = self._new_path(f"{stem}{plan.ending}")
        await self._ffmpeg(self.tools.convert(self.path(upload), format, plan, original))
        if plan.kind is MediaKind.AUDIO:
            cover = await self._cover(self.path(upload), format, stem) if plan.has_cover else None
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
        name = f"{stem}-still.png"
        try:
            await self._ffmpeg(self.tools.still(source, format, self._new_path(name)))
            converted = await self._run_image_worker(name, Format.PNG, {f"{stem}-small": {"area": PREVIEW_AREA, "lossy": True}}, 0)
        finally:
            await self.delete([name])
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


def _size(picture: dict[str, Any]) -> Dimensions:
    return Dimensions(picture["width"], picture["height"])
