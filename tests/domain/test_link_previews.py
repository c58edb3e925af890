"""Link previews: scheduled with the post, fetched once, visible only with the post, and never delaying it."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from attrs import define, field, frozen
from PIL import Image

from microblog.domain import attachments, link_previews
from microblog.domain.link_previews import FETCH, FRESH, SPREAD_S, UNUSED_LIFETIME, LinkPreviews, PreviewScheduler
from microblog.domain.posts import Posts
from microblog.jobs import post_jobs as work
from microblog.model.accounts import Viewer
from microblog.model.cards import Card, CardId, FetchedPage, FetchError
from microblog.model.ids import JobId
from microblog.model.jobs import Job, JobState, PermanentFailure, RetryLater
from microblog.model.paging import Page
from microblog.model.posts import Post, PostDraft, Visibility
from microblog.storage import jobs
from microblog.storage.database import Cursor, execute, fetch_all, fetch_value
from tests import make
from tests.fakes import RolledBackDatabase, WallClock, media_store, result_of
from tests.make import NOW

STORY = "https://news.example/story"
PAGE = b'<title>A story</title><meta name=description content="All of it"><meta property="og:image" content="/1.png">'


@define
class FakeWeb:
    """A fake web: the page or error at each URL, and the requested URLs."""

    pages: dict[str, tuple[str, bytes] | Exception] = field(factory=dict)
    requested: list[str] = field(factory=list)

    async def get(self, url: str, *, types: object, max_bytes: int, whole: bool = False) -> FetchedPage:
        """See `HttpFetcher`."""
        self.requested.append(url)
        found = self.pages.get(url, FetchError("It answers with 404."))
        if isinstance(found, Exception):
            raise found
        return FetchedPage(url, found[0], "", found[1])


@frozen
class PreviewFixture:
    """An author on a site with link previews."""

    cursor: Cursor
    viewer: Viewer
    web: FakeWeb
    clock: WallClock
    posts: Posts
    cards: LinkPreviews

    def post(self, text: str = f"Read {STORY}", visibility: Visibility = Visibility.PUBLIC) -> Post:
        return result_of(self.posts.publish(self.viewer, PostDraft(text, visibility)))

    def edit(self, post: Post, text: str) -> Post:
        return result_of(self.posts.edit(self.viewer, post.id, PostDraft(text)))

    def reload(self, post: Post) -> Post:
        return result_of(self.posts.one(self.viewer, post.id))

    @property
    def waiting(self) -> list[Job]:
        return [job for job in jobs.page_of(self.cursor, state=JobState.WAITING, page=Page()) if job.kind == FETCH]

    def fetch(self, *, last_try: bool = False) -> None:
        """Run the waiting jobs."""
        for job in self.waiting:
            result_of(self.cards.fetch(CardId(int(str(job.payload["card"]))), last_try=last_try))
            execute(self.cursor, "delete from jobs where id = %(id)s", {"id": job.id})


def png() -> bytes:
    file = BytesIO()
    Image.new("RGB", (800, 400), "teal").save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def site(cursor: Cursor, db: RolledBackDatabase, tmp_path: Path) -> PreviewFixture:
    web, clock = FakeWeb({STORY: ("text/html", PAGE), "https://news.example/1.png": ("image/png", png())}), WallClock(NOW)
    scheduler = PreviewScheduler("https://example.org", lambda: 0.5)
    posts = Posts(db, "example.org", "https://example.org", 500, clock, scheduler)
    return PreviewFixture(cursor, make.viewer(cursor), web, clock, posts, LinkPreviews(db, web, media_store(tmp_path), clock))


def test_a_post_shows_the_preview_after_it_was_fetched(site: PreviewFixture) -> None:
    post = site.post()
    assert post.card is None
    [job] = site.waiting
    assert job.due_at == NOW + timedelta(seconds=SPREAD_S[1] / 2)
    site.fetch()
    shown = site.reload(post)
    assert shown.card is not None
    assert (shown.card.url, shown.card.title, shown.card.description) == (STORY, "A story", "All of it")
    assert (shown.card.provider_name, shown.card.image.startswith("/media/"), shown.card.blurhash is not None) == (
        "news.example",
        True,
        True,
    )
    assert shown.card.width == 2 * shown.card.height
    assert shown.version != post.version, "what was rendered without the card is stale"


def test_a_url_is_fetched_once_for_all_posts_until_it_is_stale(site: PreviewFixture) -> None:
    first, second = site.post(), site.post(f"Me too {STORY}")
    assert len(site.waiting) == 1
    site.fetch()
    third = site.post(f"And I {STORY}")
    assert site.waiting == []
    assert {site.reload(post).card for post in (first, second, third)} == {site.reload(first).card}
    site.clock.advance(seconds=FRESH.total_seconds())
    site.post(f"Again {STORY}")
    site.web.pages[STORY] = ("text/html", b"<title>Another story</title>")
    site.fetch()
    card = site.reload(first).card
    assert card is not None
    assert (card.title, card.image) == ("Another story", "")


def test_the_first_external_link_gets_the_preview(site: PreviewFixture) -> None:
    site.post(f"https://example.org/@ada/1 https://example.org {STORY} https://other.example/")
    site.fetch()
    assert site.web.requested[0] == STORY


@pytest.mark.parametrize("visibility", [Visibility.PRIVATE, Visibility.DIRECT])
def test_links_of_restricted_posts_are_not_fetched(site: PreviewFixture, visibility: Visibility) -> None:
    site.post(visibility=visibility)
    assert site.waiting == []
    assert fetch_value(site.cursor, "select count(*) from cards") == 0


def test_an_edited_link_changes_the_preview(site: PreviewFixture) -> None:
    post = site.post()
    site.fetch()
    site.web.pages["https://other.example/"] = ("text/html", b"<title>Other</title>")
    assert site.edit(post, "Rather https://other.example/").card is None
    site.fetch()
    card = site.reload(post).card
    assert card is not None
    assert card.title == "Other"
    assert site.edit(post, "Neither").card is None


def test_a_site_without_previews_schedules_no_fetch(site: PreviewFixture, db: RolledBackDatabase) -> None:
    result_of(make.post_service(db).publish(site.viewer, PostDraft(f"Read {STORY}")))
    assert site.waiting == []


@pytest.mark.parametrize("page", [b"", b"<p>no title", b"\xff\xfe\x00", b'<meta property="og:title" content="   ">'])
def test_a_page_without_metadata_has_no_preview(site: PreviewFixture, page: bytes) -> None:
    site.web.pages[STORY] = ("text/html", page)
    post = site.post()
    site.fetch()
    assert site.reload(post).card is None
    site.post()
    assert site.waiting == [], "it is not asked again for a while"


def test_permanent_errors_end_the_job_and_temporary_ones_are_retried(site: PreviewFixture) -> None:
    site.web.pages[STORY] = FetchError("It answers with 404.")
    site.post()
    site.fetch()
    site.web.pages["https://slow.example/"] = FetchError("It took longer than 12 seconds.", permanent=False)
    post = site.post("https://slow.example/")
    with pytest.raises(FetchError):
        site.fetch()
    site.fetch(last_try=True)
    assert site.reload(post).card is None
    assert site.waiting == []


def test_an_unreachable_link_is_retried_later(site: PreviewFixture) -> None:
    site.web.pages["https://gone.example/"] = FetchError("There is no such host.", permanent=False)
    site.post("https://gone.example/")
    [job] = site.waiting
    with pytest.raises(RetryLater, match="There is no such host"):
        result_of(work.card_tasks(site.cards)[FETCH](job))  # type: ignore[arg-type]  # a coroutine, as every task


def test_a_deleted_or_fresh_preview_is_not_fetched(site: PreviewFixture) -> None:
    result_of(site.cards.fetch(CardId(1)))
    site.post()
    [job] = site.waiting
    site.fetch()
    requested = len(site.web.requested)
    result_of(site.cards.fetch(CardId(int(str(job.payload["card"])))))
    assert len(site.web.requested) == requested


def test_a_preview_stays_when_its_page_is_gone(site: PreviewFixture) -> None:
    post = site.post()
    site.fetch()
    site.clock.advance(seconds=FRESH.total_seconds())
    site.web.pages.clear()
    site.post()
    site.fetch()
    assert site.reload(post).card is not None


@pytest.mark.parametrize(
    "answer",
    [
        ("image/png", b"not a picture"),
        ("image/png", b"\x89PNG\r\n\x1a\nbroken"),
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"),
        FetchError("It is longer than 4194304 bytes."),
    ],
)
def test_a_preview_without_a_usable_image_is_still_shown(site: PreviewFixture, answer: tuple[str, bytes] | Exception) -> None:
    site.web.pages["https://news.example/1.png"] = answer
    post = site.post()
    site.fetch()
    card = site.reload(post).card
    assert card is not None
    assert (card.title, card.image) == ("A story", "")


def test_oembed_is_requested_if_the_page_lacks_metadata(site: PreviewFixture) -> None:
    site.web.pages[STORY] = ("text/html", b'<link rel=alternate type="application/json+oembed" href=/oembed>')
    site.web.pages["https://news.example/oembed"] = ("application/json", b'{"title": "Film", "author_name": "Ada", "html": "<script>"}')
    post = site.post()
    site.fetch()
    card = site.reload(post).card
    assert card is not None
    assert (card.title, card.author_name) == ("Film", "Ada")


def test_unused_preview_images_are_deleted(site: PreviewFixture, db: RolledBackDatabase) -> None:
    post = site.post()
    site.fetch()
    card = site.reload(post).card
    assert card is not None
    name = card.image.rpartition("/")[2]
    pieces = attachments.Attachments(db, site.cards.media_store, site.clock, pause=lambda _: None)  # type: ignore[arg-type,return-value]
    result_of(pieces.delete_unused([name]))
    assert result_of(site.cards.media_store.files.names_with_stem(name)) == [name]
    later = NOW + timedelta(days=1)
    assert link_previews.delete_unused_cards(site.cursor, before=later, limit=10) == 0, "a post shows it"
    site.edit(post, "no link")
    assert link_previews.delete_unused_cards(site.cursor, before=later, limit=10) == 1
    names: list[list[str]] = fetch_all(
        site.cursor, list, "select payload->'names' from jobs where kind = 'media.delete_unused' and due_at <= %(now)s", {"now": later}
    )
    assert [name] in names
    result_of(pieces.delete_unused([name]))
    assert result_of(site.cards.media_store.files.names_with_stem(name)) == []


def test_the_fetch_job_updates_its_preview_and_requires_an_id(site: PreviewFixture) -> None:
    cards: LinkPreviews | None = None

    async def run(payload: dict[str, object]) -> None:
        await work.card_tasks(cards)[FETCH](Job(JobId(1), FETCH, payload, 1, JobState.RUNNING, NOW, NOW))

    result_of(run({"card": "1"}))  # switched off: nothing happens
    cards = site.cards
    site.post()
    result_of(run(dict(site.waiting[0].payload)))
    assert fetch_value(site.cursor, "select title from cards") == "A story"
    with pytest.raises(PermanentFailure):
        result_of(run({}))
    assert {sweep.kind for sweep in work.CLEANUP_BATCHES} >= {"cleanup.link_previews"}
    assert UNUSED_LIFETIME > FRESH


def test_hostile_metadata_is_stored_as_plain_text(site: PreviewFixture) -> None:
    site.web.pages[STORY] = ("text/html", b'<title>\x00&lt;script&gt;\xe2\x80\xaealert(1)\r\nX: y</title><html lang="\'">')
    post = site.post()
    site.fetch()
    card = site.reload(post).card
    assert card == Card(STORY, "\ufffd<script>alert(1) X: y", provider_name="news.example", provider_url="https://news.example")
