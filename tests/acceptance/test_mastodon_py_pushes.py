"""What people do with Mastodon.py's push functions on a started site; and it reads the messages that the site makes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from mastodon import Mastodon
from mastodon.errors import MastodonAPIError, MastodonNotFoundError

from microblog.domain.vapid import Signer
from microblog.domain.webpush import Sealer
from microblog.model.pushes import PushTarget
from tests.acceptance.people import newcomer
from tests.acceptance.site import Site, until

pytestmark = pytest.mark.acceptance
ENDPOINT = "https://push.invalid/send/1"  # a name that leads nowhere (RFC 6761)


@pytest.fixture
def ada(shared_site: Site) -> Mastodon:
    return newcomer(shared_site, "ada")


def test_a_subscription_is_set_read_updated_and_deleted(ada: Mastodon) -> None:
    with pytest.raises(MastodonNotFoundError):
        ada.push_subscription()
    _, public = ada.push_subscription_generate_keys()
    made = ada.push_subscription_set(
        ENDPOINT, public, mention_events=True, follow_events=True, reblog_events=False, admin_sign_up_events=True, policy="followed"
    )
    assert (made.endpoint, made.policy, made.standard) == (ENDPOINT, "followed", False)
    assert (made.alerts.mention, made.alerts.follow, made.alerts.reblog, made.alerts["admin.sign_up"]) == (True, True, False, True)
    assert made.server_key == ada.instance_v2().configuration.vapid.public_key
    assert ada.push_subscription() == made
    changed = ada.push_subscription_update(favourite_events=True)
    assert (changed.alerts.mention, changed.alerts.favourite, changed.policy) == (False, True, "all")
    assert ada.push_subscription() == changed
    ada.push_subscription_delete()
    with pytest.raises(MastodonNotFoundError):
        ada.push_subscription()


def test_what_cannot_be_pushed_to_is_refused_in_words(ada: Mastodon) -> None:
    _, public = ada.push_subscription_generate_keys()
    with pytest.raises(MastodonAPIError, match="Endpoint is not a valid URL"):
        ada.push_subscription_set("http://push.invalid/1", public)
    with pytest.raises(MastodonAPIError, match="Key p256dh is invalid"):
        ada.push_subscription_set(ENDPOINT, {"pubkey": b"short", "auth": public["auth"]})


def test_people_are_told_as_ever_while_the_push_service_is_away(shared_site: Site, ada: Mastodon) -> None:
    _, public = ada.push_subscription_generate_keys()
    ada.push_subscription_set(ENDPOINT, public, mention_events=True)
    bob = newcomer(shared_site, "bob")
    bob.status_post(f"@{ada.me().username} hello")
    assert until(lambda: len(ada.notifications()) == 1)
    assert ada.push_subscription().endpoint == ENDPOINT


def test_it_reads_what_the_site_pushes(ada: Mastodon) -> None:
    keys: Any = ada.push_subscription_generate_keys()  # bytes, although their types say texts
    private, public = keys
    sealer = Sealer(Signer(b"s" * 32, "mailto:admin@example.org", lambda: datetime.now(UTC)))
    said = b'{"access_token":"","notification_id":17,"notification_type":"mention","title":"bob mentioned you","body":"Hi"}'
    sealed = sealer.sealed(said, PushTarget(ENDPOINT, public["pubkey"], public["auth"]))
    read = ada.push_subscription_decrypt_push(sealed.body, private, sealed.headers["Encryption"], sealed.headers["Crypto-Key"])
    assert (read.notification_id, read.notification_type, read.title, read.body) == ("17", "mention", "bob mentioned you", "Hi")
