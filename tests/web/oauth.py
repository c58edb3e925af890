"""An app that signs people in, as the tests of OAuth need it."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256
from typing import Self
from urllib.parse import parse_qs, urlencode, urlsplit

from attrs import define

from microblog.model.oauth import OUT_OF_BAND
from tests.web.api.client import anonymous
from tests.web.memory import FORM, Reply, ask
from tests.web.visitor import Town, Visitor

CALLBACK = "https://client.example/callback"
VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@define(eq=False)
class TestApp:
    """A registered app."""

    __test__ = False  # no test class, whatever it is called

    town: Town
    client_id: str
    client_secret: str
    redirect_uri: str

    @classmethod
    def register(cls, town: Town, redirect_uri: str = CALLBACK, scopes: str = "read write follow push", website: str = "") -> Self:
        """A new one. The address that it uses is the first of several."""
        form = {"client_name": "Tapper", "redirect_uris": f"{redirect_uri}\n{OUT_OF_BAND}", "scopes": scopes, "website": website}
        told = anonymous(town).post("/v1/apps", **form).json
        return cls(town, told["client_id"], told["client_secret"], redirect_uri)

    def asking(self, **params: str) -> str:
        """The address that it sends people to."""
        usual = {"response_type": "code", "client_id": self.client_id, "redirect_uri": self.redirect_uri, "scope": "read write"}
        return f"/oauth/authorize?{urlencode(usual | params)}"

    def decide(self, visitor: Visitor, decision: str = "allow", **params: str) -> Reply:
        """What comes of it when somebody presses a button of the page that asks them."""
        page = self.asking(**params)
        query = {name: values[0] for name, values in parse_qs(urlsplit(page).query).items()}
        return visitor.submit("/oauth/authorize", page=page, decision=decision, **query)

    def code(self, visitor: Visitor, **params: str) -> str:
        """A code that somebody brought back."""
        reply = self.decide(visitor, **{"force_login": "true"} | params)
        assert reply.status == 302, reply.text
        return returned(reply)["code"]

    def exchange(self, code: str | None, /, **params: str | None) -> Reply:
        """Ask for a token."""
        usual: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        return self.post("/oauth/token", **usual | params)

    def post(self, path: str, /, authorization: str | None = None, **params: str | None) -> Reply:
        """Send a form. Fields that are None are left out."""
        body = urlencode({name: value for name, value in params.items() if value is not None}).encode()
        headers = {"Content-Type": FORM} | ({"Authorization": authorization} if authorization else {})
        return ask(self.town.server, "POST", path, headers, body)

    @property
    def basic(self) -> str:
        """Its name and secret as a header."""
        return "Basic " + b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()


def returned(reply: Reply) -> dict[str, str]:
    """What is in the address that a redirect leads to, query and fragment."""
    parts = urlsplit(reply.header("Location") or "")
    return {name: values[0] for name, values in (parse_qs(parts.query) | parse_qs(parts.fragment)).items()}
