"""What a file is, by its first bytes: names and types that clients claim are not believed. Whatever is not named here is refused."""

from __future__ import annotations

from typing import BinaryIO

from microblog.model.media import Format

HEAD = 64  # bytes that are looked at
_BEGINNINGS = (
    (b"\xff\xd8\xff", Format.JPEG),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"GIF87a", Format.GIF),
    (b"GIF89a", Format.GIF),
    (b"\x1a\x45\xdf\xa3", Format.MATROSKA),
    (b"OggS", Format.OGG),
    (b"fLaC", Format.FLAC),
    (b"ID3", Format.MP3),
)
_INSIDE_RIFF = {b"WEBP": Format.WEBP, b"WAVE": Format.WAV}
_AVIF = frozenset({b"avif", b"avis"})
_FILMS = (b"iso", b"mp4", b"M4V", b"M4A", b"qt ", b"avc", b"dash", b"3gp", b"mmp4", b"MSNV", b"f4v")


def detect_type(file: BinaryIO) -> Format | None:
    """What the file is, which is left at its beginning; None for everything that is not taken, such as SVG, PostScript and HTML."""
    file.seek(0)
    head = file.read(HEAD)
    file.seek(0)
    for beginning, format in _BEGINNINGS:
        if head.startswith(beginning):
            return format
    if head.startswith(b"RIFF"):
        return _INSIDE_RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _brand(head[8:12])
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:  # a frame of MPEG sound: layer 0 is AAC
        return Format.MP3 if head[1] & 0x06 else Format.AAC
    return None


def _brand(brand: bytes) -> Format | None:
    if brand in _AVIF:
        return Format.AVIF
    return Format.MP4 if brand.startswith(_FILMS) else None


def is_animated(gif: BinaryIO) -> bool:
    """True if a GIF has more than one picture. What is broken does not move. The file is left at its beginning."""
    try:
        return _pictures(gif, 2) > 1
    except (IndexError, ValueError):
        return False
    finally:
        gif.seek(0)


def _pictures(gif: BinaryIO, enough: int) -> int:
    """How many pictures there are, counted up to `enough` (GIF89a specification, sections 17 to 27)."""
    gif.seek(10)
    _skip_colours(gif, gif.read(3)[0])
    found = 0
    while found < enough:
        introducer = gif.read(1)
        if introducer == b"!":
            gif.read(1)
        elif introducer == b",":
            found += 1
            _skip_colours(gif, gif.read(9)[8])
            gif.read(1)
        else:
            break
        while size := gif.read(1)[0]:
            gif.seek(size, 1)
    return found


def _skip_colours(gif: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        gif.seek(3 << ((flags & 7) + 1), 1)
