"""Tests of Mastodon.py's push functions on a started site, including decryption of its messages."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest
from mastodon import Mastodon
from mastodon.errors import MastodonAPIError, MastodonNotFoundError

from microblog.domain.push.encryption import PushEncryptor
from microblog.domain.push.vapid import Signer
from microblog.model.push import PushTarget
from tests.acceptance.accounts import register_account
from tests.acceptance.site_process import SiteProcess, site_process, wait_until
from tests.certificates import create_certificates
from tests.push_service import HOST

pytestmark = pytest.mark.acceptance
ENDPOINT = "https://push.invalid/send/1"  # a name that never resolves (RFC 6761)


@pytest.fixture
def ada(shared_site: SiteProcess) -> Mastodon:
    return register_account(shared_site, "ada")


def test_a_subscription_is_set_read_updated_and_deleted(ada: Mastodon) -> None:
    with pytest.raises(MastodonNotFoundError):
        ada.push_subscription()
    _, public = ada.push_subscription_generate_keys()
    subscription = ada.push_subscription_set(
        ENDPOINT, public, mention_events=True, follow_events=True, reblog_events=False, admin_sign_up_events=True, policy="followed"
    )
    assert (subscription.endpoint, subscription.policy, subscription.standard) == (ENDPOINT, "followed", False)
    assert (subscription.alerts.mention, subscription.alerts.follow, subscription.alerts.reblog, subscription.alerts["admin.sign_up"]) == (
        True,
        True,
        False,
        True,
    )
    assert subscription.server_key == ada.instance_v2().configuration.vapid.public_key
    assert ada.push_subscription() == subscription
    changed = ada.push_subscription_update(favourite_events=True)
    assert (changed.alerts.mention, changed.alerts.favourite, changed.policy) == (False, True, "all")
    assert ada.push_subscription() == changed
    ada.push_subscription_delete()
    with pytest.raises(MastodonNotFoundError):
        ada.push_subscription()


def test_an_invalid_subscription_is_refused_with_a_message(ada: Mastodon) -> None:
    _, public = ada.push_subscription_generate_keys()
    with pytest.raises(MastodonAPIError, match="Endpoint is not a valid URL"):
        ada.push_subscription_set("http://push.invalid/1", public)
    with pytest.raises(MastodonAPIError, match="Key p256dh is invalid"):
        ada.push_subscription_set(ENDPOINT, {"pubkey": b"short", "auth": public["auth"]})


def test_notifications_work_while_the_push_service_is_unreachable(shared_site: SiteProcess, ada: Mastodon) -> None:
    _, public = ada.push_subscription_generate_keys()
    ada.push_subscription_set(ENDPOINT, public, mention_events=True)
    bob = register_account(shared_site, "bob")
    bob.status_post(f"@{ada.me().username} hello")
    assert wait_until(lambda: len(ada.notifications()) == 1)
    assert ada.push_subscription().endpoint == ENDPOINT


def test_mastodon_py_decrypts_a_push_message(ada: Mastodon) -> None:
    keys: Any = ada.push_subscription_generate_keys()  # bytes, although typed as str
    private, public = keys
    encryptor = PushEncryptor(Signer(b"s" * 32, "mailto:admin@example.org", lambda: datetime.now(UTC)))
    payload = b'{"access_token":"","notification_id":17,"notification_type":"mention","title":"bob mentioned you","body":"Hi"}'
    encrypted = encryptor.encrypt(payload, PushTarget(ENDPOINT, public["pubkey"], public["auth"]))
    read = ada.push_subscription_decrypt_push(encrypted.body, private, encrypted.headers["Encryption"], encrypted.headers["Crypto-Key"])
    assert (read.notification_id, read.notification_type, read.title, read.body) == ("17", "mention", "bob mentioned you", "Hi")


class _PushHandler(BaseHTTPRequestHandler):
    """A push service that queues the received messages."""

    messages: Queue[tuple[Message, bytes]]

    def do_POST(self) -> None:
        self.messages.put((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(201)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def pushing_site(tmp_path: Path) -> Iterator[tuple[SiteProcess, Queue[tuple[Message, bytes]]]]:
    """A site that sends its push messages to a local push service, and the queue of these messages."""
    files = create_certificates(tmp_path, HOST)
    handler: Any = type("PushHandler", (_PushHandler,), {"messages": Queue()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    with site_process(tmp_path, rate_limits="off", registration="open") as site:
        program = Path(__file__).with_name("pushing_twistd.py")
        site.program = (sys.executable, str(program), str(server.server_port), str(files.authority))
        site.start()
        yield site, handler.messages
        site.stop()
    server.shutdown()
    server.server_close()


def test_a_push_message_reaches_the_app_encrypted(
    pushing_site: tuple[SiteProcess, Queue[tuple[Message, bytes]]],
) -> None:
    site, messages = pushing_site
    ada, bob = register_account(site, "ada"), register_account(site, "bob")
    keys: Any = ada.push_subscription_generate_keys()
    private, public = keys
    ada.push_subscription_set(f"https://{HOST}/send/1", public, mention_events=True, favourite_events=True)
    bob.status_post(f"@{ada.me().username} how are you?")
    headers, body = messages.get(timeout=60)
    read = ada.push_subscription_decrypt_push(body, private, headers["Encryption"], headers["Crypto-Key"])
    [notification] = ada.notifications()
    assert (read.notification_type, read.body, read.access_token) == ("mention", f"@{ada.me().username} how are you?", "")
    assert (str(read.notification_id), read.icon) == (str(notification.id), bob.me().avatar_static)
    ada.push_subscription_set(f"https://{HOST}/send/2", public, favourite_events=True)
    bob.status_post(f"@{ada.me().username} still there?")
    bob.status_favourite(ada.status_post("mine"))
    headers, body = messages.get(timeout=60)
    read = ada.push_subscription_decrypt_push(body, private, headers["Encryption"], headers["Crypto-Key"])
    assert (read.notification_type, read.body) == ("favourite", "mine")
    assert messages.empty()
