"""Make a picture ready to be shown: a script, run as ``python -I picture.py JOB`` by confined.py; JOB and what it prints are JSON.

Nothing of the source's bytes reaches the result: it is decoded and encoded anew, upright and in sRGB, without metadata. The script imports
nothing of ours, because a process that reads what strangers sent should know as little as possible.

The job: `source` (a path), `format` (the one that Pillow may take it for), `pixels` (how many it may have), `frames` (how many pixels all
frames of something that moves may have together; 0 keeps only the first), and `results`, each with `stem` (a path without its ending) and
either `area` (it is made smaller until it has no more pixels) or `fill` ([width, height], cut to fit); `preview` says that it may lose a
little to be small. The answer: `pictures` (`name`, `width`, `height` for each result) and `blurhash`; or `error` (unreadable, or large
with `width`, `height`).
"""

from __future__ import annotations

import errno
import json
import sys
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
_HOW: dict[str, tuple[str, dict[str, Any]]] = {
    "JPEG": (".jpg", {"quality": 88, "optimize": True, "progressive": True}),
    "PNG": (".png", {}),
    "WEBP": (".webp", {"quality": 88, "method": 4}),
}


def make(job: dict[str, Any]) -> dict[str, Any]:
    """Do the job; the answer."""
    Image.MAX_IMAGE_PIXELS = None  # opening reads no more than the head, and what is too large is refused right after it
    try:
        with Image.open(job["source"], formats=[job["format"]]) as image:
            width, height = image.size
            if width * height > job["pixels"]:
                return {"error": "large", "width": width, "height": height}
            moves = getattr(image, "n_frames", 1) > 1
            if job["frames"] and moves:
                return _moving(image, job)
            return _still(image, job)
    except (OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError, OverflowError) as cause:
        if isinstance(cause, OSError) and cause.errno in {errno.ENOSPC, errno.EDQUOT}:
            return {"error": "full"}
        return {"error": "unreadable", "cause": repr(cause)[:200]}  # what Pillow raises for broken files


def _still(image: Image.Image, job: dict[str, Any]) -> dict[str, Any]:
    kind, turn = image.format or "PNG", _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    areas = [result.get("area") for result in job["results"]]
    if all(areas):
        image.draft("RGB", _within(image, max(areas)))  # a large JPEG is decoded at a fraction of its size at once
    whole = _in_srgb(image, image.info.get("icc_profile"))
    if all(areas):
        whole = _shaped(whole, {"area": max(areas)})
    if turn is not None:
        whole = whole.transpose(turn)
    pictures = [_saved(_shaped(whole, result), kind, result) for result in job["results"]]
    return {"pictures": pictures, "blurhash": _blurhash(whole)}


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB, or RGBA where something is transparent."""
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if image.mode.startswith(("I", "F")):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")  # 16 bits of grey
    if profile:
        if image.mode not in {"RGB", "RGBA", "CMYK", "L"}:
            image = image.convert(mode)
        with suppress(ImageCms.PyCMSError):  # a broken profile: take the numbers as they are
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            image = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode) or image
    return image.convert(mode)


def _within(image: Image.Image, area: int) -> tuple[int, int]:
    """The size that it has when it is made smaller until it has no more pixels than that."""
    scale = min(1.0, sqrt(area / (image.width * image.height)))
    return max(1, int(image.width * scale)), max(1, int(image.height * scale))


def _shaped(image: Image.Image, result: dict[str, Any]) -> Image.Image:
    if "fill" in result:
        return ImageOps.fit(image, tuple(result["fill"]), Image.Resampling.LANCZOS)
    size = _within(image, result["area"])
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _saved(image: Image.Image, kind: str, result: dict[str, Any]) -> dict[str, Any]:
    encoder = _encoder(image, kind, result.get("preview", False))
    ending, how = _HOW[encoder]
    made = image if encoder != "JPEG" else image.convert("RGB")
    made.info.clear()
    path = Path(result["stem"] + ending)
    made.save(path, encoder, **how)
    return {"name": path.name, "width": made.width, "height": made.height}


def _encoder(image: Image.Image, kind: str, preview: bool) -> str:
    """What it is written as: the same as it was; a preview only has to be small."""
    see_through = image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255)
    if kind == "WEBP" or (kind == "AVIF" and see_through):
        return "WEBP"
    return "PNG" if see_through or (kind in {"PNG", "GIF"} and not preview) else "JPEG"


def _blurhash(image: Image.Image) -> str:
    small = image.convert("RGBA")
    small.thumbnail(_BLUR, Image.Resampling.BILINEAR)
    ground = Image.new("RGBA", small.size, "white")
    ground.alpha_composite(small)
    data, width = ground.convert("RGB").tobytes(), 3 * small.width
    lines = [data[start : start + width] for start in range(0, len(data), width)]
    rows = [[line[at : at + 3] for at in range(0, width, 3)] for line in lines]
    return str(blurhash.encode(rows, *_COMPONENTS))


def _moving(image: Image.Image, job: dict[str, Any]) -> dict[str, Any]:
    """An animation stays one, if all its frames together are not too much; the other results show its first frame."""
    if image.width * image.height * image.n_frames > job["frames"]:  # type: ignore[attr-defined]  # this format has it
        return {"error": "large", "width": image.width, "height": image.height}
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
    pictures += [_saved(_shaped(first, result), "GIF", result) for result in small]
    return {"pictures": pictures, "blurhash": _blurhash(first)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(make(json.loads(sys.argv[1]))))
