"""Convert an image for display: a script, run as ``python -I image_worker.py JOB`` by sandbox.py; JOB and the output are JSON.

No byte of the source reaches the result: it is decoded and encoded again, upright and in sRGB, without metadata. Unreadable metadata are
ignored. The script imports no module of this project, because a process that parses untrusted data should contain as little as possible.

The job: `source` (a path), `format` (the only one that Pillow may try), `pixels` (the most that the image may have), `frames` (the most
pixels of all frames of an animation together; 0 keeps only the first frame), and `results`, each with `stem` (a path without its extension)
and either `area` (shrink to at most so many pixels) or `fill` ([width, height], cropped to fit); `lossy` permits lossy compression. The
output: `pictures` (`name`, `width`, `height` for each result) and `blurhash`; or `error` (unreadable, full: no space on the disk, much: a
result is too large, long: too many frames, or large with `width`, `height`).
"""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from math import sqrt
from pathlib import Path
from typing import Any

import blurhash
from PIL import Image, ImageCms, ImageOps, ImageSequence

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
_ENCODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "JPEG": (".jpg", {"quality": 88, "optimize": True, "progressive": True}),
    "PNG": (".png", {}),
    "WEBP": (".webp", {"quality": 88, "method": 4}),
}


def convert(job: dict[str, Any]) -> dict[str, Any]:
    """Do the job; return the output."""
    Image.MAX_IMAGE_PIXELS = None  # opening reads only the header, and an image that is too large is refused right after it
    source = Path(job["source"]).read_bytes()
    result = _try_convert(source, job)
    if result.get("error") == "unreadable" and job["format"] in _STRIPPERS and (stripped := _STRIPPERS[job["format"]](source)) != source:
        return _try_convert(stripped, job)
    return result


def _try_convert(source: bytes, job: dict[str, Any]) -> dict[str, Any]:
    try:
        with Image.open(BytesIO(source), formats=[job["format"]]) as image:
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


def _rotation(image: Image.Image) -> Image.Transpose | None:
    """Return the rotation that sets the image upright; None if it is upright or its orientation is unreadable."""
    try:
        return _UPRIGHT.get(int(image.getexif().get(_ORIENTATION, 1)))
    except Exception:  # as above: EXIF is a format of its own, with its own parser
        return None


def _convert_still(image: Image.Image, job: dict[str, Any]) -> dict[str, Any]:
    kind, rotation = image.format or "PNG", _rotation(image)
    areas = [result.get("area") for result in job["results"]]
    if all(areas):
        image.draft("RGB", _within(image, max(areas)))  # a large JPEG is decoded at a fraction of its size
    whole = _in_srgb(image, image.info.get("icc_profile"))
    if all(areas):
        whole = _resized(whole, {"area": max(areas)})
    if rotation is not None:
        whole = whole.transpose(rotation)
    pictures = [_save(_resized(whole, result), kind, result) for result in job["results"]]
    return {"pictures": pictures, "blurhash": _blurhash(whole)}


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the image in RGB, or in RGBA if it has transparency."""
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if image.mode.startswith(("I", "F")):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")  # 16-bit greyscale
    if profile:
        if image.mode not in {"RGB", "RGBA", "CMYK", "L"}:
            image = image.convert(mode)
        with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):  # ignore a broken profile
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            image = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode) or image
    return image.convert(mode)


def _within(image: Image.Image, area: int) -> tuple[int, int]:
    """Return the size of the image when shrunk to at most `area` pixels, with its aspect ratio."""
    scale = min(1.0, sqrt(area / (image.width * image.height)))
    return max(1, int(image.width * scale)), max(1, int(image.height * scale))


def _resized(image: Image.Image, result: dict[str, Any]) -> Image.Image:
    if "fill" in result:
        return ImageOps.fit(image, tuple(result["fill"]), Image.Resampling.LANCZOS)
    size = _within(image, result["area"])
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _save(image: Image.Image, kind: str, result: dict[str, Any]) -> dict[str, Any]:
    encoder = _encoder(image, kind, lossy=result.get("lossy", False))
    ending, options = _ENCODERS[encoder]
    output = image if encoder != "JPEG" else image.convert("RGB")
    output.info.clear()
    path = Path(result["stem"] + ending)
    output.save(path, encoder, **options)
    return {"name": path.name, "width": output.width, "height": output.height}


def _encoder(image: Image.Image, kind: str, *, lossy: bool) -> str:
    """Return the format of the result: that of the source, unless lossy compression is permitted."""
    is_transparent = image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255)
    if kind == "WEBP" or (kind == "AVIF" and is_transparent):
        return "WEBP"
    return "PNG" if is_transparent or (kind in {"PNG", "GIF"} and not lossy) else "JPEG"


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
    first, *others = frames
    whole, *small = job["results"]
    path = Path(whole["stem"] + ".gif")
    first.info.clear()
    first.save(path, "GIF", save_all=True, append_images=others, duration=pauses, loop=0, disposal=2)
    pictures = [{"name": path.name, "width": first.width, "height": first.height}]
    pictures += [_save(_resized(first, result), "GIF", result) for result in small]
    return {"pictures": pictures, "blurhash": _blurhash(first)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(convert(json.loads(sys.argv[1]))))
