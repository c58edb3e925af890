"""Which level of the API is claimed: never one whose addresses are not there, because programs show what they then cannot have."""

from __future__ import annotations

import re
from collections.abc import Iterable

from microblog.web.http.route import routes_of

_VARIABLE = re.compile(r"<[^>]*>")

# What each level of Mastodon's `api_versions` brought that programs ask for once it is claimed.
BROUGHT = (
    (2, ("GET /api/v2/notifications", "GET /api/v2/notifications/policy", "GET /api/v1/notifications/requests")),
    (3, ("GET /.well-known/oauth-authorization-server",)),
    (5, ("POST /api/v2/filters",)),
    (6, ("POST /api/v1/accounts/*/endorse", "GET /api/v1/accounts/*/endorsements", "POST /api/v1/tags/*/feature")),
)


def served(features: Iterable[object]) -> int:
    """The highest level all of which these features serve, and all below it."""
    there = {f"{route.method} {_VARIABLE.sub('*', route.path)}" for feature in features for route in routes_of(type(feature))}
    level = 1
    for number, addresses in BROUGHT:
        if not there.issuperset(addresses):
            break
        level = number
    return level
