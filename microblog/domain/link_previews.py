"""Link previews: queued in the post's transaction, fetched by a job, shown when available. Posts never wait for one.

Each URL is fetched once, whatever the number of posts that link to it, and again only if a post links to it after a while.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from io import BytesIO

from attrs import evolve, field, frozen

from microblog.domain import file_types, link_preview_parser
from microblog.domain.attachments import PROCESSING_GRACE, delete_unused
from microblog.domain.link_preview_parser import ParsedPreview
from microblog.domain.ports import HttpFetcher, MediaStore
from microblog.model.cards import Card, CardId, FetchError
from microblog.model.errors import Invalid
from microblog.model.ids import PostId
from microblog.model.posts import Visibility
from microblog.storage import cards, jobs
from microblog.storage.database import Cursor, Transactions

FETCH = "link_preview.fetch"
FRESH = timedelta(days=14)
"""Minimum time between two fetches of a URL, even if it has no preview."""
SPREAD_S = (0.0, 30.0)
"""Random delay in seconds after the post, so that many sites do not fetch a popular link at the same time."""
REMOTE_FETCH, REMOTE_SPREAD_S = "federation.link_preview", (60.0, 600.0)
"""Job and delay for posts of other servers: all servers get them in the same moment."""
UNUSED_LIFETIME = timedelta(days=30)
"""Lifetime of a card that no post shows any more."""
TRIES = 3

PAGES = ("text/html", "application/xhtml+xml")
IMAGES = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/avif")
OEMBED = ("application/json", "application/json+oembed")
PAGE_BYTES, IMAGE_BYTES, OEMBED_BYTES = 512 * 1024, 4 * 1024 * 1024, 64 * 1024


@frozen
class PreviewScheduler:
    """Queues previews in the transactions of posts. `base_url`: the site's public one; `chance`: uniform random numbers in [0, 1).

    `kind` is the kind of the jobs, `spread` the least and the longest delay.
    """

    base_url: str
    chance: Callable[[], float]
    kind: str = FETCH
    spread: tuple[float, float] = SPREAD_S

    def for_remote_posts(self) -> PreviewScheduler:
        """Return the scheduler for posts of other servers."""
        return evolve(self, kind=REMOTE_FETCH, spread=REMOTE_SPREAD_S)

    def schedule(self, cursor: Cursor, post: PostId, links: Sequence[str], now: datetime) -> None:
        """Attach the card of the first external link to the post, and queue its fetch if it is new or outdated."""
        url = next(
            (link for link in links if not link.startswith((self.base_url + "/", self.base_url + "?")) and link != self.base_url), None
        )
        if url is None:
            cards.attach(cursor, post=post, card=None)
            return
        link = cards.get_or_create(cursor, url=url, now=now)
        cards.attach(cursor, post=post, card=link.id)
        if link.fetched_at is None or now - link.fetched_at >= FRESH:
            least, most = self.spread
            due_at = now + timedelta(seconds=least + (most - least) * self.chance())
            jobs.add(cursor, self.kind, {"card": str(link.id)}, due_at=due_at, now=now, key=str(link.id))


def may_show_preview(visibility: Visibility, *, has_media: bool) -> bool:
    """True for public posts without media or poll, so that the fetch reveals no private link."""
    return visibility in (Visibility.PUBLIC, Visibility.UNLISTED) and not has_media


@frozen
class LinkPreviews:
    """Fetches preview cards and makes small copies of their images."""

    database: Transactions
    http: HttpFetcher
    media_store: MediaStore
    now: Callable[[], datetime]
    stem: Callable[[], str] = field(default=lambda: secrets.token_hex(16))

    async def fetch(self, id: CardId, *, last_try: bool = False) -> None:
        """Fetch the card's page unless that was done recently.

        Raise FetchError if a retry may succeed, unless this is the last try.
        """
        stored = await self.database.read(cards.url_of, id=id)
        if stored is None or (stored[1] is not None and self.now() - stored[1] < FRESH):
            return
        try:
            card = await self._fetch_card(stored[0])
        except FetchError as problem:
            if not problem.permanent and not last_try:
                raise
            card = None
        await self.database.run(self._store, id, card)

    async def _fetch_card(self, url: str) -> Card | None:
        page = await self.http.get(url, types=PAGES, max_bytes=PAGE_BYTES)
        found = link_preview_parser.parse(page)
        if found.oembed and not (found.title and found.image):
            found = await self._with_oembed(found)
        card = found.card(url, page.url)
        return card and await self._with_image(card, found.image)

    async def _with_oembed(self, found: ParsedPreview) -> ParsedPreview:
        try:
            response = await self.http.get(found.oembed, types=OEMBED, max_bytes=OEMBED_BYTES, whole=True)
            return link_preview_parser.with_oembed(found, response)
        except FetchError:
            return found

    async def _with_image(self, card: Card, image: str) -> Card:
        """The card with a small copy of its image, if one can be made."""
        if not image:
            return card
        try:
            file = BytesIO((await self.http.get(image, types=IMAGES, max_bytes=IMAGE_BYTES, whole=True)).body)
            format = file_types.detect_type(file)
            if format is None or not format.is_image:
                return card
            stem = self.stem()
            await self.database.run(delete_unused, [stem], now=self.now(), due_at=self.now() + PROCESSING_GRACE)
            preview = await self.media_store.preview(file, format, stem)
        except (FetchError, Invalid):
            return card
        size = preview.preview_size
        width, height = (size.width, size.height) if size else (0, 0)
        return evolve(card, image=f"/media/{preview.preview}", width=width, height=height, blurhash=preview.blurhash)

    def _store(self, cursor: Cursor, id: CardId, card: Card | None) -> None:
        _delete_images(cursor, [cards.store_fetched(cursor, id=id, card=card, now=self.now())], self.now())


def delete_unused_cards(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete at most `limit` cards older than `before` that no post shows, and queue their images for deletion. Return the count."""
    images = cards.delete_unused(cursor, before=before, limit=limit)
    _delete_images(cursor, images, before)
    return len(images)


def _delete_images(cursor: Cursor, images: Sequence[str], now: datetime) -> None:
    delete_unused(cursor, [image.rpartition("/")[2] for image in images if image], now=now)
