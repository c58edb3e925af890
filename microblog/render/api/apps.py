"""API entities of apps, tokens and OAuth server metadata."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.oauth import App, IssuedToken, RegisteredApp
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
        "client_id": key(TEXT, lambda registered, _: registered.app.client_id),
        "client_secret": key(TEXT, lambda registered, _: registered.secret),
        "client_secret_expires_at": always(WHOLE, 0),
    },
    base=(APPLICATION, lambda registered, _: registered.app),
)
"""An application with its secret, which is returned only once."""
TOKEN = Definition[IssuedToken, None](
    "Token",
    {
        "access_token": key(TEXT, lambda issued, _: issued.text),
        "token_type": always(one_of("Bearer"), "Bearer"),
        "scope": key(TEXT, lambda issued, _: " ".join(issued.token.scopes)),
        "created_at": key(WHOLE, lambda issued, _: int(issued.token.created_at.timestamp())),
    },
)
"""An access token with its text, which is returned only once."""
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
"""UserInfo claims (OpenID Connect Core 1.0, section 5.3.2), https://docs.joinmastodon.org/methods/oauth/#userinfo."""


@frozen
class OAuthOptions:
    """Supported scopes, response modes and grant types."""

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
"""OAuth authorization server metadata (RFC 8414). The argument is the URL of the site."""
