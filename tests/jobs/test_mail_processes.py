"""Real processes that send real letters to a real mail server, and are killed while they do."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from microblog.model.emails import MAX_REJECTIONS
from microblog.storage.database import Connection, connect
from tests import make
from tests.acceptance.site_process import wait_until
from tests.mail_server import MailServer, mail_server
from tests.rfc5322 import problems

pytestmark = pytest.mark.acceptance
Start = Callable[[], "subprocess.Popen[bytes]"]
READERS, POSTS = 50, 4


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with mail_server(tmp_path / "mail") as running:
        yield running


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    connection = connect(database_url)
    yield connection
    connection.close()


@pytest.fixture
def start(database_url: str, server: MailServer) -> Iterator[Start]:
    began: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.jobs.one_mailer", database_url, str(server.port)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        began.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in began:
        process.kill()
        process.communicate()


def write(connection: Connection, names: list[str]) -> set[tuple[str, str]]:
    """Posts that name all of them; who is to get which letter."""
    now = datetime.now(UTC) - timedelta(seconds=1)
    with connection.cursor() as cursor:
        author = make.viewer(cursor, "author", now=now)
        readers = [make.member(cursor, f"reader{number}", email=f"{name}@example.org", now=now) for number, name in enumerate(names)]
        text = " ".join(f"@{reader.account.username}" for reader in readers)
        posts = [make.post(cursor, author, f"{number} {text}"[:5000], now=now) for number in range(POSTS)]
    connection.commit()
    return {(reader.login.email, f"<post.{post.id}.{reader.account.id}@site.test>") for reader in readers for post in posts}


def outbox(connection: Connection) -> dict[str, tuple[str, int]]:
    """State and tries of each letter, by its Message-ID."""
    with connection.cursor() as cursor:
        cursor.execute("select message_id, state, tries from emails")
        found = {name: (state, tries) for name, state, tries in cursor.fetchall()}
    connection.commit()
    return found


def standing(connection: Connection) -> Counter[tuple[str, str, int]]:
    """How many letters there are to each name, in each state, after so many tries."""
    with connection.cursor() as cursor:
        cursor.execute("select split_part(recipient, '@', 1), state, tries from emails")
        found = Counter(cursor.fetchall())
    connection.commit()
    return found


def test_every_mention_is_mailed_once(connection: Connection, server: MailServer, start: Start) -> None:
    wanted = write(connection, [f"ann{number}" for number in range(10)])
    processes = [start(), start()]
    assert [process.wait(60) for process in processes] == [0, 0]
    got = [(taken.recipient, str(taken.message["Message-ID"])) for taken in server.taken()]
    assert sorted(got) == sorted(wanted)
    assert set(outbox(connection).values()) == {("sent", 1)}


def test_of_two_hundred_mails_none_is_lost_whatever_is_killed_at_whatever_moment(
    connection: Connection, server: MailServer, start: Start
) -> None:
    names = [f"ann{number}" for number in range(READERS)]
    wanted = write(connection, names)
    assert len(wanted) == READERS * POSTS
    chance = random.Random(11)
    for _ in range(4):
        victim = start()
        time.sleep(chance.uniform(0.05, 0.5))
        victim.kill()
        victim.wait()
    cut_off = len(server.taken())
    assert cut_off < len(wanted), "they were killed too late"
    assert start().wait(60) == 0
    taken = server.taken()
    times = Counter((one.recipient, str(one.message["Message-ID"])) for one in taken)
    assert times.keys() == wanted, "none is lost, and a repeat has the name of the first"
    letters = outbox(connection)
    assert {state for state, _ in letters.values()} == {"sent"}
    for (_, name), count in times.items():
        assert count <= letters[name][1], "each repeat is counted"
    assert [problems(one.raw) for one in taken if problems(one.raw)] == []


def test_a_mail_whose_receipt_was_lost_is_repeated_under_its_name_and_refusals_and_drops_stop_nobody(
    connection: Connection, server: MailServer, start: Start
) -> None:
    write(connection, ["lose", "refuse", "drop", "defer", "ann"])
    process = start()

    def refused(stood: Counter[tuple[str, str, int]]) -> int:
        return stood[("refuse", "refused", 1)]

    def all_were_tried() -> bool:
        stood = standing(connection)
        told = refused(stood) + stood[("refuse", "cancelled", 0)]
        return stood[("ann", "sent", 1)] == stood[("lose", "deferred", 1)] == told == POSTS

    assert wait_until(all_were_tried), standing(connection)
    process.kill()
    assert refused(standing(connection)) >= MAX_REJECTIONS, "after so many refusals nothing is written to an address"
    with connection.cursor() as cursor:
        cursor.execute("update jobs set due_at = now() where state = 'waiting'")
    connection.commit()
    again = start()
    assert wait_until(lambda: len([one for one in server.taken() if one.recipient.startswith("lose")]) >= 2 * POSTS)
    again.kill()
    lost = Counter(str(one.message["Message-ID"]) for one in server.taken() if one.recipient.startswith("lose"))
    assert set(lost.values()) == {2}
    assert len(lost) == POSTS
