"""Registration of OAuth client applications."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from urllib.parse import urlsplit

from attrs import evolve, frozen

from microblog.domain import scopes as scope_rules
from microblog.domain.text import post_text
from microblog.domain.tokens import fresh_token, hash_of
from microblog.model.errors import Invalid
from microblog.model.oauth import RegisteredApp
from microblog.storage import oauth
from microblog.storage.database import Cursor, Transactions

MAX_NAME_LENGTH = 60
MAX_URL_LENGTH = 2_000  # characters, of a website and of all redirect uris together
FORBIDDEN_SCHEMES = frozenset({"about", "blob", "data", "file", "filesystem", "javascript", "vbscript", "view-source"})
_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):([\x21-\x7e]*)")


@frozen
class AppRegistration:
    """Registration request of an app. `redirect_uris` are kept exactly as sent."""

    name: str
    redirect_uris: tuple[str, ...]
    scopes: str = ""
    website: str = ""


@frozen
class Apps:
    """Commands about apps."""

    database: Transactions
    now: Callable[[], datetime]
    make_token: Callable[[], str] = fresh_token

    async def register(self, form: AppRegistration) -> RegisteredApp:
        """Register an app and return it with its client secret, which is not shown again. Raise Invalid with all errors."""
        form = evolve(form, name=" ".join(post_text.clean(form.name, "client_name").split()))
        problems = dict(_problems(form))
        if problems:
            raise Invalid(problems)
        return await self.database.run(self._register, form)

    def _register(self, cursor: Cursor, form: AppRegistration) -> RegisteredApp:
        secret = self.make_token()
        app = oauth.insert_app(
            cursor,
            client_id=self.make_token(),
            secret_hash=hash_of(secret),
            name=form.name,
            website=form.website.strip() or None,
            redirect_uris=form.redirect_uris,
            scopes=scope_rules.parse(form.scopes) or scope_rules.DEFAULT,
            now=self.now(),
        )
        return RegisteredApp(app, secret)


def _problems(form: AppRegistration) -> Iterator[tuple[str, str]]:
    """Yield (field, message) for the first error of each field."""
    if post_text.is_blank(form.name):
        yield "client_name", "Application name can't be blank"
    elif len(form.name) > MAX_NAME_LENGTH:
        yield "client_name", f"Application name is too long (maximum is {MAX_NAME_LENGTH} characters)"
    elif not form.name.isprintable():
        yield "client_name", "Application name is invalid"
    if problem := next(_redirect_uri_problems(form.redirect_uris), ""):
        yield "redirect_uris", f"Redirect URI {problem}"
    if scope_rules.parse(form.scopes) is None:
        yield "scopes", "Scopes doesn't match configured on the server."
    website = form.website.strip()
    if len(website) > MAX_URL_LENGTH:
        yield "website", f"Application website is too long (maximum is {MAX_URL_LENGTH} characters)"
    elif website and not _is_web_url(website):
        yield "website", "Application website is not a valid URL"


def _redirect_uri_problems(uris: tuple[str, ...]) -> Iterator[str]:
    if not uris:
        yield "can't be blank"
    elif len("\n".join(uris)) > MAX_URL_LENGTH:
        yield f"is too long (maximum is {MAX_URL_LENGTH} characters)"
    for uri in uris:
        parts = _ABSOLUTE.fullmatch(uri)
        if not parts:
            yield "must be an absolute URI."
        elif parts[1].lower() in FORBIDDEN_SCHEMES:
            yield "is forbidden by the server."
        elif "#" in uri:
            yield "cannot contain a fragment."
        elif parts[1].lower() in ("http", "https") and not _is_web_url(uri):
            yield "must be a valid URI."


def _is_web_url(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        port_is_possible = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port_is_possible and uri.isprintable() and " " not in uri
