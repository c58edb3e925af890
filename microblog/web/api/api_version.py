"""The API version that the site claims in `api_versions.mastodon`.

Clients enable features by it, so a version is claimed only if all paths that it added are served.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from microblog.web.http.route import routes_of

_VARIABLE = re.compile(r"<[^>]*>")

# Paths that clients use once a version of Mastodon's `api_versions` is claimed.
PATHS_ADDED = (
    (2, ("GET /api/v2/notifications", "GET /api/v2/notifications/policy", "GET /api/v1/notifications/requests")),
    (3, ("GET /.well-known/oauth-authorization-server",)),
    (5, ("POST /api/v2/filters",)),
    (6, ("POST /api/v1/accounts/*/endorse", "GET /api/v1/accounts/*/endorsements", "POST /api/v1/tags/*/feature")),
)


def api_version(features: Iterable[object]) -> int:
    """The highest version of which these features serve all paths, including those of lower versions."""
    served = {f"{route.method} {_VARIABLE.sub('*', route.path)}" for feature in features for route in routes_of(type(feature))}
    version = 1
    for number, paths in PATHS_ADDED:
        if not served.issuperset(paths):
            break
        version = number
    return version
