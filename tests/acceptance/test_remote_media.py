"""A started site, a server of Fedify and a server of files: pictures, emoji and avatars of people there, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
import requests
from attrs import frozen
from mastodon import Mastodon
from PIL import Image
from twisted.internet.threads import deferToThread

from tests import files
from tests.acceptance.accounts import register_account
from tests.acceptance.federation_sites import find, newest, run_federated_site, until
from tests.acceptance.site_process import SiteProcess
from tests.federation.file_server import FileServer, run_file_server
from tests.federation.peer import Peer

CONTEXT = [
    "https://www.w3.org/ns/activitystreams",
    {"toot": "http://joinmastodon.org/ns#", "Emoji": "toot:Emoji", "blurhash": "toot:blurhash"},
]


@frozen
class Places:
    """The site, the other server, and the server of its files."""

    site: SiteProcess
    peer: Peer
    files: FileServer


@pytest.fixture
def places(tmp_path: Path, peer: Peer) -> Iterator[Places]:
    with run_file_server() as server:
        addresses = f"127.0.0.1:{peer.port}, 127.0.0.1:{server.port}"
        with run_federated_site(tmp_path, peer, federation_test_addresses=addresses) as site:
            yield Places(site, peer, server)


def address(peer: Peer, name: str) -> str:
    return f"@{name}@127.0.0.1:{peer.port}"


async def test_a_post_with_a_picture_and_an_emoji_by_somebody_with_an_avatar(places: Places) -> None:
    peer, server = places.peer, places.files
    picture = server.put("/cat.jpg", files.image(size=(900, 600)).getvalue(), "text/html")
    emoji = server.put("/emoji.png", files.image("PNG", size=(50, 50)).getvalue())
    await peer.control("configure", icon=server.put("/avatar.png", files.image("PNG", size=(300, 300)).getvalue()))
    ada = await deferToThread(register_account, places.site, "ada")
    bo = await deferToThread(find, ada, address(peer, "bo"))
    await deferToThread(ada.account_follow, bo)
    await until(lambda: deferToThread(lambda: ada.account_relationships(bo)[0].following))

    id = f"{peer.origin}/users/bo/notes/picture"
    note = {
        "id": id, "type": "Note", "attributedTo": f"{peer.origin}/users/bo", "content": "<p>Look :cat:</p>",
        "to": "https://www.w3.org/ns/activitystreams#Public",
        "attachment": {"type": "Document", "mediaType": "image/jpeg", "url": picture, "name": "A cat"},
        "tag": {"type": "Emoji", "id": f"{id}#cat", "name": ":cat:", "icon": {"type": "Image", "url": emoji}},
    }  # fmt: skip
    activity = {"@context": CONTEXT, "type": "Create", "object": note, "to": "https://www.w3.org/ns/activitystreams#Public"}
    await peer.control("send", activity=activity)
    post = await until(lambda: deferToThread(newest, ada))
    assert server.asked.keys() <= {"/avatar.png"}, "the picture and the emoji are fetched when somebody looks"
    [media], [code] = post.media_attachments, post.emojis
    assert (media.type, media.description, media.remote_url, code.shortcode) == ("image", "A cat", picture, "cat")
    urls = [media.url, media.preview_url, code.url, await until(lambda: deferToThread(copied_avatar, ada))]
    assert all(url.startswith(places.site.url) for url in urls)
    shown = [await deferToThread(requests.get, url, timeout=30) for url in urls * 3]
    assert {response.status_code for response in shown} == {200}
    assert [Image.open(BytesIO(response.content)).size for response in shown[:4]] == [(900, 600), (587, 391), (50, 50), (400, 400)]
    assert server.asked == {"/avatar.png": 1, "/cat.jpg": 1, "/emoji.png": 1}
    metrics = (await deferToThread(requests.get, f"{places.site.url}/metrics", timeout=30)).text
    assert 'microblog_media_fetches_total{result="fetched"} 3.0' in metrics
    assert "microblog_media_cache_bytes" in metrics
    assert "Traceback" not in places.site.log


def copied_avatar(client: Mastodon) -> str | None:
    avatar: str = newest(client).account.avatar
    return avatar if "/media/" in avatar else None
