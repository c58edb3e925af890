"""Measure the conversion of uploaded images: CPU time of the sandboxed child process, compared with a plain conversion in Pillow.

    python -m benchmarks.uploads [--rounds 7]

The plain conversion, also in a child process, decodes the whole image, resizes it with Lanczos and encodes it as well as it can be. Rounds
are interleaved; figures are medians in milliseconds of user and system time, including the start of the programs. Nothing is served, so
the rest of an upload (receiving, rows) is not part of it.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from microblog.adapters import image_worker
from microblog.adapters.media_processing import IMAGE_AREA, IMAGE_LIMITS, MAX_ANIMATION_PIXELS
from microblog.adapters.sandbox import command_line
from microblog.model.media import MAX_IMAGE_PIXELS, PREVIEW_AREA

RESULTS: dict[str, list[dict[str, Any]]] = {
    "attachment": [{"area": IMAGE_AREA}, {"area": PREVIEW_AREA}],
    "avatar": [{"fill": [400, 400]}],
    "header": [{"fill": [1500, 500]}],
}
PLAIN = """
import json, sys
from PIL import Image, ImageOps
job = json.loads(sys.argv[1])
with Image.open(job["source"]) as image:
    whole = ImageOps.exif_transpose(image)
for result in job["results"]:
    if "fill" in result:
        made = ImageOps.fit(whole, result["fill"], Image.Resampling.LANCZOS)
    else:
        scale = min(1, (result["area"] / (whole.width * whole.height)) ** 0.5)
        made = whole.resize((int(whole.width * scale), int(whole.height * scale)), Image.Resampling.LANCZOS)
    made.save(result["stem"], job["format"], **({"optimize": True, "progressive": True} if job["format"] == "JPEG" else {}), quality=88)
"""


def _photo(width: int, height: int) -> Image.Image:
    """Return an image like a photo: gradients, soft shapes and the noise of a sensor."""
    bands = [Image.linear_gradient("L").rotate(angle).resize((width, height)) for angle in (0, 90, 180)]
    shapes = Image.new("RGB", (width // 8, height // 8), "teal")
    for at in range(0, width // 8, 20):
        colour = (at % 255, at * 7 % 255, at * 3 % 255)
        ImageDraw.Draw(shapes).ellipse((at, at * 5 % (height // 8), at + 60, at * 5 % (height // 8) + 60), fill=colour)
    soft = shapes.filter(ImageFilter.GaussianBlur(2)).resize((width, height))
    noise = Image.effect_noise((width, height), 26).filter(ImageFilter.GaussianBlur(0.8))
    return ImageChops.add(Image.blend(Image.merge("RGB", bands), soft, 0.6), Image.merge("RGB", [noise] * 3), 1, -128)


def _screenshot() -> Image.Image:
    """Return an image like a screenshot: lines of text beside a picture."""
    image = Image.new("RGB", (1920, 1080), "white")
    for y in range(0, 1080, 24):
        ImageDraw.Draw(image).text((20, y), f"{y} lines of text as they are in a window, one below the other " * 3, fill="black")
    image.paste(_photo(400, 300), (1400, 200))
    return image


def write_sources(directory: Path) -> dict[str, Path]:
    """Write the images that are converted; return their paths by name."""
    sideways = Image.Exif()
    sideways[0x0112] = 6
    photo = _photo(4000, 3000)
    paths = {name: directory / file for name, file in (("JPEG", "a.jpeg"), ("PNG", "a.png"), ("WEBP", "a.webp"))}
    photo.save(paths["JPEG"], quality=87, exif=sideways)
    _screenshot().save(paths["PNG"])
    photo.resize((2000, 1500)).save(paths["WEBP"], quality=90)
    return paths


def _cpu_ms(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, env={}).stdout
    assert b'"error"' not in output, output
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def _commands(source: Path, format: str, results: list[dict[str, Any]], ending: str) -> dict[str, list[str]]:
    """Return the commands of the site and of the plain conversion."""
    job = {"source": str(source), "format": format, "pixels": MAX_IMAGE_PIXELS, "frames": MAX_ANIMATION_PIXELS if len(results) > 1 else 0}
    stems = [str(source.with_name(f"made{number}")) for number in range(len(results))]
    ours = {**job, "results": [{**result, "stem": stem} for result, stem in zip(results, stems, strict=True)]}
    plain = {**job, "results": [{**result, "stem": stem + ending} for result, stem in zip(results, stems, strict=True)]}
    worker = [sys.executable, "-I", str(Path(image_worker.__file__)), json.dumps(ours)]
    return {
        "site": command_line(worker, seconds=IMAGE_LIMITS.cpu_seconds, memory=IMAGE_LIMITS.memory, file=IMAGE_LIMITS.file),
        "plain": [sys.executable, "-I", "-c", PLAIN, json.dumps(plain)],
    }


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as directory:
        print("| image | becomes | site, ms | plain Pillow, ms | ratio |\n|---|---|---|---|---|")
        for format, source in write_sources(Path(directory)).items():
            for name, results in RESULTS.items():
                commands = _commands(source, format, results, source.suffix)
                times: dict[str, list[float]] = {which: [] for which in commands}
                for _ in range(rounds):
                    for which, command in commands.items():
                        times[which].append(_cpu_ms(command))
                site, plain = (statistics.median(times[which]) for which in ("site", "plain"))
                size = f"{source.stat().st_size / 1e6:.1f} MB"
                print(f"| {format}, {size} | {name} | {site:.0f} | {plain:.0f} | {site / plain:.2f} |", flush=True)


if __name__ == "__main__":
    main()
