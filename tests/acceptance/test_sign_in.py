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


def authorize(browser: SiteClient, url: str) -> str:
    """Authorize an app at its authorization URL; return the address that the site redirects to."""
    parts = urlsplit(url)
    status, _, page = browser.request("GET", f"{parts.path}?{parts.query}")
    assert status == 200, page
    form = page[page.index('action="/oauth/authorize"') :]
    fields = {unescape(name): unescape(value) for name, value in _HIDDEN.findall(form[: form.index("</form>")])}
    status, headers, page = browser.request("POST", "/oauth/authorize", fields | {"decision": "allow"})
    assert status == 302, page
    return headers["location"]


def out_of_band_code(browser: SiteClient, url: str) -> str:
    """Authorize an app and return the out-of-band code from the page."""
    found = _CODE.search(browser.request("GET", authorize(browser, url))[2])
    assert found
    return found[1]


@define
class NamedClient(SiteClient):
    """A client that knows its username."""

    name: str = ""


_numbers = count(1)


@pytest.fixture
def ada(running_site: SiteProcess) -> NamedClient:
    client = NamedClient(running_site, name=f"ada{next(_numbers)}")
    client.sign_up(client.name)
    return client


def register_app(site: SiteProcess, redirect_uri: str | None = None) -> Mastodon:
    secrets = Mastodon.create_app(
        "Tester", scopes=ALL_SCOPES, redirect_uris=redirect_uri, website="https://tester.example", api_base_url=site.url
    )
    return Mastodon(*secrets, api_base_url=site.url)


def test_mastodon_py_logs_in_with_an_out_of_band_code_and_revokes_its_token(running_site: SiteProcess, ada: NamedClient) -> None:
    client = register_app(running_site)
    code = out_of_band_code(ada, client.auth_request_url(scopes=ALL_SCOPES, allow_http=True))
    token = client.log_in(code=code, scopes=ALL_SCOPES, allow_http=True)
    assert client.me().username == ada.name
    assert client.app_verify_credentials().name == "Tester"
    client.revoke_access_token(allow_http=True)
    with pytest.raises(MastodonUnauthorizedError):
        Mastodon(access_token=token, api_base_url=running_site.url).me()


def test_mastodon_py_logs_in_by_redirect(running_site: SiteProcess, ada: NamedClient) -> None:
    callback = "http://localhost:1234/callback?x=1"
    client = register_app(running_site, callback)
    redirect_url = authorize(ada, client.auth_request_url(redirect_uris=callback, scopes=["read"], state="7", allow_http=True))
    assert redirect_url.startswith(f"{callback}&code=")
    returned = parse_qs(urlsplit(redirect_url).query)
    assert returned["state"] == ["7"]
    client.log_in(code=returned["code"][0], redirect_uri=callback, scopes=["read"], allow_http=True)
    assert client.me().username == ada.name


def run_toot(home: Path, *arguments: str) -> str:
    """Run toot and return its output."""
    completed = subprocess.run(
        toot_command(*arguments), env=toot_environment(home), capture_output=True, text=True, timeout=60, check=False
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


def toot_command(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("toot")), *arguments]


def toot_environment(home: Path) -> dict[str, str]:
    return environment() | {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "PYTHONUNBUFFERED": "1"}


def test_toot_logs_in_with_an_out_of_band_code(running_site: SiteProcess, ada: NamedClient, tmp_path: Path) -> None:
    command = toot_command("login", "--instance", running_site.url)
    with subprocess.Popen(command, env=toot_environment(tmp_path), stdin=PIPE, stdout=PIPE, stderr=STDOUT, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = next(line.strip() for line in process.stdout if "/oauth/authorize" in line)
        output, _ = process.communicate(f"n\n{out_of_band_code(ada, url)}\n", timeout=60)
        assert "Successfully logged in" in output
    assert ada.name in run_toot(tmp_path, "auth")
    assert ada.name in run_toot(tmp_path, "whoami")


def dump_database(site: SiteProcess) -> str:
    """Return the contents of every table as text."""
    with closing(psycopg2.connect(site.database_url())) as connection, connection.cursor() as cursor:
        cursor.execute("select tablename from pg_tables where schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        stored = ""
        for table in tables:
            cursor.execute(SQL("select json_agg(t)::text from {} t").format(Identifier(table)))
            stored += str(cursor.fetchone())
        return stored


def sign_up_through_api(client: Mastodon, site: SiteProcess) -> dict[str, str]:
    """Sign up through the API, then log in with a mistyped password; return the secrets by description."""
    name, password, api = f"eve{next(_numbers)}", "another long password", SiteClient(site)
    credentials = {"client_id": str(client.client_id), "client_secret": str(client.client_secret)}
    token_request = credentials | {"grant_type": "client_credentials", "scope": "write"}
    app_token = json.loads(api.request("POST", "/oauth/token", token_request)[2])["access_token"]
    account = {"username": name, "email": f"{name}@example.org", "password": password, "agreement": "true", "locale": "en"}
    status, _, body = api.request("POST", "/api/v1/accounts", account, Authorization=f"Bearer {app_token}")
    assert status == 200, body
    form = {"csrf": api.fetch_csrf_token("/login"), "name": name, "password": f"{password}, mistyped"}
    assert api.request("POST", "/login", form)[0] == 401
    return {"password of a newcomer": password, "token of the app": app_token, "token of a newcomer": json.loads(body)["access_token"]}


def test_no_secret_is_in_the_database_or_in_a_log(running_site: SiteProcess, ada: NamedClient) -> None:
    client = register_app(running_site)
    code = out_of_band_code(ada, client.auth_request_url(scopes=ALL_SCOPES, allow_http=True))
    token_in_use = client.log_in(code=code, scopes=ALL_SCOPES, allow_http=True)
    client.me()
    for path in ("/api/v1/accounts/verify_credentials", "/api/v2/notifications", "/api/v1/streaming", "/nowhere"):
        SiteClient(running_site).request("GET", f"{path}?access_token={token_in_use}", Sec_WebSocket_Protocol=token_in_use)
    newcomer_secrets = sign_up_through_api(client, running_site)
    unused = out_of_band_code(ada, client.auth_request_url(scopes=["read"], force_login=True, allow_http=True))
    response = SiteClient(running_site).request(
        "POST", "/oauth/token", {"grant_type": "authorization_code", "code": unused, "client_id": "nobody"}
    )
    assert response[0] == 400
    cli_token = subprocess.run(
        [str(Path(sys.executable).with_name("microblog")), "token", "create", ada.name],
        env=running_site.environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    Mastodon(access_token=cli_token, api_base_url=running_site.url).me()
    secrets = {"password": PASSWORD, "code": code, "unused code": unused, "token": token_in_use, "token of a script": cli_token}
    secrets |= newcomer_secrets
    secrets |= {"client secret": str(client.client_secret), "session": ada.cookies["session"]}
    logs = running_site.log + "".join(file.read_text() for file in (running_site.data_dir / "log").iterdir())
    assert "/oauth/token" in logs
    stored = dump_database(running_site)
    assert str(client.client_id) in stored
    for name, secret in secrets.items():
        assert len(secret) > 20, name
        assert secret not in stored, f"the {name} is in the database"
        assert secret.encode().hex() not in stored, f"the {name} is in the database as bytes"
        assert secret not in logs, f"the {name} is in a log"
