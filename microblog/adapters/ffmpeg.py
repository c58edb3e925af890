"""Command lines for ffmpeg and ffprobe, and interpretation of ffprobe's output. Pure."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

from attrs import frozen

from microblog.model.errors import Invalid
from microblog.model.media import MAX_FRAME_RATE, MAX_VIDEO_PIXELS, ConvertedMedia, Dimensions, Format, MediaKind

UNREADABLE = "File type of uploaded media could not be verified"
_PLAYABLE_VIDEO = frozenset({"h264"})
_PLAYABLE_AUDIO = frozenset({"aac"})
_MAX_SIDE = 1920
_SQUARE = "scale='max(2,trunc(iw*sar/2)*2)':ih,setsar=1,"  # converts other pixel aspect ratios to square pixels
_EVEN = "scale='min(1920,trunc(iw/2)*2)':'min(1920,trunc(ih/2)*2)':force_original_aspect_ratio=decrease:force_divisible_by=2"


@frozen
class ConversionPlan:
    """Conversion of a file. `copies`: its streams need no re-encoding. `has_audio` and `duration` (s) are those of the video.

    `size` is the displayed size, after the stored rotation. `has_cover`: the audio file contains a cover image.
    """

    kind: MediaKind
    ending: str
    copies: bool
    size: Dimensions | None = None
    duration: float | None = None
    frame_rate: str | None = None
    bitrate: int | None = None
    has_audio: bool = False
    has_cover: bool = False

    def rendition(self, name: str, preview: ConvertedMedia | None = None) -> ConvertedMedia:
        """Return the description of the converted file."""
        if preview is None:
            return ConvertedMedia(name, duration=self.duration, bitrate=self.bitrate)
        return ConvertedMedia(
            name, preview.preview, self.size, preview.preview_size, self.duration, self.frame_rate, self.bitrate, preview.blurhash
        )


def unsupported(message: str = UNREADABLE) -> Invalid:
    """Return the error for a file that cannot be converted."""
    return Invalid({"file": message}, sentence=message)


def conversion_plan(probed: dict[str, Any], *, gif: bool) -> ConversionPlan:
    """Return the plan for a file with this ffprobe output. Raises Invalid with the limit that the file exceeds."""
    streams: list[dict[str, Any]] = probed.get("streams", [])
    videos = [one for one in streams if one.get("codec_type") == "video"]
    moving = [one for one in videos if not one.get("disposition", {}).get("attached_pic")]
    audio = [one for one in streams if one.get("codec_type") == "audio"]
    container = probed.get("format", {})
    duration, bitrate = _number(container.get("duration")), _number(container.get("bit_rate"))
    bits = None if bitrate is None else int(bitrate)
    if not moving:
        if not audio:
            raise unsupported()
        copies = audio[0].get("codec_name") == "mp3"
        return ConversionPlan(MediaKind.AUDIO, ".mp3", copies, duration=duration, bitrate=bits, has_audio=True, has_cover=bool(videos))
    video, size = moving[0], _shown_size(moving[0], gif=gif)
    rate = _rate(video.get("avg_frame_rate")) or _rate(video.get("r_frame_rate"))
    if rate is None:
        raise unsupported()
    if rate > MAX_FRAME_RATE:
        raise unsupported(f"{float(rate):.4g}fps videos are not supported (the maximum frame rate is {MAX_FRAME_RATE})")
    kind = MediaKind.VIDEO if audio else MediaKind.GIFV
    copies = not gif and _is_playable(video, size) and all(stream.get("codec_name") in _PLAYABLE_AUDIO for stream in audio)
    return ConversionPlan(kind, ".mp4", copies, size, duration, f"{rate.numerator}/{rate.denominator}", bits, bool(audio))


def _shown_size(video: dict[str, Any], *, gif: bool) -> Dimensions:
    """Return the displayed size in square pixels. Browsers ignore the pixel aspect ratio of GIFs. Raises Invalid."""
    width, height = int(video.get("width") or 0), int(video.get("height") or 0)
    size = Dimensions(width if gif else round(width * _aspect(video)), height)
    if not width or not height:
        raise unsupported()
    if size.area > MAX_VIDEO_PIXELS:
        raise unsupported(f"{size.width}x{size.height} videos are not supported (the maximum is {MAX_VIDEO_PIXELS:,} pixels)")
    return size


def _aspect(video: dict[str, Any]) -> Fraction:
    """Return the pixel aspect ratio (width by height); 1 if unknown."""
    return _rate(str(video.get("sample_aspect_ratio", "")).replace(":", "/")) or Fraction(1)


def _is_playable(video: dict[str, Any], size: Dimensions) -> bool:
    """True if every browser plays the video stream unchanged, with the right orientation."""
    rotated = any(side.get("rotation") for side in video.get("side_data_list", []))
    playable = video.get("codec_name") in _PLAYABLE_VIDEO and video.get("pix_fmt") == "yuv420p"
    return playable and not rotated and _aspect(video) == 1 and max(size.width, size.height) <= _MAX_SIDE


def _number(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None


def _rate(text: object) -> Fraction | None:
    try:
        rate = Fraction(str(text))
    except (ValueError, ZeroDivisionError):
        return None
    return rate if rate > 0 else None


@frozen
class FfmpegTools:
    """Paths of ffmpeg and ffprobe."""

    ffmpeg: str
    ffprobe: str

    @classmethod
    def found(cls) -> Self | None:
        """Return the programs installed on this machine; None if one is missing."""
        ffmpeg, ffprobe = shutil.which("ffmpeg"), shutil.which("ffprobe")
        return cls(ffmpeg, ffprobe) if ffmpeg and ffprobe else None

    # The demuxer is fixed, and only files may be opened: a playlist in an upload could refer to local files or other hosts.
    @staticmethod
    def _source(source: Path, format: Format) -> list[str]:
        return ["-protocol_whitelist", "file", "-f", format.value.lower(), "-i", f"file:{source}"]

    def probe(self, source: Path, format: Format) -> list[str]:
        """Return the command that inspects a file."""
        show = ["-v", "error", "-show_format", "-show_streams", "-of", "json"]
        return [self.ffprobe, *show, *self._source(source, format)]

    def convert(self, source: Path, format: Format, plan: ConversionPlan, result: Path) -> list[str]:
        """Return the command that converts a file to a format that every browser plays, without metadata."""
        quiet = [self.ffmpeg, "-v", "error", "-nostdin", "-y", "-threads", "2"]
        clean = ["-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn", "-fflags", "+bitexact"]
        scaling = _EVEN if format is Format.GIF else _SQUARE + _EVEN
        return [*quiet, *self._source(source, format), *clean, *_encoding(plan, scaling), f"file:{result}"]

    def still(self, source: Path, format: Format, result: Path) -> list[str]:
        """Return the command that extracts the first frame of a video or the cover of an audio file."""
        quiet = [self.ffmpeg, "-v", "error", "-nostdin", "-y", "-threads", "2"]
        return [*quiet, *self._source(source, format), "-map", "0:v:0", "-frames:v", "1", "-f", "image2", "-c:v", "png", f"file:{result}"]


def _encoding(plan: ConversionPlan, scaling: str) -> list[str]:
    if plan.kind is MediaKind.AUDIO:
        codec = ["-c:a", "copy"] if plan.copies else ["-c:a", "libmp3lame", "-q:a", "3"]
        return ["-vn", "-map", "0:a:0", *codec, "-f", "mp3"]
    streams = ["-map", "0:v:0", *(["-map", "0:a:0"] if plan.has_audio else ["-an"]), "-movflags", "+faststart", "-f", "mp4"]
    if plan.copies:
        return ["-c", "copy", *streams]
    video = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p", "-vf", scaling, "-threads", "2"]
    return [*video, *(["-c:a", "aac", "-b:a", "128k"] if plan.has_audio else []), *streams]
