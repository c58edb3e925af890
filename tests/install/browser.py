"""A browser without scripts, which reads pages of the site over TLS through its proxy, follows their links and sends their forms."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import lxml.html
import requests
from attrs import define, field

TRIES = 10


@define(eq=False)
class Browser:
    """A browser with cookies, and the page that it shows. `authority`: the certificate authority that it trusts."""

    site: str
    authority: Path
    session: requests.Session = field(init=False, factory=requests.Session)
    page: Any = field(init=False, default=None)
    address: str = field(init=False, default="")
    headers: Mapping[str, str] = field(init=False, factory=dict)

    def open(self, path: str, *, status: int = 200, shows: str = "") -> str:
        """Open a page of the site, follow its redirects, and return its text. `status`: what the site must respond. `shows`: its text.

        The page is loaded again for some seconds if it differs: the process that answers learns a moment later of what another one did.
        """
        for _ in range(TRIES):
            response = self._send("GET", path)
            if response.status_code == status and shows in self._show(response, status):
                return self.text
            time.sleep(0.5)
        text = self._show(self._send("GET", path), status)
        assert shows in text, text
        return text

    def follow(self, link: str) -> str:
        """Follow the only link of the page with this text, and return the text of the page there."""
        [target] = {str(each.get("href")) for each in self._labelled("a", link)}
        return self.open(target)

    def press(self, button: str, files: Mapping[str, bytes] | None = None, *, status: int = 200, **values: str) -> str:
        """Press the only button of the page with this text, with values in fields of its form; return the text of the page that follows."""
        [pressed] = self._labelled("button", button)
        [form] = pressed.xpath("ancestor::form")
        for name, value in values.items():
            form.fields[name] = value
        content = form.form_values() + ([(pressed.get("name"), pressed.get("value", ""))] if pressed.get("name") else [])
        target = pressed.get("formaction") or form.get("action")
        sent = {name: (f"{name}.jpg", file, "image/jpeg") for name, file in (files or {}).items()}
        assert form.method == "POST", f"{button!r} sends no form"
        return self._show(self._send("POST", target, data=content, files=sent or None), status)

    def image(self, description: str) -> requests.Response:
        """Load the only image of the page with this text in its place."""
        [source] = {str(each.get("src")) for each in self.page.xpath("//img") if each.get("alt") == description}
        return self._send("GET", source)

    @property
    def text(self) -> str:
        """The text of the page's main element, on one line."""
        [main] = self.page.xpath("//main")
        return " ".join(main.text_content().split())

    def _labelled(self, kind: str, label: str) -> list[Any]:
        return [each for each in self.page.iter(kind) if label in {" ".join(each.text_content().split()), each.get("aria-label")}]

    def _send(self, method: str, target: str, **content: Any) -> requests.Response:
        """Send a request, and again after a moment while a busy machine makes the site respond that it is overloaded."""
        address = urljoin(f"https://{self.site}/", target)
        for _ in range(TRIES):
            response = self._send_once(method, address, **content)
            if response.status_code != 503:
                return response
            time.sleep(2)
        return self._send_once(method, address, **content)

    def _send_once(self, method: str, address: str, **content: Any) -> requests.Response:
        return self.session.request(method, address, timeout=120, verify=str(self.authority), **content)

    def _show(self, response: requests.Response, status: int) -> str:
        self.page, self.address, self.headers = lxml.html.document_fromstring(response.content), response.url, response.headers
        assert response.status_code == status, f"{response.status_code} {response.url}: {self.text}"
        return self.text
