"""Tests of e-mail with a real mail server over TLS and with a login, from sign-up to a mention in the mailbox."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from tests.acceptance.site_client import PASSWORD, SiteClient
from tests.acceptance.site_process import SiteProcess, site_process, wait_until
from tests.certificates import create_certificates
from tests.mail_server import MailServer, ReceivedEmail, mail_server
from tests.rfc5322 import body_text, problems

pytestmark = pytest.mark.acceptance
USER, CANARY = "site", "canary-of-smtp"


@frozen
class MailSite:
    """A started site and its mail server."""

    site: SiteProcess
    server: MailServer

    def wait_for_email(self, to: str, containing: str = "") -> ReceivedEmail:
        """Wait for an e-mail to this address; return the newest."""
        found: list[ReceivedEmail] = []

        def has_arrived() -> bool:
            found[:] = [one for one in self.server.received() if one.recipient == to and containing in body_text(one.raw, "plain")]
            return bool(found)

        assert wait_until(has_arrived, 20), self.site.log
        assert problems(found[-1].raw) == []
        return found[-1]

    def sign_up_confirmed(self, username: str) -> SiteClient:
        """Sign up and confirm the e-mail address; return the logged-in client."""
        client = SiteClient(self.site)
        form = {"csrf": client.fetch_csrf_token("/signup"), "username": username, "email": f"{username}@example.org", "password": PASSWORD}
        assert client.request("POST", "/signup", form)[0] == 303
        assert client.request("GET", "/home")[1]["location"] == "/pending"
        path = link(self.wait_for_email(f"{username}@example.org"), "/confirm/")
        status, headers, _ = client.request("POST", path, {"csrf": client.fetch_csrf_token(path)})
        assert (status, headers["location"]) == (303, "/home?notice=confirmed")
        client.fetch_csrf_token("/home")
        return client


def link(email: ReceivedEmail, prefix: str) -> str:
    found = re.search(rf"http://127\.0\.0\.1:\d+({prefix}\S+)", body_text(email.raw, "plain"))
    assert found
    return found[1]


@pytest.fixture(scope="module")
def mail_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailSite]:
    directory = tmp_path_factory.mktemp("mail-site")
    certificate_files = create_certificates(directory)
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate_files.authority))
    with mail_server(directory / "mail", tls="starttls", certificate=str(certificate_files.server), users={USER: CANARY}) as server:
        url = f"smtp://{USER}:{CANARY}@localhost:{server.port}"
        settings = {"smtp_url": url, "smtp_tls": "required", "mail_delay": "0", "registration": "open", "rate_limits": "off"}
        with site_process(directory, **settings) as site:
            site.start()
            yield MailSite(site, server)
            site.stop()
    monkeypatch.undo()


def test_mentions_are_mailed_until_the_user_unsubscribes(mail_site: MailSite) -> None:
    ann, ben = mail_site.sign_up_confirmed("ann"), mail_site.sign_up_confirmed("ben")
    ann.publish("Good morning @ben, did you sleep well?", "one")
    email = mail_site.wait_for_email("ben@example.org", "did you sleep well?")
    path = link(email, "/@ann/")
    assert "did you sleep well?" in ben.request("GET", path)[2]
    unsubscribe = str(email.message["List-Unsubscribe"]).strip("<>").removeprefix(mail_site.site.url)
    assert SiteClient(mail_site.site).request("POST", unsubscribe, {"List-Unsubscribe": "One-Click"})[0] == 200
    ann.publish("And now, @ben?", "two")
    ben.publish("Fine, @ann", "three")
    mail_site.wait_for_email("ann@example.org", "Fine, @ann")
    assert not [one for one in mail_site.server.received() if "And now" in body_text(one.raw, "plain")]


def test_a_forgotten_password_is_reset_by_email(mail_site: MailSite) -> None:
    mail_site.sign_up_confirmed("cleo")
    client = SiteClient(mail_site.site)
    client.request("POST", "/password/forgot", {"csrf": client.fetch_csrf_token("/password/forgot"), "name": "cleo"})
    path = link(mail_site.wait_for_email("cleo@example.org", "/password/reset/"), "/password/reset/")
    status, headers, _ = client.request("POST", path, {"csrf": client.fetch_csrf_token(path), "password": "another long one"})
    assert (status, headers["location"]) == (303, "/login?notice=password")
    login = {"csrf": client.fetch_csrf_token("/login"), "name": "cleo", "password": "another long one"}
    assert client.request("POST", "/login", login)[1]["location"] == "/home"


def test_the_logs_contain_no_links_or_passwords(mail_site: MailSite) -> None:
    mail_site.sign_up_confirmed("dora")
    secret = link(mail_site.wait_for_email("dora@example.org"), "/confirm/").rpartition("/")[2]
    logs = [mail_site.site.log_file, *(mail_site.site.data_dir / "log").iterdir()]
    text = "".join(Path(log).read_text("utf-8", "replace") for log in logs)
    assert "/confirm/<secret:token>" in text
    assert secret not in text
    assert CANARY not in text
