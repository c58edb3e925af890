"""Tests of e-mail with a real mail server over TLS and with a login, from sign-up to a mention in the mailbox."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from tests.acceptance.site_client import PASSWORD, SiteClient
from tests.acceptance.site_process import SiteProcess, site_process, wait_until
from tests.certificates import certificates
from tests.mail_server import MailServer, Taken, mail_server
from tests.rfc5322 import body, problems

pytestmark = pytest.mark.acceptance
USER, CANARY = "site", "canary-of-smtp"


@frozen
class Town:
    site: SiteProcess
    server: MailServer

    def letter(self, to: str, containing: str = "") -> Taken:
        """The newest letter to somebody, once it is there."""
        found: list[Taken] = []

        def arrived() -> bool:
            found[:] = [one for one in self.server.taken() if one.recipient == to and containing in body(one.raw, "plain")]
            return bool(found)

        assert wait_until(arrived, 20), self.site.log
        assert problems(found[-1].raw) == []
        return found[-1]

    def resident(self, username: str) -> SiteClient:
        """Somebody who has signed up and opened the link in the letter."""
        visitor = SiteClient(self.site)
        form = {"csrf": visitor.fetch_csrf_token("/signup"), "username": username, "email": f"{username}@example.org", "password": PASSWORD}
        assert visitor.request("POST", "/signup", form)[0] == 303
        assert visitor.request("GET", "/home")[1]["location"] == "/pending"
        path = link(self.letter(f"{username}@example.org"), "/confirm/")
        status, headers, _ = visitor.request("POST", path, {"csrf": visitor.fetch_csrf_token(path)})
        assert (status, headers["location"]) == (303, "/home?notice=confirmed")
        visitor.fetch_csrf_token("/home")
        return visitor


def link(letter: Taken, begin: str) -> str:
    found = re.search(rf"http://127\.0\.0\.1:\d+({begin}\S+)", body(letter.raw, "plain"))
    assert found
    return found[1]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    directory = tmp_path_factory.mktemp("place")
    signed = certificates(directory)
    patch = pytest.MonkeyPatch()
    patch.setenv("SSL_CERT_FILE", str(signed.authority))
    with mail_server(directory / "mail", tls="starttls", certificate=str(signed.server), users={USER: CANARY}) as server:
        url = f"smtp://{USER}:{CANARY}@localhost:{server.port}"
        settings = {"smtp_url": url, "smtp_tls": "required", "mail_delay": "0", "registration": "open", "rate_limits": "off"}
        with site_process(directory, **settings) as made:
            made.start()
            yield Town(made, server)
            made.stop()
    patch.undo()


def test_people_confirm_are_named_and_read_it_in_their_mailbox(place: Town) -> None:
    ann, ben = place.resident("ann"), place.resident("ben")
    ann.publish("Good morning @ben, did you sleep well?", "one")
    letter = place.letter("ben@example.org", "did you sleep well?")
    path = link(letter, "/@ann/")
    assert "did you sleep well?" in ben.request("GET", path)[2]
    unsubscribe = str(letter.message["List-Unsubscribe"]).strip("<>").removeprefix(place.site.url)
    assert SiteClient(place.site).request("POST", unsubscribe, {"List-Unsubscribe": "One-Click"})[0] == 200
    ann.publish("And now, @ben?", "two")
    ben.publish("Fine, @ann", "three")
    place.letter("ann@example.org", "Fine, @ann")
    assert not [one for one in place.server.taken() if "And now" in body(one.raw, "plain")]


def test_a_forgotten_password_is_replaced(place: Town) -> None:
    place.resident("cleo")
    visitor = SiteClient(place.site)
    visitor.request("POST", "/password/forgot", {"csrf": visitor.fetch_csrf_token("/password/forgot"), "name": "cleo"})
    path = link(place.letter("cleo@example.org", "/password/reset/"), "/password/reset/")
    status, headers, _ = visitor.request("POST", path, {"csrf": visitor.fetch_csrf_token(path), "password": "another long one"})
    assert (status, headers["location"]) == (303, "/login?notice=password")
    login = {"csrf": visitor.fetch_csrf_token("/login"), "name": "cleo", "password": "another long one"}
    assert visitor.request("POST", "/login", login)[1]["location"] == "/home"


def test_neither_links_nor_passwords_are_in_the_logs(place: Town) -> None:
    place.resident("dora")
    secret = link(place.letter("dora@example.org"), "/confirm/").rpartition("/")[2]
    logs = [place.site.log_file, *(place.site.data_dir / "log").iterdir()]
    text = "".join(Path(log).read_text("utf-8", "replace") for log in logs)
    assert "/confirm/<secret:token>" in text
    assert secret not in text
    assert CANARY not in text
