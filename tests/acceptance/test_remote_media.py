"""A started site, a server of Fedify and a server of files: pictures, emoji and avatars of people there, over real sockets."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
import requests
from attrs import frozen
from mastodon import Mastodon
from PIL import Image
from twisted.internet.threads import deferToThread

from tests import files
from tests.acceptance.accounts import register_account
from tests.acceptance.federation_sites import find, newest, until
from tests.acceptance.site_process import SiteProcess
from tests.federation.file_server import FileServer
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
def places(federated_site: SiteProcess, peer: Peer, file_server: FileServer) -> Places:
    return Places(federated_site, peer, file_server)


def address(peer: Peer, name: str) -> str:
    return f"@{name}@127.0.0.1:{peer.port}"


FETCHED = re.compile(r'^microblog_media_fetches_total\{result="fetched"\} ([0-9.]+)$', re.MULTILINE)


async def test_a_post_with_a_picture_and_an_emoji_by_somebody_with_an_avatar(places: Places) -> None:
    peer, server = places.peer, places.files
    picture = server.put("/cat.jpg", files.image(size=(900, 600)).getvalue(), "text/html")
    emoji = server.put("/emoji.png", files.image("PNG", size=(50, 50)).getvalue())
    await peer.control("configure", icon=server.put("/avatar.png", files.image("PNG", size=(300, 300)).getvalue()))
    fetched_before = await fetched(places.site)
    ada = await deferToThread(register_account, places.site, "ada")
    flo = await deferToThread(find, ada, address(peer, "flo"))  # whom the site does not know yet, without an avatar
    await deferToThread(ada.account_follow, flo)
    await until(lambda: deferToThread(lambda: ada.account_relationships(flo)[0].following))

    id = f"{peer.origin}/users/flo/notes/picture"
    note = {
        "id": id, "type": "Note", "attributedTo": f"{peer.origin}/users/flo", "content": "<p>Look :cat:</p>",
        "to": "https://www.w3.org/ns/activitystreams#Public",
        "attachment": {"type": "Document", "mediaType": "image/jpeg", "url": picture, "name": "A cat"},
        "tag": {"type": "Emoji", "id": f"{id}#cat", "name": ":cat:", "icon": {"type": "Image", "url": emoji}},
    }  # fmt: skip
    activity = {"@context": CONTEXT, "type": "Create", "object": note, "to": "https://www.w3.org/ns/activitystreams#Public"}
    await peer.control("send", **{"as": "flo"}, activity=activity)
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
    assert await fetched(places.site) - fetched_before == 3
    assert "Traceback" not in places.site.log
    await peer.control("configure")


async def fetched(site: SiteProcess) -> float:
    """Return how many files of other servers the site has fetched, as its metrics say, which also have the size of all copies."""
    metrics = (await deferToThread(requests.get, f"{site.url}/metrics", timeout=30)).text
    assert "microblog_media_cache_bytes" in metrics
    return sum(float(number) for number in FETCHED.findall(metrics))


def copied_avatar(client: Mastodon) -> str | None:
    avatar: str = newest(client).account.avatar
    return avatar if "/media/" in avatar else None
