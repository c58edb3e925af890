"""`microblog mail test`, run as the real program with a real mail server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from microblog.config import secret_key
from tests.acceptance.site_process import environment, free_port
from tests.forked_programs import MICROBLOG, run_forked
from tests.mail_server import MailServer, mail_server
from tests.rfc5322 import body_text, parse, problems

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    with mail_server(tmp_path_factory.mktemp("mail")) as running:
        yield running


def microblog(directory: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    given = environment(data_dir=str(directory), public_url="https://site.test", site_name="Ours", **settings)
    return run_forked(MICROBLOG, ["microblog", "mail", "test", *arguments], environment=given)


def test_a_test_email_arrives_and_the_response_of_the_server_is_shown(server: MailServer, tmp_path: Path) -> None:
    done = microblog(tmp_path, "ann@example.org", smtp_url=f"smtp://localhost:{server.port}", contact_email="boss@site.test")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"The mail server at localhost:{server.port} accepted the e-mail: 250 2.0.0 Taken over\n"
    taken = server.received()[-1]
    assert (taken.sender, taken.recipient, problems(taken.raw)) == ("boss@site.test", "ann@example.org", [])
    message = parse(taken.raw)
    assert (message["Subject"], message["From"].addresses[0].addr_spec) == ("Test e-mail from Ours", "boss@site.test")
    assert "An administrator of Ours sent this e-mail" in body_text(taken.raw, "html").replace("<bdi>", "").replace("</bdi>", "")


def test_a_refusal_is_shown_and_ends_with_1(server: MailServer, tmp_path: Path) -> None:
    done = microblog(tmp_path, "refuse@example.org", "--json", smtp_url=f"smtp://localhost:{server.port}")
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"fate": "refused", "answer": "550 5.1.1 No such mailbox", "place": f"localhost:{server.port}"}


def test_a_refused_connection_is_reported_without_the_password(tmp_path: Path) -> None:
    done = microblog(tmp_path, "ann@example.org", smtp_url=f"smtp://me:canary@localhost:{free_port()}")
    assert done.returncode == 1
    assert "Could not deliver the e-mail to localhost" in done.stdout
    assert "canary" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_site_without_a_mail_server_stores_the_email_in_a_private_file(tmp_path: Path) -> None:
    secret_key(tmp_path / "var")  # what the first start of a site on a database of its own leaves in the data directory
    done = microblog(tmp_path / "var", "ann@example.org", database_url="postgresql:///elsewhere")
    assert (done.returncode, done.stderr) == (0, "")
    [letter] = (tmp_path / "var" / "mail").iterdir()
    assert letter.name in done.stdout
    assert letter.suffix == ".eml"
    assert letter.stat().st_mode & 0o777 == 0o600
    assert letter.parent.stat().st_mode & 0o777 == 0o700
    assert problems(letter.read_bytes()) == []


@pytest.mark.parametrize("address", ["nowhere", "two@words here", "a@b.example\r\nBcc: eve@evil.example"])
def test_an_invalid_address_is_refused_with_a_sentence(tmp_path: Path, address: str) -> None:
    done = microblog(tmp_path, address)
    assert done.returncode == 1
    assert "E-mail address is invalid" in done.stderr
