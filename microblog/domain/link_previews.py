"""Link previews: promised in a post's own transaction, fetched by a job, shown when they are there. A post never waits for one.

Each address is fetched once, however many posts link to it, and again only when a post links to it after a while.
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
"""For how long an address is not fetched again, also where nothing was found."""
SPREAD_S = 30.0
"""Up to so many seconds after the post: a link that many sites show at once is not fetched by all of them at once."""
UNUSED_LIFETIME = timedelta(days=30)
"""How long a card stays that no post may_show_preview any more."""
TRIES = 3

PAGES = ("text/html", "application/xhtml+xml")
PICTURES = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/avif")
OEMBED = ("application/json", "application/json+oembed")
PAGE_BYTES, PICTURE_BYTES, OEMBED_BYTES = 512 * 1024, 4 * 1024 * 1024, 64 * 1024


@frozen
class PreviewScheduler:
    """Promises previews within the transactions of posts. `own` is the site's public URL; `chance` gives uniform numbers in [0, 1)."""

    base_url: str
    chance: Callable[[], float]

    def schedule(self, cursor: Cursor, post: PostId, links: Sequence[str], now: datetime) -> None:
        """Let the post show the card of its first link, if there is one that leads elsewhere."""
        url = next(
            (link for link in links if not link.startswith((self.base_url + "/", self.base_url + "?")) and link != self.base_url), None
        )
        if url is None:
            cards.attach(cursor, post=post, card=None)
            return
        asked = cards.note(cursor, url=url, now=now)
        cards.attach(cursor, post=post, card=asked.id)
        if asked.fetched_at is None or now - asked.fetched_at >= FRESH:
            due_at = now + timedelta(seconds=SPREAD_S * self.chance())
            jobs.add(cursor, FETCH, {"card": str(asked.id)}, due_at=due_at, now=now, key=str(asked.id))


def may_show_preview(visibility: Visibility, *, furnished: bool) -> bool:
    """True for posts that show cards: everybody may see them, so nothing is given away; pictures and polls of their own come first."""
    return visibility in (Visibility.PUBLIC, Visibility.UNLISTED) and not furnished


@frozen
class LinkPreviews:
    """Fetches cards, with a small copy of their pictures."""

    database: Transactions
    http: HttpFetcher
    media_store: MediaStore
    now: Callable[[], datetime]
    stem: Callable[[], str] = field(default=lambda: secrets.token_hex(16))

    async def fetch(self, id: CardId, *, last_try: bool = False) -> None:
        """Find out what the card's page says, unless that was done of late.

        Raises Unfetchable where another try may find more, unless this is the last.
        """
        known = await self.database.read(cards.address, id=id)
        if known is None or (known[1] is not None and self.now() - known[1] < FRESH):
            return
        try:
            card = await self._card(known[0])
        except FetchError as problem:
            if not problem.lasting and not last_try:
                raise
            card = None
        await self.database.run(self._fill, id, card)

    async def _card(self, url: str) -> Card | None:
        page = await self.http.get(url, types=PAGES, most=PAGE_BYTES)
        found = link_preview_parser.parse(page)
        if found.oembed and not (found.title and found.image):
            found = await self._with_oembed(found)
        card = found.card(url, page.url)
        return card and await self._pictured(card, found.image)

    async def _with_oembed(self, found: ParsedPreview) -> ParsedPreview:
        try:
            return link_preview_parser.with_oembed(found, await self.http.get(found.oembed, types=OEMBED, most=OEMBED_BYTES, whole=True))
        except FetchError:
            return found

    async def _pictured(self, card: Card, image: str) -> Card:
        """The card with a small copy of its picture, where one can be made."""
        if not image:
            return card
        try:
            file = BytesIO((await self.http.get(image, types=PICTURES, most=PICTURE_BYTES, whole=True)).body)
            format = file_types.detect_type(file)
            if format is None or not format.is_picture:
                return card
            stem = self.stem()
            await self.database.run(delete_unused, [stem], now=self.now(), due_at=self.now() + PROCESSING_GRACE)
            made = await self.media_store.preview(file, format, stem)
        except (FetchError, Invalid):
            return card
        size = made.preview_size
        width, height = (size.width, size.height) if size else (0, 0)
        return evolve(card, image=f"/media/{made.preview}", width=width, height=height, blurhash=made.blurhash)

    def _fill(self, cursor: Cursor, id: CardId, card: Card | None) -> None:
        _forget(cursor, [cards.fill(cursor, id=id, card=card, now=self.now())], self.now())


def delete_unused_cards(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete at most `limit` cards older than `before` that no post shows, and queue their images for deletion. Return the count."""
    gone = cards.sweep(cursor, before=before, limit=limit)
    _forget(cursor, gone, before)
    return len(gone)


def _forget(cursor: Cursor, images: Sequence[str], now: datetime) -> None:
    delete_unused(cursor, [image.rpartition("/")[2] for image in images if image], now=now)
