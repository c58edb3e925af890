"""What comes out of the studio: pictures that show what was uploaded and nothing else, whatever was in the file."""

from __future__ import annotations

import shutil
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from twisted.internet import reactor

from microblog.model.errors import Invalid, NotFound, Unavailable
from microblog.model.media import Format, Frame, MediaKind
from microblog.outside.children import runner
from microblog.outside.confined import command_line
from microblog.outside.studio import PREVIEW_AREA, Studio
from tests import fakes, files
from tests.fakes import done

needs_ffmpeg = pytest.mark.skipif(not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="films need ffmpeg")
RED, BLUE = (254, 0, 0), (0, 0, 254)


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return fakes.studio(tmp_path)


def shown(studio: Studio, name: str) -> Image.Image:
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
def test_each_format_becomes_one_that_every_browser_shows(studio: Studio, format: Format, ending: str, mode: str) -> None:
    made = done(studio.picture(files.picture(format.value, mode=mode), format, "aa"))
    assert made.original == f"aa{ending}"
    assert (made.size, made.preview_size) == (Frame(64, 48), Frame(64, 48))
    assert len(made.blurhash or "") == 36
    if mode != "L":
        image = shown(studio, made.original)
        assert near(image.getpixel((5, 20)), RED)
        assert near(image.getpixel((60, 20)), BLUE)


def test_sixteen_bit_pictures_are_not_blown_out(studio: Studio) -> None:
    image = Image.new("I;16", (8, 8), 0x8000)
    made = done(studio.picture(files.saved(image, "PNG"), Format.PNG, "aa"))
    assert near(shown(studio, made.original).getpixel((3, 3)), (128, 128, 128))


def test_a_large_picture_is_made_smaller_and_its_preview_small(studio: Studio) -> None:
    made = done(studio.picture(files.picture(size=(5000, 2500)), Format.JPEG, "aa"))
    assert made.size is not None
    assert made.preview_size is not None
    assert made.size.area <= 8_294_400
    assert PREVIEW_AREA * 0.95 < made.preview_size.area <= PREVIEW_AREA
    assert abs(made.size.width / made.size.height - 2) < 0.01


def test_transparency_stays(studio: Studio) -> None:
    image = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    made = done(studio.picture(files.saved(image, "PNG"), Format.PNG, "aa"))
    assert made.original == "aa.png"
    with Image.open(studio.path("aa.png")) as stored:
        assert stored.mode == "RGBA"
        assert stored.getpixel((1, 1)) == (0, 0, 0, 0)


@pytest.mark.parametrize(("orientation", "red_at"), [(1, (5, 20)), (3, (60, 20)), (6, (20, 5)), (8, (20, 60))])
def test_a_picture_is_turned_upright(studio: Studio, orientation: int, red_at: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    made = done(studio.picture(files.picture(exif=exif), Format.JPEG, "aa"))
    assert made.size == (Frame(48, 64) if orientation in (6, 8) else Frame(64, 48))
    assert near(shown(studio, made.original).getpixel(red_at), RED)


def test_nothing_of_the_metadata_is_kept(studio: Studio) -> None:
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
        done(studio.picture(file, format, f"a{format.value}"))
    kept = b"".join(path.read_bytes() for path in studio.directory.rglob("*") if path.is_file())
    assert b"SECRETPLACE" not in kept


def test_what_hangs_behind_a_picture_is_cut_off(studio: Studio) -> None:
    file = BytesIO(files.picture().getvalue() + b"<script>alert(1)</script>PK\x03\x04")
    made = done(studio.picture(file, Format.JPEG, "aa"))
    assert b"script" not in studio.path(made.original).read_bytes()


def test_a_bomb_of_pixels_is_refused_before_it_is_decoded(studio: Studio) -> None:
    file = files.saved(Image.new("1", (20_000, 20_000)), "PNG")
    assert len(file.getvalue()) < 100_000
    with pytest.raises(Invalid, match="20000x20000 images are not supported"):
        done(studio.picture(file, Format.PNG, "aa"))


@pytest.mark.parametrize("sent", [b"", b"\xff\xd8\xff", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%!PS-Adobe-3.0", b"GIF89a\0\0"])
def test_what_cannot_be_read_is_refused_and_nothing_is_kept(studio: Studio, sent: bytes) -> None:
    for format in (Format.JPEG, Format.GIF):
        with pytest.raises(Invalid, match="could not be verified"):
            done(studio.picture(BytesIO(sent), format, "aa"))
    assert studio.beginning("aa") == []


def test_where_the_disk_is_full_that_is_said_and_not_that_the_picture_is_broken(studio: Studio) -> None:
    for name in ("aa.png", "aa.jpg", "aa.webp", "aa-small.png", "aa-small.jpg", "aa-small.webp"):
        studio.path(name).parent.mkdir(parents=True, exist_ok=True)
        studio.path(name).symlink_to("/dev/full")
    with pytest.raises(Unavailable, match="no room left"):
        done(studio.picture(files.picture(), Format.JPEG, "aa"))


def test_a_cut_off_picture_is_refused(studio: Studio) -> None:
    whole = files.picture(size=(800, 600)).getvalue()
    with pytest.raises(Invalid):
        done(studio.picture(BytesIO(whole[: len(whole) // 2]), Format.JPEG, "aa"))


def test_one_format_is_never_taken_for_another(studio: Studio) -> None:
    with pytest.raises(Invalid):
        done(studio.picture(files.picture("PNG"), Format.JPEG, "aa"))


def test_an_animation_stays_one_without_ffmpeg(tmp_path: Path) -> None:
    studio = fakes.studio(tmp_path, films=False)
    made = done(studio.picture(files.animation(4), Format.GIF, "aa"))
    assert (made.original, made.preview) == ("aa.gif", "aa-small.jpg")
    with Image.open(studio.path("aa.gif")) as image:
        assert getattr(image, "n_frames", 1) == 4


def test_a_portrait_is_cut_to_fit(studio: Studio) -> None:
    name = done(studio.portrait(files.picture(size=(300, 900)), Format.JPEG, "aa", Frame(400, 400)))
    assert shown(studio, name).size == (400, 400)


def test_a_file_is_kept_and_removed_by_its_name(studio: Studio) -> None:
    done(studio.keep(BytesIO(b"content"), "upload-1"))
    with studio.open("upload-1") as file:
        assert file.read() == b"content"
    assert studio.beginning("upload-1") == ["upload-1"]
    done(studio.remove(["upload-1", "never-there"]))
    with pytest.raises(NotFound):
        studio.open("upload-1")


# --- films


@needs_ffmpeg
def test_a_film_becomes_mp4_with_a_still_and_without_metadata(studio: Studio) -> None:
    done(studio.keep(files.film(), "upload-1"))
    kind, made = done(studio.film("upload-1", Format.MP4, "aa"))
    assert (kind, made.original, made.preview, made.size, made.frame_rate) == (
        MediaKind.VIDEO,
        "aa.mp4",
        "aa-small.jpg",
        Frame(64, 48),
        "10/1",
    )
    assert made.duration == pytest.approx(1, abs=0.1)
    assert made.blurhash
    assert b"secret" not in studio.path("aa.mp4").read_bytes()
    assert studio.beginning("aa") == ["aa-small.jpg", "aa.mp4"]


@needs_ffmpeg
def test_a_film_without_sound_and_a_moving_gif_play_by_themselves(studio: Studio) -> None:
    for number, (file, format) in enumerate([(files.film(sound=False), Format.MP4), (files.animation(), Format.GIF)]):
        done(studio.keep(file, f"upload-{number}"))
        kind, made = done(studio.film(f"upload-{number}", format, f"a{number}"))
        assert (kind, made.original) == (MediaKind.GIFV, f"a{number}.mp4")


@needs_ffmpeg
def test_sound_becomes_mp3_without_a_picture(studio: Studio) -> None:
    done(studio.keep(files.tune(), "upload-1"))
    kind, made = done(studio.film("upload-1", Format.WAV, "aa"))
    assert (kind, made.original, made.preview, made.size) == (MediaKind.AUDIO, "aa.mp3", None, None)
    assert made.duration == pytest.approx(1, abs=0.1)


@needs_ffmpeg
def test_a_film_that_names_other_files_reads_none_of_them(studio: Studio, tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(files.film().getvalue())
    for text in (f"#EXTM3U\n#EXTINF:1,\nfile://{secret}\n", f"ffconcat version 1.0\nfile {secret}\n"):
        done(studio.keep(BytesIO(text.encode()), "upload-1"))
        for format in (Format.MP4, Format.MATROSKA, Format.OGG):
            with pytest.raises(Invalid):
                done(studio.film("upload-1", format, "aa"))


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
