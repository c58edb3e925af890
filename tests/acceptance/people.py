"""New accounts on a started site, each with an authorized client."""

from __future__ import annotations

from itertools import count

from mastodon import Mastodon

from tests.acceptance.site import Site
from tests.acceptance.test_sign_in import EVERYTHING, app, typed_code
from tests.acceptance.visitor import Visitor

_numbers = count(1)


def newcomer(site: Site, name: str) -> Mastodon:
    """Return an authorized client of a new account."""
    visitor = Visitor(site)
    visitor.sign_up(f"{name}{next(_numbers)}")
    client = app(site)
    client.log_in(code=typed_code(visitor, client.auth_request_url(scopes=EVERYTHING, allow_http=True)), scopes=EVERYTHING, allow_http=True)
    return client
