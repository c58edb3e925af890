"""Detection of file types by their first bytes. File names and declared types are ignored; unknown types are rejected."""

from __future__ import annotations

from typing import BinaryIO

from microblog.model.media import Format

HEADER_BYTES = 64  # bytes read for detection
_SIGNATURES = (
    (b"\xff\xd8\xff", Format.JPEG),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"GIF87a", Format.GIF),
    (b"GIF89a", Format.GIF),
    (b"\x1a\x45\xdf\xa3", Format.MATROSKA),
    (b"OggS", Format.OGG),
    (b"fLaC", Format.FLAC),
    (b"ID3", Format.MP3),
)
_RIFF_TYPES = {b"WEBP": Format.WEBP, b"WAVE": Format.WAV}
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_VIDEO_BRANDS = (b"iso", b"mp4", b"M4V", b"M4A", b"qt ", b"avc", b"dash", b"3gp", b"mmp4", b"MSNV", b"f4v")


def detect_type(file: BinaryIO) -> Format | None:
    """Return the type of the file, or None if it is not accepted (such as SVG, PostScript, HTML). Rewinds the file."""
    file.seek(0)
    header = file.read(HEADER_BYTES)
    file.seek(0)
    for signature, format in _SIGNATURES:
        if header.startswith(signature):
            return format
    if header.startswith(b"RIFF"):
        return _RIFF_TYPES.get(header[8:12])
    if header[4:8] == b"ftyp":
        return _brand(header[8:12])
    if len(header) > 1 and header[0] == 0xFF and header[1] & 0xE0 == 0xE0:  # an MPEG audio frame; layer 0 is AAC
        return Format.MP3 if header[1] & 0x06 else Format.AAC
    return None


def _brand(brand: bytes) -> Format | None:
    if brand in _AVIF_BRANDS:
        return Format.AVIF
    return Format.MP4 if brand.startswith(_VIDEO_BRANDS) else None


def is_animated(gif: BinaryIO) -> bool:
    """True if a GIF has more than one frame; False for a broken file. Rewinds the file."""
    try:
        return _count_frames(gif, 2) > 1
    except (IndexError, ValueError):
        return False
    finally:
        gif.seek(0)


def _count_frames(gif: BinaryIO, enough: int) -> int:
    """Number of frames, counted up to `enough` (GIF89a specification, sections 17 to 27)."""
    gif.seek(10)
    _skip_color_table(gif, gif.read(3)[0])
    found = 0
    while found < enough:
        block = gif.read(1)
        if block == b"!":
            gif.read(1)
        elif block == b",":
            found += 1
            _skip_color_table(gif, gif.read(9)[8])
            gif.read(1)
        else:
            break
        while size := gif.read(1)[0]:
            gif.seek(size, 1)
    return found


def _skip_color_table(gif: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        gif.seek(3 << ((flags & 7) + 1), 1)
