"""Apps in words for people, and as entities for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.oauth import OUT_OF_BAND, App, IssuedToken, RegisteredApp
from microblog.render.api.accounts import ACCOUNT, shown_account
from microblog.render.api.definition import Definition, always, key
from microblog.render.api.schemas import ID, TEXT, TEXTS, URL, WHOLE, array_of, nullable, one_of
from microblog.render.api.site import SiteUrls

APPLICATION = Definition[App, SiteUrls](
    "Application",
    {
        "id": key(ID, lambda app, _: str(app.id)),
        "name": key(TEXT, lambda app, _: app.name),
        "website": key(nullable(URL), lambda app, _: app.website),
        "scopes": key(TEXTS, lambda app, _: list(app.scopes)),
        "redirect_uris": key(TEXTS, lambda app, _: list(app.redirect_uris)),
        "redirect_uri": key(TEXT, lambda app, _: "\n".join(app.redirect_uris)),
        "vapid_key": key(TEXT, lambda _, site: site.vapid),
    },
)
CREDENTIAL_APPLICATION = Definition[RegisteredApp, SiteUrls](
    "CredentialApplication",
    {
        "client_id": key(TEXT, lambda made, _: made.app.client_id),
        "client_secret": key(TEXT, lambda made, _: made.secret),
        "client_secret_expires_at": always(WHOLE, 0),
    },
    base=(APPLICATION, lambda made, _: made.app),
)
"""An application with its secret, which is shown once."""
TOKEN = Definition[IssuedToken, None](
    "Token",
    {
        "access_token": key(TEXT, lambda issued, _: issued.text),
        "token_type": always(one_of("Bearer"), "Bearer"),
        "scope": key(TEXT, lambda issued, _: " ".join(issued.token.scopes)),
        "created_at": key(WHOLE, lambda issued, _: int(issued.token.created_at.timestamp())),
    },
)
"""A token, which is shown once."""
USER_INFO = Definition[Account, SiteUrls](
    "",
    {
        "iss": key(URL, lambda _, site: f"{site.url}/"),
        "sub": ACCOUNT.keys_by_name["uri"],
        "name": key(TEXT, lambda account, _: account.name),
        "preferred_username": key(TEXT, lambda account, _: account.username),
        "profile": ACCOUNT.keys_by_name["url"],
        "picture": ACCOUNT.keys_by_name["avatar"],
    },
    prepare=shown_account,
)
"""Who somebody is, in the words of OpenID Connect."""


@frozen
class OAuthOptions:
    """What apps can ask for."""

    scopes: Sequence[str]
    modes: Sequence[str]
    grants: Sequence[str]


SERVER_METADATA = Definition[OAuthOptions, str](
    "",
    {
        "issuer": key(URL, lambda _, url: f"{url}/"),
        "service_documentation": always(URL, "https://docs.joinmastodon.org/"),
        "authorization_endpoint": key(URL, lambda _, url: f"{url}/oauth/authorize"),
        "token_endpoint": key(URL, lambda _, url: f"{url}/oauth/token"),
        "app_registration_endpoint": key(URL, lambda _, url: f"{url}/api/v1/apps"),
        "revocation_endpoint": key(URL, lambda _, url: f"{url}/oauth/revoke"),
        "userinfo_endpoint": key(URL, lambda _, url: f"{url}/oauth/userinfo"),
        "scopes_supported": key(TEXTS, lambda options, _: options.scopes),
        "response_types_supported": always(array_of(one_of("code")), ["code"]),
        "response_modes_supported": key(TEXTS, lambda options, _: options.modes),
        "grant_types_supported": key(TEXTS, lambda options, _: options.grants),
        "token_endpoint_auth_methods_supported": always(TEXTS, ["client_secret_basic", "client_secret_post"]),
        "code_challenge_methods_supported": always(array_of(one_of("S256")), ["S256"]),
    },
)
"""How apps sign people in here (RFC 8414), for the URL of the site."""

_THINGS = {
    "accounts": ("accounts' profiles, and who follows whom", "your profile"),
    "blocks": ("whom you block", "whom you block"),
    "bookmarks": ("your bookmarks", "your bookmarks"),
    "conversations": ("", "the state of your conversations"),
    "favourites": ("what you like", "what you like"),
    "filters": ("your filters", "your filters"),
    "follows": ("whom you follow", "whom you follow"),
    "lists": ("your lists", "your lists"),
    "media": ("", "files that you attach"),
    "mutes": ("whom you mute", "whom you mute"),
    "notifications": ("your notifications", "your notifications"),
    "reports": ("", "reports about others to the moderators"),
    "search": ("what a search finds for you", ""),
    "statuses": ("posts, those too that only you may see", "your posts, in your name"),
}
_WHOLE = {
    "profile": "See your name and your picture",
    "read": "Read everything that you can read here, such as your posts, followers and notifications",
    "write": "Do everything in your name that you can do here, such as post, follow, block and change your profile",
    "follow": "See and change whom you follow, block and mute",
    "push": "Send you push messages",
    "admin:read": "Read what administrators can read",
    "admin:write": "Do what administrators can do",
}


@frozen
class ScopeWords:
    """What one scope allows. `heavy` asks for a second look."""

    scope: str
    sentence: str
    heavy: bool


def told(scopes: Iterable[str]) -> tuple[ScopeWords, ...]:
    """The scopes in words."""
    return tuple(ScopeWords(scope, _sentence(scope), scope.startswith("admin")) for scope in scopes)


def _sentence(scope: str) -> str:
    if scope in _WHOLE:
        return _WHOLE[scope]
    way, _, thing = scope.rpartition(":")
    if way.startswith("admin"):
        return f"{'Read' if way == 'admin:read' else 'Change'}, as an administrator: {thing.replace('_', ' ')}"
    reading, writing = _THINGS[thing]
    return f"Read {reading}" if way == "read" else f"Write and change {writing}"


def back_to(redirect_uri: str) -> str:
    """Where somebody goes after they have decided."""
    if redirect_uri == OUT_OF_BAND:
        return "You will get a code to type into the app."
    parts = urlsplit(redirect_uri)
    if parts.scheme in ("http", "https"):
        return f"You will go on to {parts.netloc}."
    return "You will go back to the app."
