"""An HTTP client of a started site, like a script: cookies, CSRF tokens, JSON."""

from __future__ import annotations

import json
import re
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode

from attrs import define, field

from tests.acceptance.site import Site

PASSWORD = "correct horse battery"
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


@define
class Visitor:
    """A client with a cookie jar. Each request uses a connection of its own, so a dying site costs one request."""

    site: Site
    cookies: dict[str, str] = field(factory=dict)
    token: str = ""

    def ask(self, method: str, path: str, fields: dict[str, str] | None = None, **headers: str) -> tuple[int, dict[str, str], str]:
        """Return status, headers (lower case) and body. Raises OSError without a complete response."""
        connection = HTTPConnection("127.0.0.1", self.site.port, timeout=20)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        body = None if fields is None else urlencode(fields)
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            text = response.read().decode()
        except HTTPException as broken:
            raise ConnectionError(str(broken)) from broken
        finally:
            connection.close()
        for cookie in response.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return response.status, {name.lower(): value for name, value in response.headers.items()}, text

    def read_token(self, path: str) -> str:
        """Return the CSRF token of a page, and keep it for later requests."""
        found = _TOKEN.search(self.ask("GET", path)[2])
        assert found, f"{path} has no form"
        self.token = found[1]
        return self.token

    def sign_up(self, username: str) -> None:
        """Create an account; afterwards the visitor is logged in and has a token."""
        form = {"csrf": self.read_token("/signup"), "username": username, "email": f"{username}@example.org", "password": PASSWORD}
        status, _, body = self.ask("POST", "/signup", form)
        assert status == 303, body
        self.read_token("/home")

    def post(self, text: str, key: str) -> int | None:
        """Publish; the post's id if that was acknowledged, None if the site said that it cannot. Raises OSError."""
        status, _, body = self.ask("POST", "/posts", {"text": text, "key": key}, Accept="application/json", X_CSRF_Token=self.token)
        if status == 200:
            return int(json.loads(body)["id"])
        assert status >= 500, (status, body)
        return None
