"""An OAuth client for tests."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256
from typing import Self
from urllib.parse import parse_qs, urlencode, urlsplit

from attrs import define

from microblog.model.oauth import OUT_OF_BAND
from tests.web.api.client import anonymous_client
from tests.web.http_client import FORM, HttpResponse, request
from tests.web.visitor import SiteFixture, Visitor

CALLBACK = "https://client.example/callback"
VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@define(eq=False)
class TestApp:
    """A registered OAuth app."""

    __test__ = False  # pytest would collect it because of its name

    site: SiteFixture
    client_id: str
    client_secret: str
    redirect_uri: str

    @classmethod
    def register(cls, site: SiteFixture, redirect_uri: str = CALLBACK, scopes: str = "read write follow push", website: str = "") -> Self:
        """Register an app with two redirect URIs, and use the first."""
        form = {"client_name": "Tapper", "redirect_uris": f"{redirect_uri}\n{OUT_OF_BAND}", "scopes": scopes, "website": website}
        registered = anonymous_client(site).post("/v1/apps", **form).json
        return cls(site, registered["client_id"], registered["client_secret"], redirect_uri)

    def authorize_url(self, **params: str) -> str:
        """Return the authorization URL that the app sends people to."""
        defaults = {"response_type": "code", "client_id": self.client_id, "redirect_uri": self.redirect_uri, "scope": "read write"}
        return f"/oauth/authorize?{urlencode(defaults | params)}"

    def decide(self, visitor: Visitor, decision: str = "allow", **params: str) -> HttpResponse:
        """Press a button of the consent page and return the response."""
        page = self.authorize_url(**params)
        query = {name: values[0] for name, values in parse_qs(urlsplit(page).query).items()}
        return visitor.submit("/oauth/authorize", page=page, decision=decision, **query)

    def code(self, visitor: Visitor, **params: str) -> str:
        """Let a visitor authorize the app and return the code."""
        response = self.decide(visitor, **{"force_login": "true"} | params)
        assert response.status == 302, response.text
        return redirect_params(response)["code"]

    def exchange(self, code: str | None, /, **params: str | None) -> HttpResponse:
        """Exchange a code for a token."""
        defaults: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        return self.post("/oauth/token", **defaults | params)

    def post(self, path: str, /, authorization: str | None = None, **params: str | None) -> HttpResponse:
        """Send a form without the fields that are None."""
        body = urlencode({name: value for name, value in params.items() if value is not None}).encode()
        headers = {"Content-Type": FORM} | ({"Authorization": authorization} if authorization else {})
        return request(self.site.server, "POST", path, headers, body)

    @property
    def basic_authorization(self) -> str:
        """The Authorization header with the app's id and secret."""
        return "Basic " + b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()


def redirect_params(response: HttpResponse) -> dict[str, str]:
    """Return the parameters in the query and fragment of a redirect's address."""
    parts = urlsplit(response.header("Location") or "")
    return {name: values[0] for name, values in (parse_qs(parts.query) | parse_qs(parts.fragment)).items()}
