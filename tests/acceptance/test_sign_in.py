"""Tests of OAuth by real clients on a started site: with redirect and with out-of-band codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import closing
from html import unescape
from itertools import count
from pathlib import Path
from subprocess import PIPE, STDOUT
from urllib.parse import parse_qs, urlsplit

import psycopg2
import pytest
from attrs import define
from mastodon import Mastodon
from mastodon.errors import MastodonUnauthorizedError
from psycopg2.sql import SQL, Identifier

from tests.acceptance.site_client import PASSWORD, SiteClient
from tests.acceptance.site_process import SiteProcess, environment

pytestmark = pytest.mark.acceptance

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_CODE = re.compile(r'id="code" value="([^"]+)"')
ALL_SCOPES = ["read", "write", "follow", "push"]


def consent(visitor: SiteClient, url: str) -> str:
    """Let the app in that sends people to this address; where they are sent then."""
    parts = urlsplit(url)
    status, _, page = visitor.request("GET", f"{parts.path}?{parts.query}")
    assert status == 200, page
    form = page[page.index('action="/oauth/authorize"') :]
    fields = {unescape(name): unescape(value) for name, value in _HIDDEN.findall(form[: form.index("</form>")])}
    status, headers, page = visitor.request("POST", "/oauth/authorize", fields | {"decision": "allow"})
    assert status == 302, page
    return headers["location"]


def out_of_band_code(visitor: SiteClient, url: str) -> str:
    """The code that somebody copies from the page."""
    found = _CODE.search(visitor.request("GET", consent(visitor, url))[2])
    assert found
    return found[1]


@define
class Person(SiteClient):
    """Somebody with a name."""

    name: str = ""


_numbers = count(1)


@pytest.fixture
def ada(running_site: SiteProcess) -> Person:
    person = Person(running_site, name=f"ada{next(_numbers)}")
    person.sign_up(person.name)
    return person


def register_app(site: SiteProcess, redirect_uri: str | None = None) -> Mastodon:
    secrets = Mastodon.create_app(
        "Tester", scopes=ALL_SCOPES, redirect_uris=redirect_uri, website="https://tester.example", api_base_url=site.url
    )
    return Mastodon(*secrets, api_base_url=site.url)


def test_mastodon_py_signs_in_by_a_typed_code_and_out(running_site: SiteProcess, ada: Person) -> None:
    client = register_app(running_site)
    code = out_of_band_code(ada, client.auth_request_url(scopes=ALL_SCOPES, allow_http=True))
    token = client.log_in(code=code, scopes=ALL_SCOPES, allow_http=True)
    assert client.me().username == ada.name
    assert client.app_verify_credentials().name == "Tester"
    client.revoke_access_token(allow_http=True)
    with pytest.raises(MastodonUnauthorizedError):
        Mastodon(access_token=token, api_base_url=running_site.url).me()


def test_mastodon_py_signs_in_by_redirect(running_site: SiteProcess, ada: Person) -> None:
    callback = "http://localhost:1234/callback?x=1"
    client = register_app(running_site, callback)
    target = consent(ada, client.auth_request_url(redirect_uris=callback, scopes=["read"], state="7", allow_http=True))
    assert target.startswith(f"{callback}&code=")
    returned = parse_qs(urlsplit(target).query)
    assert returned["state"] == ["7"]
    client.log_in(code=returned["code"][0], redirect_uri=callback, scopes=["read"], allow_http=True)
    assert client.me().username == ada.name


def toot(home: Path, *arguments: str) -> str:
    """What it prints."""
    done = subprocess.run(toot_command(*arguments), env=toot_environment(home), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def toot_command(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("toot")), *arguments]


def toot_environment(home: Path) -> dict[str, str]:
    return environment() | {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "PYTHONUNBUFFERED": "1"}


def test_toot_signs_in_by_a_typed_code(running_site: SiteProcess, ada: Person, tmp_path: Path) -> None:
    command = toot_command("login", "--instance", running_site.url)
    with subprocess.Popen(command, env=toot_environment(tmp_path), stdin=PIPE, stdout=PIPE, stderr=STDOUT, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = next(line.strip() for line in process.stdout if "/oauth/authorize" in line)
        said, _ = process.communicate(f"n\n{out_of_band_code(ada, url)}\n", timeout=60)
        assert "Successfully logged in" in said
    assert ada.name in toot(tmp_path, "auth")
    assert ada.name in toot(tmp_path, "whoami")


def dump(site: SiteProcess) -> str:
    """Everything that the database has, as text."""
    with closing(psycopg2.connect(site.database_url())) as connection, connection.cursor() as cursor:
        cursor.execute("select tablename from pg_tables where schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        kept = ""
        for table in tables:
            cursor.execute(SQL("select json_agg(t)::text from {} t").format(Identifier(table)))
            kept += str(cursor.fetchone())
        return kept


def sign_up_by(client: Mastodon, site: SiteProcess) -> dict[str, str]:
    """Somebody signs up by a program, and mistypes the password later: what nobody else may learn of that."""
    name, password, sent = f"eve{next(_numbers)}", "a password of another", SiteClient(site)
    known = {"client_id": str(client.client_id), "client_secret": str(client.client_secret)}
    own = known | {"grant_type": "client_credentials", "scope": "write"}
    given = json.loads(sent.request("POST", "/oauth/token", own)[2])["access_token"]
    person = {"username": name, "email": f"{name}@example.org", "password": password, "agreement": "true", "locale": "en"}
    status, _, body = sent.request("POST", "/api/v1/accounts", person, Authorization=f"Bearer {given}")
    assert status == 200, body
    wrong = {"csrf": sent.fetch_csrf_token("/login"), "name": name, "password": f"{password}, mistyped"}
    assert sent.request("POST", "/login", wrong)[0] == 401
    return {"password of a newcomer": password, "token of the app": given, "token of a newcomer": json.loads(body)["access_token"]}


def test_no_secret_is_in_the_database_or_in_a_log(running_site: SiteProcess, ada: Person) -> None:
    client = register_app(running_site)
    code = out_of_band_code(ada, client.auth_request_url(scopes=ALL_SCOPES, allow_http=True))
    used = client.log_in(code=code, scopes=ALL_SCOPES, allow_http=True)
    client.me()
    for path in ("/api/v1/accounts/verify_credentials", "/api/v2/notifications", "/api/v1/streaming", "/nowhere"):
        SiteClient(running_site).request("GET", f"{path}?access_token={used}", Sec_WebSocket_Protocol=used)
    newcomer = sign_up_by(client, running_site)
    unused = out_of_band_code(ada, client.auth_request_url(scopes=["read"], force_login=True, allow_http=True))
    wrong = SiteClient(running_site).request(
        "POST", "/oauth/token", {"grant_type": "authorization_code", "code": unused, "client_id": "nobody"}
    )
    assert wrong[0] == 400
    issued = subprocess.run(
        [str(Path(sys.executable).with_name("microblog")), "token", "create", ada.name],
        env=running_site.environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    Mastodon(access_token=issued, api_base_url=running_site.url).me()
    secrets = {"password": PASSWORD, "code": code, "unused code": unused, "token": used, "token of a script": issued}
    secrets |= newcomer
    secrets |= {"client secret": str(client.client_secret), "session": ada.cookies["session"]}
    logs = running_site.log + "".join(file.read_text() for file in (running_site.data_dir / "log").iterdir())
    assert "/oauth/token" in logs
    kept = dump(running_site)
    assert str(client.client_id) in kept
    for name, secret in secrets.items():
        assert len(secret) > 20, name
        assert secret not in kept, f"the {name} is in the database"
        assert secret.encode().hex() not in kept, f"the {name} is in the database as bytes"
        assert secret not in logs, f"the {name} is in a log"
