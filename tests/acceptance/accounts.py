"""New accounts on a started site, each with a Mastodon.py client that has a token."""

from __future__ import annotations

import secrets
from itertools import count

from mastodon import Mastodon

from microblog.application.services import now
from microblog.domain.registration import SignUpForm
from microblog.domain.tokens import fresh_token, hash_of, store_token
from microblog.model.ids import AccountId
from microblog.storage import oauth
from microblog.storage.database import Cursor
from tests.acceptance.administration import administrator
from tests.acceptance.site_client import PASSWORD
from tests.acceptance.site_process import SiteProcess
from tests.acceptance.test_sign_in import ALL_SCOPES
from tests.fakes import result_of

_numbers = count(1)


def register_account(site: SiteProcess, name: str) -> Mastodon:
    """Create an account whose name begins with `name`; return an authorized client.

    Both are written to the site's database. The way through the pages takes ten times as long; test_sign_in.py has it.
    """
    username = f"{name}{next(_numbers)}"
    with administrator(site) as services:
        account = result_of(services.registrations.create(SignUpForm(username, f"{username}@example.org", PASSWORD)))
        token = result_of(services.database.run(_issue_token, account.id))
    return Mastodon(access_token=token, api_base_url=site.url)


def _issue_token(cursor: Cursor, account: AccountId) -> str:
    """Issue a token of a new app for the account."""
    app = oauth.insert_app(
        cursor,
        client_id=secrets.token_hex(),
        secret_hash=hash_of(secrets.token_hex()),
        name="Tester",
        website="https://tester.example",
        redirect_uris=(),
        scopes=ALL_SCOPES,
        now=now(),
    )
    token = fresh_token()
    store_token(cursor, token, app=app.id, account=account, scopes=ALL_SCOPES, now=now())
    return token
