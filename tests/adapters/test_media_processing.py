"""What comes out of the studio: pictures that show what was uploaded and nothing else, whatever was in the file."""

from __future__ import annotations

import random
import re
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from twisted.internet import reactor

from microblog.adapters.media_processing import PREVIEW_AREA, DirectoryMediaStore, MediaLimits
from microblog.adapters.sandbox import command_line
from microblog.adapters.subprocess_runner import runner
from microblog.model.errors import Invalid, NotFound, Unavailable
from microblog.model.media import Dimensions, Format, MediaKind
from tests import fakes, files
from tests.fakes import done

needs_ffmpeg = pytest.mark.skipif(not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="films need ffmpeg")
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
def studio(tmp_path: Path) -> DirectoryMediaStore:
    return fakes.studio(tmp_path)


def shown(studio: DirectoryMediaStore, name: str) -> Image.Image:
    with Image.open(studio.path(name)) as image:
        return image.convert("RGB")


def near(pixel: object, colour: tuple[int, int, int]) -> bool:
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
def test_each_format_becomes_one_that_every_browser_shows(studio: DirectoryMediaStore, format: Format, ending: str, mode: str) -> None:
    made = done(studio.convert_image(files.picture(format.value, mode=mode), format, "aa"))
    assert made.original == f"aa{ending}"
    assert (made.size, made.preview_size) == (Dimensions(64, 48), Dimensions(64, 48))
    assert len(made.blurhash or "") == 36
    if mode != "L":
        image = shown(studio, made.original)
        assert near(image.getpixel((5, 20)), RED)
        assert near(image.getpixel((60, 20)), BLUE)


def test_sixteen_bit_pictures_are_not_blown_out(studio: DirectoryMediaStore) -> None:
    image = Image.new("I;16", (8, 8), 0x8000)
    made = done(studio.convert_image(files.saved(image, "PNG"), Format.PNG, "aa"))
    assert near(shown(studio, made.original).getpixel((3, 3)), (128, 128, 128))


def test_a_large_picture_is_made_smaller_and_its_preview_small(studio: DirectoryMediaStore) -> None:
    made = done(studio.convert_image(files.picture(size=(5000, 2500)), Format.JPEG, "aa"))
    assert made.size is not None
    assert made.preview_size is not None
    assert made.size.area <= 8_294_400
    assert PREVIEW_AREA * 0.95 < made.preview_size.area <= PREVIEW_AREA
    assert abs(made.size.width / made.size.height - 2) < 0.01


def test_transparency_stays(studio: DirectoryMediaStore) -> None:
    image = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    made = done(studio.convert_image(files.saved(image, "PNG"), Format.PNG, "aa"))
    assert made.original == "aa.png"
    with Image.open(studio.path("aa.png")) as stored:
        assert stored.mode == "RGBA"
        assert stored.getpixel((1, 1)) == (0, 0, 0, 0)


@pytest.mark.parametrize(("orientation", "red_at"), [(1, (5, 20)), (3, (60, 20)), (6, (20, 5)), (8, (20, 60))])
def test_a_picture_is_turned_upright(studio: DirectoryMediaStore, orientation: int, red_at: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    made = done(studio.convert_image(files.picture(exif=exif), Format.JPEG, "aa"))
    assert made.size == (Dimensions(48, 64) if orientation in (6, 8) else Dimensions(64, 48))
    assert near(shown(studio, made.original).getpixel(red_at), RED)


def test_nothing_of_the_metadata_is_kept(studio: DirectoryMediaStore) -> None:
    exif, info = Image.Exif(), PngInfo()
    exif[0x010E] = "SECRETPLACE"
    info.add_text("Comment", "SECRETPLACE")
    for format, file in [
        (Format.JPEG, files.picture(exif=exif, comment=b"SECRETPLACE")),
        (Format.PNG, files.picture("PNG", pnginfo=info, exif=exif)),
        (Format.WEBP, files.picture("WEBP", exif=exif)),
        (Format.GIF, files.picture("GIF", mode="P", comment=b"SECRETPLACE")),
    ]:
        assert b"SECRETPLACE" in file.getvalue()
        done(studio.convert_image(file, format, f"a{format.value}"))
    kept = b"".join(path.read_bytes() for path in studio.directory.rglob("*") if path.is_file())
    assert b"SECRETPLACE" not in kept


def test_what_hangs_behind_a_picture_is_cut_off(studio: DirectoryMediaStore) -> None:
    file = BytesIO(files.picture().getvalue() + b"<script>alert(1)</script>PK\x03\x04")
    made = done(studio.convert_image(file, Format.JPEG, "aa"))
    assert b"script" not in studio.path(made.original).read_bytes()


def test_a_bomb_of_pixels_is_refused_before_it_is_decoded(studio: DirectoryMediaStore) -> None:
    file = files.saved(Image.new("1", (20_000, 20_000)), "PNG")
    assert len(file.getvalue()) < 100_000
    with pytest.raises(Invalid, match="20000x20000 images are not supported"):
        done(studio.convert_image(file, Format.PNG, "aa"))


@pytest.mark.parametrize("sent", [b"", b"\xff\xd8\xff", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%!PS-Adobe-3.0", b"GIF89a\0\0"])
def test_what_cannot_be_read_is_refused_and_nothing_is_kept(studio: DirectoryMediaStore, sent: bytes) -> None:
    for format in (Format.JPEG, Format.GIF):
        with pytest.raises(Invalid, match="could not be verified"):
            done(studio.convert_image(BytesIO(sent), format, "aa"))
    assert studio.names_with_stem("aa") == []


def test_where_the_disk_is_full_that_is_said_and_not_that_the_picture_is_broken(studio: DirectoryMediaStore) -> None:
    for name in ("aa.png", "aa.jpg", "aa.webp", "aa-small.png", "aa-small.jpg", "aa-small.webp"):
        studio.path(name).parent.mkdir(parents=True, exist_ok=True)
        studio.path(name).symlink_to("/dev/full")
    with pytest.raises(Unavailable, match="run out of storage"):
        done(studio.convert_image(files.picture(), Format.JPEG, "aa"))


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def described(format: str) -> bytes:
    """A picture with every kind of metadata that its format has."""
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
    return files.picture(format, exif=exif, icc_profile=PROFILE, **kinds[format]).getvalue()


def metadata(format: str, sent: bytes) -> list[tuple[int, int]]:
    """Where the parts with metadata are: first and last byte behind their heads."""
    parts, at = [], {"JPEG": 2, "PNG": 8, "WEBP": 12}[format]
    while at + 12 <= len(sent):
        if format == "JPEG":
            name, end = sent[at + 1 : at + 2], at + 2 + int.from_bytes(sent[at + 2 : at + 4])
            head, wanted = 4, 0xE0 <= name[0] <= 0xEF or name[0] == 0xFE
            if name[0] == 0xDA:
                break
        elif format == "PNG":
            name, end = sent[at + 4 : at + 8], at + 12 + int.from_bytes(sent[at : at + 4])
            head, wanted = 8, name not in (b"IHDR", b"IDAT", b"IEND")
        else:
            name, size = sent[at : at + 4], int.from_bytes(sent[at + 4 : at + 8], "little")
            end, head, wanted = at + 8 + size + size % 2, 8, name in (b"EXIF", b"ICCP", b"XMP ")
        parts += [(at + head, end)] if wanted else []
        at = end
    return parts


@pytest.mark.parametrize("format", [Format.JPEG, Format.PNG, Format.WEBP])
def test_metadata_that_cannot_be_read_are_ignored_whatever_their_kind(studio: DirectoryMediaStore, format: Format) -> None:
    whole, chance = described(format.value), random.Random(1)
    parts = metadata(format.value, whole)
    assert len(parts) >= 3
    for number, (start, end) in enumerate(parts * 3):
        sent = bytearray(whole)
        if number < len(parts):
            sent[start:end] = b"not what it was "[: end - start].ljust(end - start, b"?")
        else:
            for place in chance.sample(range(start, end), min(6, end - start)):
                sent[place] = chance.randrange(256)
        made = done(studio.convert_image(BytesIO(bytes(sent)), format, f"a{number}"))
        assert made.size in (Dimensions(64, 48), Dimensions(48, 64)), (start, end)
        assert near(shown(studio, made.original).getpixel((5, 5)), RED), (start, end)


def test_several_pictures_in_a_jpeg_are_no_animation(studio: DirectoryMediaStore) -> None:
    image = Image.open(files.picture())
    made = done(studio.convert_image(files.saved(image, "MPO", save_all=True, append_images=[image.copy()]), Format.JPEG, "aa"))
    assert (made.original, made.preview) == ("aa.jpg", "aa-small.jpg")


def test_a_preview_is_of_the_same_format_as_the_picture(studio: DirectoryMediaStore) -> None:
    for format, ending in ((Format.PNG, "png"), (Format.JPEG, "jpg"), (Format.WEBP, "webp"), (Format.GIF, "png")):
        made = done(studio.convert_image(files.picture(format.value, size=(900, 600)), format, f"a{ending}"))
        assert (made.preview or "").endswith(f"-small.{ending}")


def test_an_animation_that_is_too_large_is_refused_with_the_limit(tmp_path: Path) -> None:
    studio = fakes.studio(tmp_path, films=False)
    first, *others = [Image.new("1", (4_000, 2_600), number % 2) for number in range(10)]
    with pytest.raises(Invalid, match="more than 100,000,000 pixels in all their frames"):
        done(studio.convert_image(files.saved(first, "GIF", save_all=True, append_images=others), Format.GIF, "aa"))


def test_a_cut_off_picture_is_refused(studio: DirectoryMediaStore) -> None:
    whole = files.picture(size=(800, 600)).getvalue()
    with pytest.raises(Invalid):
        done(studio.convert_image(BytesIO(whole[: len(whole) // 2]), Format.JPEG, "aa"))


def test_one_format_is_never_taken_for_another(studio: DirectoryMediaStore) -> None:
    with pytest.raises(Invalid):
        done(studio.convert_image(files.picture("PNG"), Format.JPEG, "aa"))


def test_an_animation_stays_one_without_ffmpeg(tmp_path: Path) -> None:
    studio = fakes.studio(tmp_path, films=False)
    made = done(studio.convert_image(files.animation(4), Format.GIF, "aa"))
    assert (made.original, made.preview) == ("aa.gif", "aa-small.png")
    with Image.open(studio.path("aa.gif")) as image:
        assert getattr(image, "n_frames", 1) == 4


def test_a_portrait_is_cut_to_fit(studio: DirectoryMediaStore) -> None:
    name = done(studio.cropped(files.picture(size=(300, 900)), Format.JPEG, "aa", Dimensions(400, 400)))
    assert shown(studio, name).size == (400, 400)


def test_a_file_is_kept_and_removed_by_its_name(studio: DirectoryMediaStore) -> None:
    done(studio.store(BytesIO(b"content"), "upload-1"))
    with studio.open("upload-1") as file:
        assert file.read() == b"content"
    assert studio.names_with_stem("upload-1") == ["upload-1"]
    done(studio.delete(["upload-1", "never-there"]))
    with pytest.raises(NotFound):
        studio.open("upload-1")


# --- films


@needs_ffmpeg
def test_a_film_becomes_mp4_with_a_still_and_without_metadata(studio: DirectoryMediaStore) -> None:
    done(studio.store(files.film(), "upload-1"))
    kind, made = done(studio.convert_video("upload-1", Format.MP4, "aa"))
    assert (kind, made.original, made.preview, made.size, made.frame_rate) == (
        MediaKind.VIDEO,
        "aa.mp4",
        "aa-small.jpg",
        Dimensions(64, 48),
        "10/1",
    )
    assert made.duration == pytest.approx(1, abs=0.1)
    assert made.blurhash
    assert b"secret" not in studio.path("aa.mp4").read_bytes()
    assert studio.names_with_stem("aa") == ["aa-small.jpg", "aa.mp4"]


@needs_ffmpeg
def test_a_film_without_sound_and_a_moving_gif_play_by_themselves(studio: DirectoryMediaStore) -> None:
    for number, (file, format) in enumerate([(files.film(sound=False), Format.MP4), (files.animation(), Format.GIF)]):
        done(studio.store(file, f"upload-{number}"))
        kind, made = done(studio.convert_video(f"upload-{number}", format, f"a{number}"))
        assert (kind, made.original) == (MediaKind.GIFV, f"a{number}.mp4")


@needs_ffmpeg
def test_sound_becomes_mp3_without_a_picture(studio: DirectoryMediaStore) -> None:
    done(studio.store(files.tune(), "upload-1"))
    kind, made = done(studio.convert_video("upload-1", Format.WAV, "aa"))
    assert (kind, made.original, made.preview, made.size) == (MediaKind.AUDIO, "aa.mp3", None, None)
    assert made.duration == pytest.approx(1, abs=0.1)


@needs_ffmpeg
def test_the_cover_of_a_sound_is_its_preview(studio: DirectoryMediaStore) -> None:
    for number, (name, format) in enumerate([("tune.mp3", Format.MP3), ("tune.flac", Format.FLAC), ("tune.m4a", Format.MP4)]):
        done(studio.store(files.tune_with_cover(name), f"upload-{number}"))
        kind, made = done(studio.convert_video(f"upload-{number}", format, f"a{number}"))
        assert (kind, made.original, made.preview, made.size) == (MediaKind.AUDIO, f"a{number}.mp3", f"a{number}-small.jpg", None), name
        assert (made.preview_size, bool(made.blurhash)) == (Dimensions(120, 90), True)
        assert near(shown(studio, made.preview or "").getpixel((20, 40)), (254, 0, 0))
        assert studio.names_with_stem(f"a{number}") == [f"a{number}-small.jpg", f"a{number}.mp3"]


@needs_ffmpeg
def test_a_cover_that_cannot_be_read_costs_no_sound(studio: DirectoryMediaStore) -> None:
    sent = bytearray(files.tune_with_cover("tune.mp3").getvalue())
    at = sent.index(b"\x89PNG")
    sent[at + 8 : at + 200] = b"x" * 192
    done(studio.store(BytesIO(bytes(sent)), "upload-1"))
    kind, made = done(studio.convert_video("upload-1", Format.MP3, "aa"))
    assert (kind, made.original, made.preview) == (MediaKind.AUDIO, "aa.mp3", None)


@needs_ffmpeg
@pytest.mark.parametrize(("ratio", "shown_as"), [("2", Dimensions(128, 48)), ("8/9", Dimensions(56, 48)), ("1", Dimensions(64, 48))])
def test_a_film_with_other_than_square_pixels_has_the_size_that_it_is_shown_with(
    studio: DirectoryMediaStore, ratio: str, shown_as: Dimensions
) -> None:
    done(studio.store(files.film_like("-vf", f"setsar={ratio}"), "upload-1"))
    _, made = done(studio.convert_video("upload-1", Format.MP4, "aa"))
    assert (made.size, made.preview_size) == (shown_as, shown_as)
    told = done(fakes.run_here([*PROBE, str(studio.path("aa.mp4"))], 20)).output.decode().split()
    assert told in ([f"{shown_as.width},{shown_as.height},1:1"], [f"{shown_as.width},{shown_as.height},N/A"])


@needs_ffmpeg
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("-r", "1000"), r"^1000fps videos are not supported \(the maximum frame rate is 120\)$"),
        (("-vf", "scale=4000:2200,setsar=1"), r"^4000x2200 videos are not supported \(the maximum is 8,294,400 pixels\)$"),
        (("-vf", "scale=2000:100,setsar=60"), r"^120000x100 videos are not supported"),
    ],
)
def test_what_is_wrong_with_a_film_names_the_limit(studio: DirectoryMediaStore, options: tuple[str, ...], sentence: str) -> None:
    done(studio.store(files.film_like(*options), "upload-1"))
    with pytest.raises(Invalid) as caught:
        done(studio.convert_video("upload-1", Format.MP4, "aa"))
    assert re.search(sentence, caught.value.sentence)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("bounds", "sentence"),
    [(MediaLimits(1, 0.01, 4_000_000_000, 10_000_000), "takes too long"), (MediaLimits(60, 60, 4_000_000_000, 2_000), "larger than 0 MB")],
)
def test_a_film_that_takes_too_much_is_refused_with_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bounds: MediaLimits, sentence: str
) -> None:
    studio = fakes.studio(tmp_path)
    done(studio.store(files.film_like("-vf", "scale=640:480"), "upload-1"))
    monkeypatch.setattr("microblog.adapters.media_processing.FILM", bounds)
    with pytest.raises(Invalid, match=sentence):
        done(studio.convert_video("upload-1", Format.MP4, "aa"))


@needs_ffmpeg
def test_where_the_disk_is_full_a_film_is_not_called_broken(studio: DirectoryMediaStore) -> None:
    done(studio.store(files.film_like("-vf", "scale=640:480"), "upload-1"))
    studio.path("aa.mp4").parent.mkdir(parents=True)
    studio.path("aa.mp4").symlink_to("/dev/full")
    with pytest.raises(Unavailable, match="run out of storage"):
        done(studio.convert_video("upload-1", Format.MP4, "aa"))


@needs_ffmpeg
def test_a_film_that_names_other_files_reads_none_of_them(studio: DirectoryMediaStore, tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(files.film().getvalue())
    for text in (f"#EXTM3U\n#EXTINF:1,\nfile://{secret}\n", f"ffconcat version 1.0\nfile {secret}\n"):
        done(studio.store(BytesIO(text.encode()), "upload-1"))
        for format in (Format.MP4, Format.MATROSKA, Format.OGG):
            with pytest.raises(Invalid):
                done(studio.convert_video("upload-1", format, "aa"))


# --- the programs


def python(code: str, **bounds: int) -> list[str]:
    import sys

    return command_line([sys.executable, "-I", "-c", code], **({"seconds": 5, "memory": 500_000_000, "file": 1_000_000} | bounds))


@pytest.mark.parametrize(
    "greedy",
    [
        "bytearray(2_000_000_000)",
        "open('/tmp/microblog-test-large', 'wb').write(b'x' * 10_000_000)",
        "[open('/dev/null') for _ in range(1000)]",
    ],
)
def test_a_program_that_takes_too_much_fails(greedy: str) -> None:
    assert not done(fakes.run_here(python(f"files = {greedy}"), 10)).well
    Path("/tmp/microblog-test-large").unlink(missing_ok=True)


def test_a_program_that_computes_too_long_is_ended() -> None:
    assert not done(fakes.run_here(python("while True: pass", seconds=1), 10)).well


def test_a_program_sees_nothing_of_our_environment() -> None:
    ended = done(fakes.run_here(python("import os; print(sorted(os.environ))"), 10))
    assert ended.output == b"['LC_ALL', 'PATH']\n"


async def test_the_reactor_goes_on_while_a_program_runs_and_a_hanging_one_is_killed() -> None:
    run = runner(reactor)
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(1)
        reactor.callLater(0.01, tick) if len(ticks) < 10_000 and not over else None

    over: list[int] = []
    tick()
    ended = await run(python("import time; time.sleep(60)"), 0.5)
    over.append(1)
    assert not ended.well
    assert len(ticks) > 10


async def test_a_program_that_says_too_much_is_ended() -> None:
    assert not (await runner(reactor)(python("while True: print('x' * 1000)", seconds=20), 30)).well


async def test_what_a_program_says_comes_whole() -> None:
    ended = await runner(reactor)(python("print('x' * 200_000)"), 30)
    assert (ended.well, len(ended.output)) == (True, 200_001)
