"""Small files to upload."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import pytest
from PIL import Image


def image(format: str = "JPEG", size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: Any) -> BytesIO:
    """Return an image: red on the left, blue on the right."""
    picture = Image.new("RGB", size, "blue")
    picture.paste("red", (0, 0, size[0] // 2, size[1]))
    return encode_image(picture.convert(mode), format, **options)


def encode_image(image: Image.Image, format: str, **options: Any) -> BytesIO:
    """Return the image as a file."""
    file = BytesIO()
    image.save(file, format, **options)
    file.seek(0)
    return file


def animation(frames: int = 3, size: tuple[int, int] = (32, 24)) -> BytesIO:
    """Return an animated GIF."""
    first, *others = [Image.new("RGB", size, (80 * number, 0, 0)) for number in range(frames)]
    return encode_image(first, "GIF", save_all=True, append_images=others, duration=100)


@cache
def _ffmpeg_output(name: str, *options: str) -> bytes:
    if shutil.which("ffmpeg") is None:
        pytest.skip("video needs ffmpeg: apt-get install -y ffmpeg")
    with TemporaryDirectory() as directory:
        path = Path(directory) / name
        subprocess.run(["ffmpeg", "-v", "error", *options, str(path)], check=True, capture_output=True)
        return path.read_bytes()


def video(*, sound: bool = True) -> BytesIO:
    """Return a second of video, 64 x 48."""
    inputs = ["-f", "lavfi", "-i", "testsrc=d=1:s=64x48:r=10"]
    if sound:
        inputs += ["-f", "lavfi", "-i", "sine=d=1"]
    return BytesIO(_ffmpeg_output("video.mp4", *inputs, "-pix_fmt", "yuv420p", "-metadata", "title=secret"))


def video_with_options(*options: str) -> BytesIO:
    """Return 0.2 seconds of video, 64 x 48, encoded with these options."""
    return BytesIO(_ffmpeg_output("video.mp4", "-f", "lavfi", "-i", "testsrc=d=0.2:s=64x48:r=10", *options, "-pix_fmt", "yuv420p"))


def audio_with_cover(name: str) -> BytesIO:
    """Return a second of audio with a cover of 120 x 90, red on the left."""
    with TemporaryDirectory() as directory:
        cover = Path(directory) / "cover.png"
        cover.write_bytes(image("PNG", size=(120, 90)).getvalue())
        streams = ["-map", "0:a", "-map", "1:v", "-c:v", "png", "-disposition:v", "attached_pic"]
        return BytesIO(_ffmpeg_output(name, "-f", "lavfi", "-i", "sine=d=1", "-i", str(cover), *streams))


def audio() -> BytesIO:
    """Return a second of audio."""
    return BytesIO(_ffmpeg_output("audio.wav", "-f", "lavfi", "-i", "sine=d=1"))


def archive(**pictures: BytesIO) -> bytes:
    """Return a zip archive of pictures with these names."""
    written = BytesIO()
    with ZipFile(written, "w") as target:
        for name, picture in pictures.items():
            target.writestr(f"{name}.png", picture.getvalue())
    return written.getvalue()


def multipart(sent: Mapping[str, BytesIO], fields: Iterable[tuple[str, str]]) -> tuple[str, bytes]:
    """Return content type and body of a form with files, all of them named photo.jpg."""
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value.encode() for name, value in fields]
    head = 'Content-Disposition: form-data; name="{}"; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    parts += [head.format(name).encode() + file.getvalue() for name, file in sent.items()]
    body = b"".join(b"--limit\r\n" + part + b"\r\n" for part in parts) + b"--limit--\r\n"
    return "multipart/form-data; boundary=limit", body
