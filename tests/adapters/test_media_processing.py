"""Tests of media processing: converted images, video and audio, without metadata and within limits."""

from __future__ import annotations

import random
import re
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageCms, ImageDraw, ImageOps, ImageStat
from PIL.PngImagePlugin import PngInfo
from twisted.internet import reactor

from microblog.adapters.media_processing import MediaLimits
from microblog.adapters.sandbox import command_line
from microblog.adapters.subprocess_runner import runner
from microblog.model.errors import Invalid, NotFound, Unavailable
from microblog.model.media import PREVIEW_AREA, Dimensions, Format, MediaKind
from microblog.model.site_images import ICON_SIZES, WANTED, ImageFile, SiteImageKind
from tests import fakes, files
from tests.fakes import DiskMediaStore, result_of

needs_ffmpeg = pytest.mark.skipif(not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="video needs ffmpeg")
PROBE = [
    shutil.which("ffprobe") or "",
    "-v",
    "error",
    "-select_streams",
    "v",
    "-of",
    "csv=p=0",
    "-show_entries",
    "stream=width,height,sample_aspect_ratio",
]
RED, BLUE = (254, 0, 0), (0, 0, 254)


@pytest.fixture
def media_store(tmp_path: Path) -> DiskMediaStore:
    return fakes.media_store(tmp_path)


def open_as_rgb(media_store: DiskMediaStore, name: str) -> Image.Image:
    with Image.open(media_store.files.path(name)) as image:
        return image.convert("RGB")


def is_near(pixel: object, colour: tuple[int, int, int]) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(a - b) < 12 for a, b in zip(pixel, colour, strict=True))


@pytest.mark.parametrize(
    ("format", "ending", "mode"),
    [
        (Format.JPEG, ".jpg", "RGB"),
        (Format.JPEG, ".jpg", "L"),
        (Format.JPEG, ".jpg", "CMYK"),
        (Format.PNG, ".png", "RGB"),
        (Format.PNG, ".png", "P"),
        (Format.WEBP, ".webp", "RGB"),
        (Format.AVIF, ".jpg", "RGB"),
        (Format.GIF, ".png", "P"),
    ],
)
def test_each_format_is_converted_to_one_that_browsers_support(media_store: DiskMediaStore, format: Format, ending: str, mode: str) -> None:
    converted = result_of(media_store.convert_image(files.image(format.value, mode=mode), format, "aa"))
    assert converted.original == f"aa{ending}"
    assert (converted.size, converted.preview_size) == (Dimensions(64, 48), Dimensions(64, 48))
    assert len(converted.blurhash or "") == 36
    if mode != "L":
        image = open_as_rgb(media_store, converted.original)
        assert is_near(image.getpixel((5, 20)), RED)
        assert is_near(image.getpixel((60, 20)), BLUE)


def test_sixteen_bit_images_keep_their_brightness(media_store: DiskMediaStore) -> None:
    image = Image.new("I;16", (8, 8), 0x8000)
    converted = result_of(media_store.convert_image(files.encode_image(image, "PNG"), Format.PNG, "aa"))
    assert is_near(open_as_rgb(media_store, converted.original).getpixel((3, 3)), (128, 128, 128))


def test_a_large_image_is_scaled_down_with_a_small_preview(media_store: DiskMediaStore) -> None:
    converted = result_of(media_store.convert_image(files.image(size=(5000, 2500)), Format.JPEG, "aa"))
    assert converted.size is not None
    assert converted.preview_size is not None
    assert converted.size.area <= 8_294_400
    assert PREVIEW_AREA * 0.95 < converted.preview_size.area <= PREVIEW_AREA
    assert abs(converted.size.width / converted.size.height - 2) < 0.01


def test_transparency_is_preserved(media_store: DiskMediaStore) -> None:
    image = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    converted = result_of(media_store.convert_image(files.encode_image(image, "PNG"), Format.PNG, "aa"))
    assert converted.original == "aa.png"
    with Image.open(media_store.files.path("aa.png")) as stored:
        assert stored.mode == "RGBA"
        assert stored.getpixel((1, 1)) == (0, 0, 0, 0)


@pytest.mark.parametrize(("orientation", "red_at"), [(1, (5, 20)), (3, (60, 20)), (6, (20, 5)), (8, (20, 60))])
def test_exif_orientation_is_applied(media_store: DiskMediaStore, orientation: int, red_at: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    converted = result_of(media_store.convert_image(files.image(exif=exif), Format.JPEG, "aa"))
    assert converted.size == (Dimensions(48, 64) if orientation in (6, 8) else Dimensions(64, 48))
    assert is_near(open_as_rgb(media_store, converted.original).getpixel(red_at), RED)


def test_metadata_is_removed(media_store: DiskMediaStore) -> None:
    exif, info = Image.Exif(), PngInfo()
    exif[0x010E] = "SECRETPLACE"
    info.add_text("Comment", "SECRETPLACE")
    for format, file in [
        (Format.JPEG, files.image(exif=exif, comment=b"SECRETPLACE")),
        (Format.PNG, files.image("PNG", pnginfo=info, exif=exif)),
        (Format.WEBP, files.image("WEBP", exif=exif)),
        (Format.GIF, files.image("GIF", mode="P", comment=b"SECRETPLACE")),
    ]:
        assert b"SECRETPLACE" in file.getvalue()
        result_of(media_store.convert_image(file, format, f"a{format.value}"))
    stored = b"".join(path.read_bytes() for path in media_store.files.directory.rglob("*") if path.is_file())
    assert b"SECRETPLACE" not in stored


def test_data_after_the_image_is_removed(media_store: DiskMediaStore) -> None:
    file = BytesIO(files.image().getvalue() + b"<script>alert(1)</script>PK\x03\x04")
    converted = result_of(media_store.convert_image(file, Format.JPEG, "aa"))
    assert b"script" not in media_store.files.path(converted.original).read_bytes()


def test_a_decompression_bomb_is_refused_before_decoding(media_store: DiskMediaStore) -> None:
    file = files.encode_image(Image.new("1", (20_000, 20_000)), "PNG")
    assert len(file.getvalue()) < 100_000
    with pytest.raises(Invalid, match="20000x20000 images are not supported"):
        result_of(media_store.convert_image(file, Format.PNG, "aa"))


def photo(width: int, height: int) -> Image.Image:
    """Return an image with gradients in two directions and a circle that is not in the middle."""
    across = Image.linear_gradient("L").rotate(90).resize((width, height))
    down = Image.linear_gradient("L").resize((width, height))
    image = Image.merge("RGB", [across, down, ImageChops.invert(across)])
    ImageDraw.Draw(image).ellipse((width // 8, height // 3, width // 2, height // 2), "white", "black", 9)
    return image


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the root mean square of the difference of two images, in levels of brightness."""
    assert one.size == other.size
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).rms)


@pytest.mark.parametrize("orientation", [1, 2, 6, 7])
def test_a_photo_looks_the_same_as_without_shortcuts(media_store: DiskMediaStore, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    sent = files.encode_image(photo(1300, 900), "JPEG", quality=92, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(sent))
    converted = result_of(media_store.convert_image(sent, Format.JPEG, "aa"))
    assert difference(open_as_rgb(media_store, converted.original), upright) < 4
    preview = open_as_rgb(media_store, converted.preview or "")
    assert difference(preview, upright.resize(preview.size, Image.Resampling.LANCZOS)) < 4
    for stem, size in (("ab", Dimensions(400, 400)), ("ac", Dimensions(600, 200))):
        cropped = open_as_rgb(media_store, result_of(media_store.cropped(sent, Format.JPEG, stem, size)))
        assert difference(cropped, ImageOps.fit(upright, (size.width, size.height), Image.Resampling.LANCZOS)) < 4


def swapping_profile() -> bytes:
    """Return a colour profile whose red is the blue of sRGB, and the other way round."""
    profile = bytearray(PROFILE)
    entries = range(132, 132 + 12 * int.from_bytes(profile[128:132]), 12)
    red, blue = (next(at for at in entries if bytes(profile[at : at + 4]) == name) + 4 for name in (b"rXYZ", b"bXYZ"))
    profile[red : red + 8], profile[blue : blue + 8] = profile[blue : blue + 8], profile[red : red + 8]
    return bytes(profile)


@pytest.mark.parametrize(
    ("format", "size", "mode"),
    [
        (Format.JPEG, (3900, 2300), "RGB"),
        (Format.JPEG, (64, 48), "RGB"),
        (Format.PNG, (800, 600), "RGBA"),
        (Format.PNG, (800, 600), "P"),
        (Format.WEBP, (800, 600), "RGB"),
    ],
)
def test_colour_profiles_are_applied(media_store: DiskMediaStore, format: Format, size: tuple[int, int], mode: str) -> None:
    image = files.image(format.value, size=size, mode=mode, icc_profile=swapping_profile())
    converted = result_of(media_store.convert_image(image, format, "aa"))
    cropped = result_of(media_store.cropped(image, format, "ab", Dimensions(40, 30)))
    for name in (converted.original, converted.preview or "", cropped):
        stored = open_as_rgb(media_store, name)
        left, right = (stored.getpixel((at, stored.height // 2)) for at in (stored.width // 8, stored.width * 7 // 8))
        assert (is_near(left, BLUE), is_near(right, RED)) == (True, True), (name, left, right)
        assert "icc_profile" not in stored.info


@pytest.mark.parametrize(("mode", "size"), [("RGBA", (1200, 800)), ("LA", (1200, 800)), ("P", (1200, 800)), ("RGBA", (60, 40))])
def test_a_transparent_image_is_shrunk_without_dark_edges(media_store: DiskMediaStore, mode: str, size: tuple[int, int]) -> None:
    image = Image.new("RGBA", size, (0, 0, 0, 0))
    image.paste((250, 250, 250, 255), (0, 0, size[0] // 2, size[1]))
    sent = files.encode_image(image.quantize(8) if mode == "P" else image.convert(mode), "PNG", compress_level=1)
    converted = result_of(media_store.convert_image(sent, Format.PNG, "aa"))
    for name in (converted.original, converted.preview or ""):
        with Image.open(media_store.files.path(name)) as stored:
            assert stored.mode == "RGBA"
            row = [stored.getpixel((x, stored.height // 2)) for x in range(stored.width)]
        assert (row[1][3], row[-2][3]) == (255, 0)  # type: ignore[index]  # RGBA pixels are tuples
        assert all(pixel[0] > 230 for pixel in row if pixel[3] > 16)  # type: ignore[index]


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%!PS-Adobe-3.0", b"GIF89a\0\0"])
def test_an_unreadable_file_is_refused_and_nothing_is_stored(media_store: DiskMediaStore, data: bytes) -> None:
    for format in (Format.JPEG, Format.GIF):
        with pytest.raises(Invalid, match="could not be verified"):
            result_of(media_store.convert_image(BytesIO(data), format, "aa"))
    assert result_of(media_store.files.names_with_stem("aa")) == []


def test_a_full_disk_is_not_reported_as_a_broken_image(media_store: DiskMediaStore) -> None:
    for name in ("aa.png", "aa.jpg", "aa.webp", "aa-small.png", "aa-small.jpg", "aa-small.webp"):
        media_store.files.path(name).parent.mkdir(parents=True, exist_ok=True)
        media_store.files.path(name).symlink_to("/dev/full")
    with pytest.raises(Unavailable, match="run out of storage"):
        result_of(media_store.convert_image(files.image(), Format.JPEG, "aa"))


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def image_with_metadata(format: str) -> bytes:
    """Return an image with every kind of metadata that its format supports."""
    exif, info = Image.Exif(), PngInfo()
    exif[0x0112], exif[0x010E] = 1, "described " * 5
    info.add_text("Comment", "text " * 10)
    info.add_text("Long", "zipped " * 50, zip=True)
    info.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>" + "x" * 50)
    kinds: dict[str, Any] = {
        "JPEG": {"xmp": b"<x:xmpmeta>" + b"x" * 50, "comment": b"comment " * 5, "dpi": (72, 72)},
        "PNG": {"pnginfo": info, "dpi": (72, 72)},
        "WEBP": {"xmp": b"<x:xmpmeta>" + b"x" * 50},
    }
    return files.image(format, exif=exif, icc_profile=PROFILE, **kinds[format]).getvalue()


def metadata_ranges(format: str, data: bytes) -> list[tuple[int, int]]:
    """Return the byte ranges of the metadata sections, without their headers."""
    parts, position = [], {"JPEG": 2, "PNG": 8, "WEBP": 12}[format]
    while position + 12 <= len(data):
        if format == "JPEG":
            name, end = data[position + 1 : position + 2], position + 2 + int.from_bytes(data[position + 2 : position + 4])
            head, wanted = 4, 0xE0 <= name[0] <= 0xEF or name[0] == 0xFE
            if name[0] == 0xDA:
                break
        elif format == "PNG":
            name, end = data[position + 4 : position + 8], position + 12 + int.from_bytes(data[position : position + 4])
            head, wanted = 8, name not in (b"IHDR", b"IDAT", b"IEND")
        else:
            name, size = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
            end, head, wanted = position + 8 + size + size % 2, 8, name in (b"EXIF", b"ICCP", b"XMP ")
        parts += [(position + head, end)] if wanted else []
        position = end
    return parts


@pytest.mark.parametrize("format", [Format.JPEG, Format.PNG, Format.WEBP])
def test_broken_metadata_is_ignored(media_store: DiskMediaStore, format: Format) -> None:
    original, rng = image_with_metadata(format.value), random.Random(1)
    parts = metadata_ranges(format.value, original)
    assert len(parts) >= 3
    for number, (start, end) in enumerate(parts * 2):
        data = bytearray(original)
        if number < len(parts):
            data[start:end] = b"not what it was "[: end - start].ljust(end - start, b"?")
        else:
            for offset in rng.sample(range(start, end), min(6, end - start)):
                data[offset] = rng.randrange(256)
        converted = result_of(media_store.convert_image(BytesIO(bytes(data)), format, f"a{number}"))
        assert converted.size in (Dimensions(64, 48), Dimensions(48, 64)), (start, end)
        assert is_near(open_as_rgb(media_store, converted.original).getpixel((5, 5)), RED), (start, end)


def test_a_jpeg_with_several_images_is_not_an_animation(media_store: DiskMediaStore) -> None:
    image = Image.open(files.image())
    converted = result_of(
        media_store.convert_image(files.encode_image(image, "MPO", save_all=True, append_images=[image.copy()]), Format.JPEG, "aa")
    )
    assert (converted.original, converted.preview) == ("aa.jpg", "aa-small.jpg")


def test_a_preview_has_the_format_of_the_image(media_store: DiskMediaStore) -> None:
    for format, ending in ((Format.PNG, "png"), (Format.JPEG, "jpg"), (Format.WEBP, "webp"), (Format.GIF, "png")):
        converted = result_of(media_store.convert_image(files.image(format.value, size=(900, 600)), format, f"a{ending}"))
        assert (converted.preview or "").endswith(f"-small.{ending}")


def test_an_animation_that_is_too_large_is_refused_with_the_limit(tmp_path: Path) -> None:
    media_store = fakes.media_store(tmp_path, films=False)
    first, *others = [Image.new("1", (4_000, 2_600), number % 2) for number in range(10)]
    with pytest.raises(Invalid, match="more than 100,000,000 pixels in all their frames"):
        result_of(media_store.convert_image(files.encode_image(first, "GIF", save_all=True, append_images=others), Format.GIF, "aa"))


def test_a_truncated_image_is_refused(media_store: DiskMediaStore) -> None:
    original = files.image(size=(800, 600)).getvalue()
    with pytest.raises(Invalid):
        result_of(media_store.convert_image(BytesIO(original[: len(original) // 2]), Format.JPEG, "aa"))


def test_a_wrong_format_is_refused(media_store: DiskMediaStore) -> None:
    with pytest.raises(Invalid):
        result_of(media_store.convert_image(files.image("PNG"), Format.JPEG, "aa"))


def test_an_animation_is_kept_without_ffmpeg(tmp_path: Path) -> None:
    media_store = fakes.media_store(tmp_path, films=False)
    converted = result_of(media_store.convert_image(files.animation(4), Format.GIF, "aa"))
    assert (converted.original, converted.preview) == ("aa.gif", "aa-small.png")
    with Image.open(media_store.files.path("aa.gif")) as image:
        assert getattr(image, "n_frames", 1) == 4


def test_an_avatar_is_cropped_to_its_size(media_store: DiskMediaStore) -> None:
    name = result_of(media_store.cropped(files.image(size=(300, 900)), Format.JPEG, "aa", Dimensions(400, 400)))
    assert open_as_rgb(media_store, name).size == (400, 400)


def test_a_picture_of_the_site_is_made_in_all_its_sizes(media_store: DiskMediaStore) -> None:
    upload = files.image("WEBP", size=(600, 300), mode="RGBA")
    icon = result_of(media_store.site_image(upload, Format.WEBP, "aa", WANTED[SiteImageKind.ICON]))
    assert [file.name for file in icon.files[:2]] == ["aa.png", "aa-1.png"]
    assert [open_as_rgb(media_store, file.name).size for file in icon.files] == [(size, size) for size in ICON_SIZES]
    assert (icon.of_width(180).size.width, icon.of_width(33).size.width, icon.of_width(999).size.width) == (180, 36, 512)
    logo = result_of(media_store.site_image(files.image("PNG", size=(2_000, 500)), Format.PNG, "bb", WANTED[SiteImageKind.LOGO]))
    assert logo.files == (ImageFile("bb.png", Dimensions(692, 173)),)
    still = result_of(media_store.site_image(files.animation(), Format.GIF, "cc", WANTED[SiteImageKind.LOGO]))
    assert still.files == (ImageFile("cc.png", Dimensions(32, 24)),)


def test_a_file_is_stored_and_deleted_by_name(media_store: DiskMediaStore) -> None:
    result_of(media_store.files.store(BytesIO(b"content"), "upload-1"))
    with result_of(media_store.files.serve("upload-1", is_open=True)) as file:
        assert file.read() == b"content"
    assert result_of(media_store.files.names_with_stem("upload-1")) == ["upload-1"]
    result_of(media_store.files.delete(["upload-1", "never-there"]))
    with pytest.raises(NotFound):
        result_of(media_store.files.serve("upload-1", is_open=True))


# --- video and audio


@needs_ffmpeg
def test_a_video_becomes_mp4_with_a_preview_and_without_metadata(media_store: DiskMediaStore) -> None:
    result_of(media_store.files.store(files.video(), "upload-1"))
    kind, converted = result_of(media_store.convert_video(media_store.files.path("upload-1"), Format.MP4, "aa"))
    assert (kind, converted.original, converted.preview, converted.size, converted.frame_rate) == (
        MediaKind.VIDEO,
        "aa.mp4",
        "aa-small.jpg",
        Dimensions(64, 48),
        "10/1",
    )
    assert converted.duration == pytest.approx(1, abs=0.1)
    assert converted.blurhash
    assert b"secret" not in media_store.files.path("aa.mp4").read_bytes()
    assert result_of(media_store.files.names_with_stem("aa")) == ["aa-small.jpg", "aa.mp4"]


@needs_ffmpeg
def test_a_silent_video_and_an_animated_gif_become_gifv(media_store: DiskMediaStore) -> None:
    for number, (file, format) in enumerate([(files.video(sound=False), Format.MP4), (files.animation(), Format.GIF)]):
        result_of(media_store.files.store(file, f"upload-{number}"))
        kind, converted = result_of(media_store.convert_video(media_store.files.path(f"upload-{number}"), format, f"a{number}"))
        assert (kind, converted.original) == (MediaKind.GIFV, f"a{number}.mp4")


@needs_ffmpeg
def test_audio_becomes_mp3_without_a_preview(media_store: DiskMediaStore) -> None:
    result_of(media_store.files.store(files.audio(), "upload-1"))
    kind, converted = result_of(media_store.convert_video(media_store.files.path("upload-1"), Format.WAV, "aa"))
    assert (kind, converted.original, converted.preview, converted.size) == (MediaKind.AUDIO, "aa.mp3", None, None)
    assert converted.duration == pytest.approx(1, abs=0.1)


@needs_ffmpeg
def test_the_cover_of_an_audio_file_is_its_preview(media_store: DiskMediaStore) -> None:
    for number, (name, format) in enumerate([("tune.mp3", Format.MP3), ("tune.flac", Format.FLAC), ("tune.m4a", Format.MP4)]):
        result_of(media_store.files.store(files.audio_with_cover(name), f"upload-{number}"))
        kind, converted = result_of(media_store.convert_video(media_store.files.path(f"upload-{number}"), format, f"a{number}"))
        assert (kind, converted.original, converted.preview, converted.size) == (
            MediaKind.AUDIO,
            f"a{number}.mp3",
            f"a{number}-small.jpg",
            None,
        ), name
        assert (converted.preview_size, bool(converted.blurhash)) == (Dimensions(120, 90), True)
        assert is_near(open_as_rgb(media_store, converted.preview or "").getpixel((20, 40)), (254, 0, 0))
        assert result_of(media_store.files.names_with_stem(f"a{number}")) == [f"a{number}-small.jpg", f"a{number}.mp3"]


@needs_ffmpeg
def test_an_unreadable_cover_is_ignored(media_store: DiskMediaStore) -> None:
    data = bytearray(files.audio_with_cover("tune.mp3").getvalue())
    position = data.index(b"\x89PNG")
    data[position + 8 : position + 200] = b"x" * 192
    result_of(media_store.files.store(BytesIO(bytes(data)), "upload-1"))
    kind, converted = result_of(media_store.convert_video(media_store.files.path("upload-1"), Format.MP3, "aa"))
    assert (kind, converted.original, converted.preview) == (MediaKind.AUDIO, "aa.mp3", None)


@needs_ffmpeg
@pytest.mark.parametrize(("ratio", "displayed_size"), [("2", Dimensions(128, 48)), ("8/9", Dimensions(56, 48)), ("1", Dimensions(64, 48))])
def test_a_video_with_non_square_pixels_has_its_display_size(media_store: DiskMediaStore, ratio: str, displayed_size: Dimensions) -> None:
    result_of(media_store.files.store(files.video_with_options("-vf", f"setsar={ratio}"), "upload-1"))
    _, converted = result_of(media_store.convert_video(media_store.files.path("upload-1"), Format.MP4, "aa"))
    assert (converted.size, converted.preview_size) == (displayed_size, displayed_size)
    probed = result_of(fakes.run_blocking([*PROBE, str(media_store.files.path("aa.mp4"))], 20)).output.decode().split()
    assert probed in ([f"{displayed_size.width},{displayed_size.height},1:1"], [f"{displayed_size.width},{displayed_size.height},N/A"])


@needs_ffmpeg
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("-r", "1000"), r"^1000fps videos are not supported \(the maximum frame rate is 120\)$"),
        (("-vf", "scale=4000:2200,setsar=1"), r"^4000x2200 videos are not supported \(the maximum is 8,294,400 pixels\)$"),
        (("-vf", "scale=2000:100,setsar=60"), r"^120000x100 videos are not supported"),
    ],
)
def test_an_unsupported_video_is_refused_with_the_limit(media_store: DiskMediaStore, options: tuple[str, ...], sentence: str) -> None:
    result_of(media_store.files.store(files.video_with_options(*options), "upload-1"))
    with pytest.raises(Invalid) as caught:
        result_of(media_store.convert_video(media_store.files.path("upload-1"), Format.MP4, "aa"))
    assert re.search(sentence, caught.value.sentence)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("limits", "sentence"),
    [(MediaLimits(1, 0.01, 4_000_000_000, 10_000_000), "takes too long"), (MediaLimits(60, 60, 4_000_000_000, 2_000), "larger than 0 MB")],
)
def test_a_video_that_exceeds_a_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: MediaLimits, sentence: str
) -> None:
    media_store = fakes.media_store(tmp_path)
    result_of(media_store.files.store(files.video_with_options("-vf", "scale=640:480"), "upload-1"))
    monkeypatch.setattr("microblog.adapters.media_processing.VIDEO_LIMITS", limits)
    with pytest.raises(Invalid, match=sentence):
        result_of(media_store.convert_video(media_store.files.path("upload-1"), Format.MP4, "aa"))


@needs_ffmpeg
def test_a_full_disk_is_not_reported_as_a_broken_video(media_store: DiskMediaStore) -> None:
    result_of(media_store.files.store(files.video_with_options("-vf", "scale=640:480"), "upload-1"))
    media_store.files.path("aa.mp4").parent.mkdir(parents=True)
    media_store.files.path("aa.mp4").symlink_to("/dev/full")
    with pytest.raises(Unavailable, match="run out of storage"):
        result_of(media_store.convert_video(media_store.files.path("upload-1"), Format.MP4, "aa"))


@needs_ffmpeg
def test_a_playlist_reads_no_other_files(media_store: DiskMediaStore, tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(files.video().getvalue())
    for text in (f"#EXTM3U\n#EXTINF:1,\nfile://{secret}\n", f"ffconcat version 1.0\nfile {secret}\n"):
        result_of(media_store.files.store(BytesIO(text.encode()), "upload-1"))
        for format in (Format.MP4, Format.MATROSKA, Format.OGG):
            with pytest.raises(Invalid):
                result_of(media_store.convert_video(media_store.files.path("upload-1"), format, "aa"))


# --- sandboxed programs


def python_command(code: str, **limits: int) -> list[str]:
    import sys

    return command_line([sys.executable, "-I", "-c", code], **({"seconds": 5, "memory": 500_000_000, "file": 1_000_000} | limits))


@pytest.mark.parametrize(
    "code",
    [
        "bytearray(2_000_000_000)",
        "open('/tmp/microblog-test-large', 'wb').write(b'x' * 10_000_000)",
        "[open('/dev/null') for _ in range(1000)]",
    ],
)
def test_a_program_that_exceeds_its_limits_fails(code: str) -> None:
    assert not result_of(fakes.run_blocking(python_command(f"files = {code}"), 10)).succeeded
    Path("/tmp/microblog-test-large").unlink(missing_ok=True)


def test_a_program_that_computes_too_long_is_killed() -> None:
    assert not result_of(fakes.run_blocking(python_command("while True: pass", seconds=1), 10)).succeeded


def test_a_program_gets_a_minimal_environment() -> None:
    result = result_of(fakes.run_blocking(python_command("import os; print(sorted(os.environ))"), 10))
    assert result.output == b"['LC_ALL', 'PATH']\n"


async def test_the_reactor_is_not_blocked_and_a_hanging_program_is_killed() -> None:
    run = runner(reactor)
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(1)
        reactor.callLater(0.01, tick) if len(ticks) < 10_000 and not over else None

    over: list[int] = []
    tick()
    result = await run(python_command("import time; time.sleep(60)"), 0.5)
    over.append(1)
    assert not result.succeeded
    assert len(ticks) > 10


async def test_a_program_with_too_much_output_is_killed() -> None:
    assert not (await runner(reactor)(python_command("while True: print('x' * 1000)", seconds=20), 30)).succeeded


async def test_large_output_is_complete() -> None:
    result = await runner(reactor)(python_command("print('x' * 200_000)"), 30)
    assert (result.succeeded, len(result.output)) == (True, 200_001)
