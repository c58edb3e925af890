"""An HTTP client of a started site, with cookies and CSRF tokens but without scripts."""

from __future__ import annotations

import json
import re
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode

from attrs import define, field

from tests.acceptance.site_process import SiteProcess

PASSWORD = "correct horse battery"
_CSRF_FIELD = re.compile(r'name="csrf" value="([^"]+)"')


@define
class SiteClient:
    """A client with a cookie jar. Each request opens a new connection, so that a killed site fails one request only."""

    site: SiteProcess
    cookies: dict[str, str] = field(factory=dict)
    csrf_token: str = ""

    def request(self, method: str, path: str, fields: dict[str, str] | None = None, **headers: str) -> tuple[int, dict[str, str], str]:
        """Return status, headers (lower case) and body. Raises OSError without a complete response."""
        connection = HTTPConnection("127.0.0.1", self.site.port, timeout=20)
        sent_headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent_headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        body = None if fields is None else urlencode(fields)
        if body is not None:
            sent_headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, sent_headers)
            response = connection.getresponse()
            text = response.read().decode()
        except HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()
        for cookie in response.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return response.status, {name.lower(): value for name, value in response.headers.items()}, text

    def fetch_csrf_token(self, path: str) -> str:
        """Return the CSRF token of a page and store it for later requests."""
        found = _CSRF_FIELD.search(self.request("GET", path)[2])
        assert found, f"{path} has no form"
        self.csrf_token = found[1]
        return self.csrf_token

    def sign_up(self, username: str) -> None:
        """Create an account; afterwards the client is logged in and has a CSRF token."""
        form = {"csrf": self.fetch_csrf_token("/signup"), "username": username, "email": f"{username}@example.org", "password": PASSWORD}
        status, _, body = self.request("POST", "/signup", form)
        assert status == 303, body
        self.fetch_csrf_token("/home")

    def publish(self, text: str, key: str) -> int | None:
        """Publish a post. Return its id, or None after a server error. Raises OSError without a complete response."""
        status, _, body = self.request(
            "POST", "/posts", {"text": text, "key": key}, Accept="application/json", X_CSRF_Token=self.csrf_token
        )
        if status == 200:
            return int(json.loads(body)["id"])
        assert status >= 500, (status, body)
        return None
