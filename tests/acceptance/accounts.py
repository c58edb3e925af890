"""New accounts on a started site, each with an authorized Mastodon.py client."""

from __future__ import annotations

from itertools import count

from mastodon import Mastodon

from tests.acceptance.site_client import SiteClient
from tests.acceptance.site_process import SiteProcess
from tests.acceptance.test_sign_in import ALL_SCOPES, out_of_band_code, register_app

_numbers = count(1)


def register_account(site: SiteProcess, name: str) -> Mastodon:
    """Create an account whose name begins with `name`; return an authorized client."""
    browser = SiteClient(site)
    browser.sign_up(f"{name}{next(_numbers)}")
    client = register_app(site)
    client.log_in(
        code=out_of_band_code(browser, client.auth_request_url(scopes=ALL_SCOPES, allow_http=True)), scopes=ALL_SCOPES, allow_http=True
    )
    return client
