"""Tests of processes that send e-mail to a real mail server and are killed meanwhile."""

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
StartMailer = Callable[[], "subprocess.Popen[bytes]"]
READERS, POSTS = 50, 4


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with mail_server(tmp_path / "mail") as server:
        yield server


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    connection = connect(database_url)
    yield connection
    connection.close()


@pytest.fixture
def start(database_url: str, server: MailServer) -> Iterator[StartMailer]:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.jobs.mailer_process", database_url, str(server.port)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def publish_mentions(connection: Connection, names: list[str]) -> set[tuple[str, str]]:
    """Publish posts that mention every reader; return the expected recipients and Message-IDs."""
    now = datetime.now(UTC) - timedelta(seconds=1)
    with connection.cursor() as cursor:
        author = make.viewer(cursor, "author", now=now)
        readers = [make.member(cursor, f"reader{number}", email=f"{name}@example.org", now=now) for number, name in enumerate(names)]
        text = " ".join(f"@{reader.account.username}" for reader in readers)
        posts = [make.post(cursor, author, f"{number} {text}"[:5000], now=now) for number in range(POSTS)]
    connection.commit()
    return {(reader.login.email, f"<post.{post.id}.{reader.account.id}@site.test>") for reader in readers for post in posts}


def email_states(connection: Connection) -> dict[str, tuple[str, int]]:
    """Return state and tries of each e-mail by Message-ID."""
    with connection.cursor() as cursor:
        cursor.execute("select message_id, state, tries from emails")
        found = {name: (state, tries) for name, state, tries in cursor.fetchall()}
    connection.commit()
    return found


def email_counts(connection: Connection) -> Counter[tuple[str, str, int]]:
    """Return the number of e-mails by local part, state and tries."""
    with connection.cursor() as cursor:
        cursor.execute("select split_part(recipient, '@', 1), state, tries from emails")
        found = Counter(cursor.fetchall())
    connection.commit()
    return found


def test_every_mention_is_mailed_once(connection: Connection, server: MailServer, start: StartMailer) -> None:
    expected = publish_mentions(connection, [f"ann{number}" for number in range(10)])
    processes = [start(), start()]
    assert [process.wait(60) for process in processes] == [0, 0]
    received = [(taken.recipient, str(taken.message["Message-ID"])) for taken in server.received()]
    assert sorted(received) == sorted(expected)
    assert set(email_states(connection).values()) == {("sent", 1)}


def test_no_email_is_lost_although_processes_are_killed(connection: Connection, server: MailServer, start: StartMailer) -> None:
    names = [f"ann{number}" for number in range(READERS)]
    expected = publish_mentions(connection, names)
    assert len(expected) == READERS * POSTS
    rng = random.Random(11)
    for _ in range(4):
        victim = start()
        time.sleep(rng.uniform(0.05, 0.5))
        victim.kill()
        victim.wait()
    cut_off = len(server.received())
    assert cut_off < len(expected), "the processes were killed too late"
    assert start().wait(60) == 0
    taken = server.received()
    times = Counter((one.recipient, str(one.message["Message-ID"])) for one in taken)
    assert times.keys() == expected, "none is lost, and a repeat has the Message-ID of the first"
    states = email_states(connection)
    assert {state for state, _ in states.values()} == {"sent"}
    for (_, name), count in times.items():
        assert count <= states[name][1], "each repeat is counted"
    assert [problems(one.raw) for one in taken if problems(one.raw)] == []


def test_an_unacknowledged_email_is_repeated_with_the_same_message_id(
    connection: Connection, server: MailServer, start: StartMailer
) -> None:
    publish_mentions(connection, ["lose", "refuse", "drop", "defer", "ann"])
    process = start()

    def refused_count(counts: Counter[tuple[str, str, int]]) -> int:
        return counts[("refuse", "refused", 1)]

    def all_were_attempted() -> bool:
        counts = email_counts(connection)
        refused_total = refused_count(counts) + counts[("refuse", "cancelled", 0)]
        return counts[("ann", "sent", 1)] == counts[("lose", "deferred", 1)] == refused_total == POSTS

    assert wait_until(all_were_attempted), email_counts(connection)
    process.kill()
    assert refused_count(email_counts(connection)) >= MAX_REJECTIONS, "after this many refusals no e-mail is sent to the address"
    with connection.cursor() as cursor:
        cursor.execute("update jobs set due_at = now() where state = 'waiting'")
    connection.commit()
    second = start()
    assert wait_until(lambda: len([one for one in server.received() if one.recipient.startswith("lose")]) >= 2 * POSTS)
    second.kill()
    lost = Counter(str(one.message["Message-ID"]) for one in server.received() if one.recipient.startswith("lose"))
    assert set(lost.values()) == {2}
    assert len(lost) == POSTS
