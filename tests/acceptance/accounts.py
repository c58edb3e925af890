"""New accounts on a started site, each with an authorized Mastodon.py client."""

from __future__ import annotations

import json
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
    app = register_app(site)
    code = out_of_band_code(browser, app.auth_request_url(scopes=ALL_SCOPES, allow_http=True))
    # Not by the client's log_in: it would ask for the token at the public URL, which may be a name that only sites know.
    names = {"client_id": str(app.client_id), "client_secret": str(app.client_secret), "redirect_uri": "urn:ietf:wg:oauth:2.0:oob"}
    status, _, body = browser.request("POST", "/oauth/token", {"grant_type": "authorization_code", "code": code, **names})
    assert status == 200, body
    return Mastodon(access_token=json.loads(body)["access_token"], api_base_url=site.url)
