"""Large bodies do not live in memory, and leave nothing behind."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from attrs import define

from microblog.web.answer import Answer
from microblog.web.call import Call
from microblog.web.needs import Needs, route
from microblog.web.server import Server
from microblog.web.spool import IN_MEMORY
from tests.web.house import House, house
from tests.web.memory import Line, Reply, replies, request

MEGABYTE = 1024 * 1024
KIND = "multipart/form-data; boundary=xyz"


@define(eq=False)
class Attic:
    """Takes files and remembers how it saw them."""

    seen: list[tuple[str, int, bytes]]

    @route("POST", "/attic", Needs(csrf=False, body=1_000, files=40 * MEGABYTE))
    async def store(self, call: Call) -> Answer:
        """Look at the file."""
        upload = call.fields.upload("file")
        assert upload is not None
        self.seen.append((call.fields.text("name"), upload.size, upload.file.read(5)))
        return Answer.html("stored")


@pytest.fixture
def attic() -> Attic:
    return Attic([])


@pytest.fixture
def home(attic: Attic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return house(features=[attic])


def form(size: int) -> bytes:
    name = b'--xyz\r\nContent-Disposition: form-data; name="name"\r\n\r\nfilm\r\n'
    file = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
    return name + file + b"begin" + b"x" * (size - 5) + b"\r\n--xyz--\r\n"


def send(server: Server, body: bytes, kind: str = KIND) -> Reply:
    line = Line(server)
    head = request("POST", "/attic", {"Content-Type": kind, "Content-Length": str(len(body))})
    answer = line.send(head)
    for start in range(0, len(body), 65_536):
        answer = answer or line.send(body[start : start + 65_536])
    (reply,) = replies(answer)
    return reply


@pytest.mark.parametrize("size", [100, IN_MEMORY - 1_000, IN_MEMORY + 1, 8 * MEGABYTE])
def test_a_file_arrives_whole_whatever_its_size(home: House, attic: Attic, size: int) -> None:
    assert send(home.server, form(size)).status == 200
    assert attic.seen == [("film", size, b"begin")]
    assert (home.server.budget.in_memory, home.server.budget.on_disk) == (0, 0)


def test_a_large_file_takes_no_memory(home: House, attic: Attic) -> None:
    body = form(32 * MEGABYTE)
    tracemalloc.start()
    assert send(home.server, body).status == 200
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert attic.seen[0][1] == 32 * MEGABYTE
    assert peak < 4 * MEGABYTE


def test_only_forms_with_files_may_be_that_large(home: House) -> None:
    assert send(home.server, form(2_000), "text/plain").status == 413
    assert send(home.server, form(41 * MEGABYTE)).status == 413
    assert (home.server.budget.in_memory, home.server.budget.on_disk) == (0, 0)


def test_the_texts_beside_a_file_stay_small(home: House) -> None:
    body = form(100).replace(b"film", b"f" * (2 * MEGABYTE))
    assert send(home.server, body).status == 413


def test_a_client_that_hangs_up_leaves_nothing(home: House) -> None:
    line = Line(home.server)
    line.send(request("POST", "/attic", {"Content-Type": KIND, "Content-Length": "9000000"}) + form(5_000_000))
    assert home.server.budget.on_disk > 5_000_000
    line.hang_up()
    assert (home.server.budget.in_memory, home.server.budget.on_disk) == (0, 0)


def test_all_files_together_take_only_so_much_disk(home: House) -> None:
    home.server.budget.disk = 3 * MEGABYTE
    lines = [Line(home.server) for _ in range(3)]
    head = request("POST", "/attic", {"Content-Type": KIND, "Content-Length": "9000000"})
    answers = [line.send(head + form(2 * MEGABYTE)) for line in lines]
    assert [bool(answer) for answer in answers] == [False, True, True]
    assert replies(answers[1])[0].status == 503
    for line in lines:
        line.hang_up()
    assert home.server.budget.on_disk == 0
