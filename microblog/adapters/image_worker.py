"""Convert an image for display: a script, run as ``python -I image_worker.py JOB`` by sandbox.py; JOB and the output are JSON.

No byte of the source reaches the result: it is decoded and encoded again, upright and in sRGB, without metadata. Unreadable metadata are
ignored. The script imports no module of this project, because a process that parses untrusted data should contain as little as possible.

The job: `source` (a path), `format` (the only one that Pillow may try), `pixels` (the most that the image may have), `frames` (the most
pixels of all frames of an animation together; 0 keeps only the first frame), and `results`, each with `stem` (a path without its extension)
and either `area` (shrink to at most so many pixels) or `fill` ([width, height], cropped to fit); `lossy` permits lossy compression, `png`
asks for a PNG. Each result is made from the one before it, so the largest comes first. The output: `pictures` (`name`, `width`, `height`
for each result) and `blurhash`; or `error` (unreadable, full: no space on the disk, much: a result is too large, long: too many frames, or
large with `width`, `height`).

A photo is decoded once, at a fraction of its size if that is enough, and each pixel is touched as few times as possible: it is shrunk
first, then converted to sRGB, then turned upright. If the extension of `source` is that of its format, Pillow imports only that plugin.
"""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import blurhash
from PIL import Image, ImageFile, ImageOps, ImageSequence

_BLUR = (32, 32)
_COMPONENTS = (4, 4)
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_DISK_ERRORS = {errno.ENOSPC: "full", errno.EDQUOT: "full", errno.EFBIG: "much"}
_ANIMATED = frozenset({"GIF", "PNG", "WEBP", "AVIF"})  # animated formats; several images in a JPEG are no animation
_TRANSPOSED = frozenset({5, 6, 7, 8})  # orientations that exchange width and height
_RESIZABLE = frozenset({"RGB", "RGBA", "CMYK", "L"})
_LOSSLESS = frozenset({"PNG", "GIF"})
_ENCODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "JPEG": (".jpg", {"quality": 88}),
    "PNG": (".png", {}),
    "WEBP": (".webp", {"quality": 88, "method": 2}),  # 4, the default, takes twice as long for at most 5 % fewer bytes
}
_LARGE_AREA = 1_000_000  # smaller JPEGs, seen in timelines, are compressed better; larger ones would take 7 times as long for 6 %
_COMPACT = {"optimize": True, "progressive": True}


def convert(job: dict[str, Any]) -> dict[str, Any]:
    """Do the job; return the output."""
    Image.MAX_IMAGE_PIXELS = None  # opening reads only the header, and an image that is too large is refused right after it
    result = _try_convert(job["source"], job)
    if result.get("error") == "unreadable" and job["format"] in _STRIPPERS:
        content = Path(job["source"]).read_bytes()
        if (stripped := _STRIPPERS[job["format"]](content)) != content:
            return _try_convert(BytesIO(stripped), job)
    return result


def _try_convert(source: str | BytesIO, job: dict[str, Any]) -> dict[str, Any]:
    try:
        with Image.open(source, formats=[job["format"]]) as image:
            width, height = image.size
            if width * height > job["pixels"]:
                return {"error": "large", "width": width, "height": height}
            is_animated = image.format in _ANIMATED and getattr(image, "n_frames", 1) > 1
            if job["frames"] and is_animated:
                return _convert_animation(image, job)
            return _convert_still(image, job)
    except Exception as cause:  # decoders of Pillow raise any type of exception for broken files
        if isinstance(cause, OSError) and cause.errno in _DISK_ERRORS:
            return {"error": _DISK_ERRORS[cause.errno]}
        return {"error": "unreadable", "cause": repr(cause)[:200]}


def _without_segments(jpeg: bytes) -> bytes:
    """Return a JPEG without application segments (ITU-T T.81, annex B), except Adobe's, which describes the colour encoding."""
    parts, at = [jpeg[:2]], 2
    while jpeg[at : at + 1] == b"\xff" and len(jpeg) >= at + 4:
        marker, end = jpeg[at + 1], at + 2 + int.from_bytes(jpeg[at + 2 : at + 4])
        if marker == _SCAN:
            break
        if not (0xE0 <= marker <= 0xEF or marker == _COMMENT) or marker == _ADOBE:
            parts.append(jpeg[at:end])
        at = end
    return b"".join([*parts, jpeg[at:]])


def _without_chunks(png: bytes) -> bytes:
    """Return a PNG with only the chunks that its pixels need (PNG specification, chapters 5 and 11)."""
    parts, at = [png[:8]], 8
    while len(png) >= at + 12:
        end = at + 12 + int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] in _PIXEL_CHUNKS:
            parts.append(png[at:end])
        at = end
    return b"".join(parts)


_SCAN, _COMMENT, _ADOBE = 0xDA, 0xFE, 0xEE
_PIXEL_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT"})
_STRIPPERS: dict[str, Callable[[bytes], bytes]] = {"JPEG": _without_segments, "PNG": _without_chunks}


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation; 1, which is upright, if there is none or it is unreadable."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # as above: EXIF is a format of its own, with its own parser
        return 1


def _convert_still(image: Image.Image, job: dict[str, Any]) -> dict[str, Any]:
    kind, orientation = image.format or "PNG", _orientation(image)
    first, *smaller = job["results"]
    picture = _resized_in_srgb(image, _before_rotation(first) if orientation in _TRANSPOSED else first, kind)
    if orientation in _UPRIGHT:
        picture = picture.transpose(_UPRIGHT[orientation])
    pictures = [_save(picture, kind, first)]
    for result in smaller:
        picture = _resized(picture, result, kind)
        pictures.append(_save(picture, kind, result))
    return {"pictures": pictures, "blurhash": _blurhash(picture)}


def _before_rotation(result: dict[str, Any]) -> dict[str, Any]:
    """Return the result as it is before the image is turned by 90 degrees."""
    return {**result, "fill": result["fill"][::-1]} if "fill" in result else result


def _resized_in_srgb(image: Image.Image, result: dict[str, Any], kind: str) -> Image.Image:
    profile = image.info.get("icc_profile")
    image.draft("RGB", _needed(image, result))  # a large JPEG is decoded at a fraction of its size
    if image.mode in _RESIZABLE and "transparency" not in image.info:
        return _in_srgb(_resized(image, result, kind), profile)
    return _resized(_in_srgb(image, profile), result, kind)


def _needed(image: Image.Image, result: dict[str, Any]) -> tuple[int, int]:
    """Return the size of the whole image at which it is just large enough for the result."""
    if "area" in result:
        return _within(image, result["area"])
    scale = max(result["fill"][0] / image.width, result["fill"][1] / image.height)
    return ceil(image.width * scale), ceil(image.height * scale)


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the image in RGB, or in RGBA if it has transparency, as an image without a file."""
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if image.mode.startswith(("I", "F")):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")  # 16-bit greyscale
    if profile:
        if image.mode not in {"RGB", "RGBA", "CMYK", "L"}:
            image = image.convert(mode)
        image = _from_profile(image, profile, mode)
    return image.convert(mode) if image.mode != mode or isinstance(image, ImageFile.ImageFile) else image


def _from_profile(image: Image.Image, profile: bytes, mode: str) -> Image.Image:
    """Return the image converted from the colour profile to sRGB, in place if the mode stays; as it is if the profile is broken."""
    from PIL import ImageCms  # here, because most images have no profile and importing it takes a few milliseconds

    with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        source, same = ImageCms.ImageCmsProfile(BytesIO(profile)), image.mode == mode
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode, inPlace=same) or image
    return image


def _within(image: Image.Image, area: int) -> tuple[int, int]:
    """Return the size of the image when shrunk to at most `area` pixels, with its aspect ratio."""
    scale = min(1.0, sqrt(area / (image.width * image.height)))
    return max(1, int(image.width * scale)), max(1, int(image.height * scale))


def _resized(image: Image.Image, result: dict[str, Any], kind: str) -> Image.Image:
    if "fill" in result:
        width, height = _needed(image, result)
        if (factor := min(image.width // (2 * width), image.height // (2 * height))) > 1:
            image = image.reduce(factor)
        return ImageOps.fit(image, tuple(result["fill"]), Image.Resampling.LANCZOS)
    size = _within(image, result["area"])
    if size == image.size:
        return image
    bicubic = kind not in _LOSSLESS and size[0] * size[1] > _LARGE_AREA  # cheaper; in photos the difference cannot be seen
    return image.resize(size, Image.Resampling.BICUBIC if bicubic else Image.Resampling.LANCZOS, reducing_gap=2.0)


def _save(image: Image.Image, kind: str, result: dict[str, Any]) -> dict[str, Any]:
    encoder = "PNG" if result.get("png") else _encoder(image, kind, lossy=result.get("lossy", False))
    ending, options = _ENCODERS[encoder]
    if encoder == "JPEG" and image.width * image.height < _LARGE_AREA:
        options = options | _COMPACT
    output = image if encoder != "JPEG" or image.mode == "RGB" else image.convert("RGB")
    output.info.clear()
    path = Path(result["stem"] + ending)
    output.save(path, encoder, **options)
    return {"name": path.name, "width": output.width, "height": output.height}


def _encoder(image: Image.Image, kind: str, *, lossy: bool) -> str:
    """Return the format of the result: that of the source, unless lossy compression is permitted."""
    is_transparent = image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255)
    if kind == "WEBP" or (kind == "AVIF" and is_transparent):
        return "WEBP"
    return "PNG" if is_transparent or (kind in _LOSSLESS and not lossy) else "JPEG"


def _blurhash(image: Image.Image) -> str:
    small = image.convert("RGBA")
    small.thumbnail(_BLUR, Image.Resampling.BILINEAR)
    background = Image.new("RGBA", small.size, "white")
    background.alpha_composite(small)
    data, width = background.convert("RGB").tobytes(), 3 * small.width
    lines = [data[start : start + width] for start in range(0, len(data), width)]
    rows = [[line[at : at + 3] for at in range(0, width, 3)] for line in lines]
    return str(blurhash.encode(rows, *_COMPONENTS))


def _convert_animation(image: Image.Image, job: dict[str, Any]) -> dict[str, Any]:
    """Save an animation as an animation if its frames together are within the limit; other results show its first frame."""
    if image.width * image.height * image.n_frames > job["frames"]:  # type: ignore[attr-defined]  # this format has it
        return {"error": "long"}
    frames, pauses = [], []
    for frame in ImageSequence.Iterator(image):
        frames.append(frame.convert("RGBA"))
        pauses.append(frame.info.get("duration", 100))
    whole, *small = job["results"]
    first, *others = [_resized(frame, whole, "GIF") for frame in frames]
    path = Path(whole["stem"] + ".gif")
    first.info.clear()
    first.save(path, "GIF", save_all=True, append_images=others, duration=pauses, loop=0, disposal=2)
    pictures = [{"name": path.name, "width": first.width, "height": first.height}]
    pictures += [_save(_resized(first, result, "GIF"), "GIF", result) for result in small]
    return {"pictures": pictures, "blurhash": _blurhash(first)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(convert(json.loads(sys.argv[1]))))
