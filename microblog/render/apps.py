"""Apps in words for people, and as entities for programs."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.oauth import OUT_OF_BAND, App, Registered
from microblog.render import schemas
from microblog.render.entities import Entities, Entity
from microblog.render.schemas import TEXT, TEXTS, URL, WHOLE, array_of, entity, extended, nullable, one_of, record

APPLICATION = entity(
    "Application",
    {
        "id": schemas.ID,
        "name": TEXT,
        "website": nullable(URL),
        "scopes": TEXTS,
        "redirect_uris": TEXTS,
        "redirect_uri": TEXT,
        "vapid_key": TEXT,
    },
)
CREDENTIAL_APPLICATION = extended(
    "CredentialApplication", "Application", {"client_id": TEXT, "client_secret": TEXT, "client_secret_expires_at": WHOLE}
)
USER_INFO = record({"iss": URL, "sub": URL, "name": TEXT, "preferred_username": TEXT, "profile": URL, "picture": URL})
SERVER_METADATA = record(
    {
        "issuer": URL,
        "service_documentation": URL,
        "authorization_endpoint": URL,
        "token_endpoint": URL,
        "app_registration_endpoint": URL,
        "revocation_endpoint": URL,
        "userinfo_endpoint": URL,
        "scopes_supported": TEXTS,
        "response_types_supported": array_of(one_of("code")),
        "response_modes_supported": TEXTS,
        "grant_types_supported": TEXTS,
        "token_endpoint_auth_methods_supported": TEXTS,
        "code_challenge_methods_supported": array_of(one_of("S256")),
    }
)

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


def application(entities: Entities, app: App) -> Entity:
    """Application (8.18)."""
    return {
        "id": str(app.id),
        "name": app.name,
        "website": app.website,
        "scopes": list(app.scopes),
        "redirect_uris": list(app.redirect_uris),
        "redirect_uri": "\n".join(app.redirect_uris),
        "vapid_key": entities.vapid,
    }


def registered(entities: Entities, made: Registered) -> Entity:
    """CredentialApplication (8.18): shown once."""
    secret = {"client_id": made.app.client_id, "client_secret": made.secret, "client_secret_expires_at": 0}
    return application(entities, made.app) | secret


def user_info(entities: Entities, account: Account) -> Entity:
    """Who somebody is, in the words of OpenID Connect."""
    shown = entities.account(account)
    return {
        "iss": f"{entities.url}/",
        "sub": shown["uri"],
        "name": account.name,
        "preferred_username": account.username,
        "profile": shown["url"],
        "picture": shown["avatar"],
    }


def server_metadata(url: str, scopes: Iterable[str], modes: Iterable[str], grants: Iterable[str]) -> Entity:
    """How apps sign people in here (RFC 8414). `url` is the site's."""
    return {
        "issuer": f"{url}/",
        "service_documentation": "https://docs.joinmastodon.org/",
        "authorization_endpoint": f"{url}/oauth/authorize",
        "token_endpoint": f"{url}/oauth/token",
        "app_registration_endpoint": f"{url}/api/v1/apps",
        "revocation_endpoint": f"{url}/oauth/revoke",
        "userinfo_endpoint": f"{url}/oauth/userinfo",
        "scopes_supported": list(scopes),
        "response_types_supported": ["code"],
        "response_modes_supported": list(modes),
        "grant_types_supported": list(grants),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
    }
