"""Posts: who may publish, edit, delete and see what, and what follows from it.

Each command is one transaction: the post, its mentions and tags, what people are told of, its event and its idempotency key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import evolve, frozen

from microblog.domain import attachments, conversations, notify, polls, threads
from microblog.domain.link_previews import PreviewScheduler, may_show_preview
from microblog.domain.text import post_text
from microblog.domain.threads import BRIEF, WHOLE, ThreadBounds
from microblog.model.accounts import UnexpectedMentions, Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, PostId, ScheduledId
from microblog.model.media import Media, MediaKind
from microblog.model.notifications import NotificationKind
from microblog.model.posts import Mention, Post, PostDraft, PostFlags, PostRevision, PostThread, Visibility
from microblog.storage import accounts, events, notifications, posts
from microblog.storage.database import Cursor, Transactions

LONGEST_KEY = 255
LONGEST_LANGUAGE = 35  # RFC 5646, section 4.4.1
SIGNS = {MediaKind.VIDEO: "📹", MediaKind.GIFV: "📹", MediaKind.AUDIO: "🎵"}  # what stands for a text that there is not
BLANK = {"text": "Text can't be blank"}
NO_PARENT = "The post you are trying to reply to does not appear to exist."


def seen(cursor: Cursor, post: PostId, viewer: Viewer | None) -> Post:
    """The post, as the viewer sees it. Raises NotFound alike if there is none and if they may not see it."""
    found = posts.by_ids(cursor, posts.visible(cursor, ids=[post], viewer=viewer.id if viewer else None)).get(post)
    if found is None:
        raise NotFound
    return found


def own(cursor: Cursor, post: PostId, viewer: Viewer) -> Post:
    """The viewer's own post, which nobody else changes until the transaction ends. Raises NotFound for other people's."""
    if not posts.lock(cursor, post=post):
        raise NotFound
    found = posts.by_ids(cursor, [post]).get(post)
    if found is None or found.author.id != viewer.id:
        raise NotFound
    return found


def event_data(post: Post) -> dict[str, object]:
    """What readers of the log need in order to know whose timelines the post belongs to, without asking the database."""
    boost = post.boost
    return {
        "visibility": post.visibility,
        "boost_of": boost.id if boost else None,
        "boost_author": boost.author.id if boost else None,
        "reply_to": post.reply_to,
        "reply_to_account": post.reply_to_account,
        "thread": post.thread_id,
        "language": post.language,
        "tags": [tag.key for tag in post.tags],
        "mentions": [mention.account_id for mention in post.mentions],
    }


def record(cursor: Cursor, kind: EventKind, post: Post, at: datetime) -> None:
    """Write the event of something that happened to the post."""
    events.record(cursor, kind, at=at, account=post.author.id, post=post.id, data=event_data(post))


@frozen
class Posts:
    """The commands about posts, and looking at single ones. `host` and `base_url` are the site's public ones.

    `promises` are of previews of links; without it there are none.
    """

    database: Transactions
    host: str
    base_url: str
    max_characters: int
    now: Callable[[], datetime]
    promises: PreviewScheduler | None = None

    async def publish(self, viewer: Viewer, draft: PostDraft) -> Post:
        """Store the draft as the viewer's post. The same key again, by the same viewer, gives the first post unless it was deleted.

        Raises Invalid (fields text, spoiler, visibility, language, key), and NotFound if what it answers is not there for the viewer.
        """
        return await self.database.run(self._publish, viewer, draft)

    async def edit(self, viewer: Viewer, post: PostId, draft: PostDraft) -> Post:
        """Let the viewer's post say what the draft says; what it said stays in its history. Visibility and reply cannot change."""
        return await self.database.run(self._edit, viewer, post, draft)

    async def delete(self, viewer: Viewer, post: PostId, *, media: bool = False) -> Post:
        """Take the viewer's post away, with all boosts of it; the post as it was, for writing it anew.

        Its media can be attached to another post for a day, unless `media` is to go with it.
        """
        return await self.database.run(self._delete, viewer, post, media)

    async def one(self, viewer: Viewer | None, post: PostId) -> Post:
        """A post. Raises NotFound unless the viewer may see it."""
        return await self.database.read(seen, post, viewer)

    async def several(self, viewer: Viewer | None, ids: Sequence[PostId]) -> list[Post]:
        """Those of the posts that the viewer may see, in the order of `ids`."""
        return await self.database.read(_several, viewer, ids) if ids else []

    async def thread(self, viewer: Viewer | None, post: PostId, within: ThreadBounds | None = None) -> PostThread:
        """A post amid its conversation, as far as the viewer may see it. Without `within` as much as programs get: of strangers little."""
        return await self.database.read(self._thread, viewer, post, within or (WHOLE if viewer else BRIEF))

    async def history(self, viewer: Viewer | None, post: PostId) -> tuple[Post, list[PostRevision]]:
        """A post, and all that it ever said, oldest first."""
        return await self.database.read(self._history, viewer, post)

    async def flags(self, viewer: Viewer | None, shown: Sequence[Post]) -> dict[PostId, PostFlags]:
        """How the viewer stands to the posts, or to what they boost; an anonymous viewer to none."""
        if viewer is None or not shown:
            return {}
        return await self.database.read(posts.flags, posts=[post.original.id for post in shown], viewer=viewer.id)

    def _publish(self, cursor: Cursor, viewer: Viewer, draft: PostDraft) -> Post:
        key = self._key(draft)
        answered = posts.first_answer(cursor, account=viewer.id, key=key) if key else None
        stored = posts.by_ids(cursor, [answered]).get(answered) if answered else None
        return stored or self.publish_within(cursor, viewer, draft)

    def check_within(self, cursor: Cursor, viewer: Viewer, draft: PostDraft) -> Post:
        """What the draft would become if it were published now, without its media and poll, and not stored. Raises as `publish` does."""
        self._key(draft)
        pieces = attachments.lock_attachable(cursor, viewer, draft)
        if draft.poll:
            polls.checked(draft.poll)
        return self._composed(viewer, draft, self._parent(cursor, viewer, draft), pieces)[0]

    def publish_within(self, cursor: Cursor, viewer: Viewer, draft: PostDraft, scheduled: ScheduledId | None = None) -> Post:
        """Publish in the running transaction, whatever was published under the key before. `scheduled` held the draft's media until now."""
        key, parent = self._key(draft), self._parent(cursor, viewer, draft)
        pieces = attachments.lock_attachable(cursor, viewer, draft, scheduled=scheduled)
        post, parsed = self._composed(viewer, draft, parent, pieces)
        id = self._written(cursor, post, parsed, draft.allowed)
        self._furnish(cursor, id, pieces, draft, post.created_at)
        if self.promises and parsed.links and may_show_preview(post.visibility, furnished=bool(pieces or draft.poll)):
            self.promises.schedule(cursor, id, parsed.links, post.created_at)
        if parent and post.visibility.is_open:
            posts.count(cursor, post=parent.id, replies=1)
        post = self._stored(cursor, id)
        notify.enqueue_notifications(cursor, post, post.created_at)
        conversations.on_published(cursor, post, post.created_at)
        record(cursor, EventKind.POST_PUBLISHED, post, post.created_at)
        if key:
            posts.keep_answer(cursor, account=viewer.id, key=key, post=id, now=post.created_at)
        return post

    def _furnish(self, cursor: Cursor, id: PostId, pieces: list[Media], draft: PostDraft, now: datetime) -> None:
        if pieces:
            attachments.attach(cursor, id, pieces, draft.changes, now=now)
        if draft.poll:
            polls.ask(cursor, id, polls.checked(draft.poll), now)

    def _key(self, draft: PostDraft) -> str | None:
        if draft.key and len(draft.key) > LONGEST_KEY:
            raise Invalid({"key": f"Idempotency key is too long (maximum is {LONGEST_KEY} characters)"})
        return draft.key and post_text.clean_line(draft.key, "key")

    def _stored(self, cursor: Cursor, post: PostId) -> Post:
        found = posts.by_ids(cursor, [post]).get(post)
        if found is None:  # deleted by another transaction in this moment
            raise NotFound
        return found

    def _parent(self, cursor: Cursor, viewer: Viewer, draft: PostDraft) -> Post | None:
        if draft.reply_to is None:
            return None
        try:
            return seen(cursor, draft.reply_to, viewer).original
        except NotFound as hidden:
            raise NotFound(NO_PARENT) from hidden

    def _composed(self, viewer: Viewer, draft: PostDraft, parent: Post | None, pieces: list[Media]) -> tuple[Post, post_text.ParsedText]:
        said, spoiler = self._words(draft, pieces)
        visibility = draft.visibility or Visibility(viewer.preferences.visibility)
        if parent and (draft.visibility is None or draft.never_wider):
            visibility = visibility.narrowest(parent.visibility)
        sensitive = viewer.preferences.sensitive if draft.sensitive is None else draft.sensitive
        post = Post(
            id=PostId(0),
            author=viewer.account,
            text=said,
            html="",
            visibility=visibility,
            created_at=self.now(),
            spoiler=spoiler,
            sensitive=sensitive or bool(spoiler),
            language=_language(draft.language) or viewer.preferences.language,
            reply_to=parent.id if parent else None,
            reply_to_account=parent.author.id if parent else None,
            thread_id=parent.thread_id if parent else None,
            application=draft.application,
            website=draft.website,
        )
        return post, post_text.parse(said, self.host)

    def _words(self, draft: PostDraft, pieces: list[Media]) -> tuple[str, str]:
        said, spoiler = post_text.clean(draft.text), post_text.clean_line(draft.spoiler, "spoiler")
        if post_text.is_blank(said):
            if post_text.is_blank(spoiler) and not pieces:
                raise Invalid(BLANK, codes={"text": "ERR_BLANK"})
            said = "" if post_text.is_blank(spoiler) else SIGNS.get(pieces[0].kind, "🖼") if pieces else "."
        # Counting graphemes takes its time: a text of a megabyte is refused before it.
        if len(said) + len(spoiler) > 40 * self.max_characters or post_text.length(said, spoiler) > self.max_characters:
            raise Invalid({"text": f"Text character limit of {self.max_characters} exceeded"}, codes={"text": "ERR_TOO_LONG"})
        return said, spoiler

    def _written(self, cursor: Cursor, post: Post, parsed: post_text.ParsedText, allowed: frozenset[AccountId] | None) -> PostId:
        named = posts.nameable(cursor, usernames=parsed.mentions)
        if allowed is not None and (others := {one.account_id for one in named} - allowed - {post.author.id}):
            raise UnexpectedMentions(tuple(accounts.by_ids(cursor, ids=list(others))))
        post = evolve(post, html=parsed.html({one.username.lower(): one.username for one in named}, self.base_url))
        id = posts.insert(cursor, post)
        if named:  # a new post has nothing that would have to go
            posts.set_mentions(cursor, post=id, accounts=[one.account_id for one in named])
        if parsed.tags:
            posts.add_tags(cursor, post=id, tags=[(tag.key, tag.name) for tag in parsed.tags], now=post.created_at)
        return id

    def _label(self, cursor: Cursor, post: PostId, named: list[Mention], parsed: post_text.ParsedText, now: datetime) -> list[AccountId]:
        """Store whom the post names and its tags; those who are named anew."""
        anew = posts.set_mentions(cursor, post=post, accounts=[one.account_id for one in named])
        posts.set_tags(cursor, post=post, tags=[(tag.key, tag.name) for tag in parsed.tags], now=now)
        return anew

    def _edit(self, cursor: Cursor, viewer: Viewer, id: PostId, draft: PostDraft) -> Post:
        before = own(cursor, id, viewer)
        if before.boost:
            raise NotFound
        asked = polls.checked(draft.poll) if draft.poll else None
        pieces = attachments.lock_attachable(cursor, viewer, draft, post=id)
        after, parsed, named = self._edited(cursor, before, draft, pieces)
        same_words, same_poll = _words_of(after) == _words_of(before), not polls.asks_else(before.poll, asked)
        if same_words and same_poll and not attachments.differ(before, pieces, draft.changes):
            polls.revise(cursor, before, asked, self.now())
            return self._stored(cursor, id)
        posts.keep_revision(cursor, post=id)
        posts.rewrite(cursor, evolve(after, edited_at=self.now()))
        attachments.attach(cursor, id, pieces, draft.changes, now=self.now())
        polls.revise(cursor, before, asked, self.now())
        if self.promises:
            shown = may_show_preview(before.visibility, furnished=bool(pieces or draft.poll))
            self.promises.schedule(cursor, id, parsed.links if shown else (), self.now())
        anew = self._label(cursor, id, named, parsed, self.now())
        return self._told_of_edit(cursor, before, anew)

    def _edited(
        self, cursor: Cursor, before: Post, draft: PostDraft, pieces: list[Media]
    ) -> tuple[Post, post_text.ParsedText, list[Mention]]:
        """The post as the draft wants it, and whom it names."""
        said, spoiler = self._words(draft, pieces)
        parsed = post_text.parse(said, self.host)
        named = posts.nameable(cursor, usernames=parsed.mentions)
        after = evolve(
            before,
            text=said,
            html=parsed.html({one.username.lower(): one.username for one in named}, self.base_url),
            spoiler=spoiler,
            sensitive=bool(spoiler) or (before.sensitive if draft.sensitive is None else draft.sensitive),
            language=_language(draft.language) or before.language,
        )
        return after, parsed, named

    def _told_of_edit(self, cursor: Cursor, before: Post, anew: list[AccountId]) -> Post:
        post = self._stored(cursor, before.id)
        notify.enqueue_edit_notifications(cursor, before.id, self.now(), anew)
        conversations.on_edited(cursor, before, post, anew, self.now())
        record(cursor, EventKind.POST_EDITED, post, self.now())
        return post

    def _delete(self, cursor: Cursor, viewer: Viewer, id: PostId, media: bool) -> Post:
        post = own(cursor, id, viewer)
        remove(cursor, post, self.now(), media=media)
        return post

    def _thread(self, cursor: Cursor, viewer: Viewer | None, id: PostId, within: ThreadBounds) -> PostThread:
        post, who = seen(cursor, id, viewer).original, viewer.id if viewer else None
        above = threads.ancestors(cursor, post, who, within.ancestors)
        below = threads.descendants(cursor, post, who, within)
        shown, more = below[: within.descendants], len(below) > within.descendants
        found = posts.by_ids(cursor, {*above, *(id for id, _ in shown)})
        shown = [(id, depth) for id, depth in shown if id in found]
        ancestors, descendants = [found[id] for id in above if id in found], [found[id] for id, _ in shown]
        return PostThread(post, tuple(ancestors), tuple(descendants), tuple(depth for _, depth in shown), more)

    def _history(self, cursor: Cursor, viewer: Viewer | None, id: PostId) -> tuple[Post, list[PostRevision]]:
        post = seen(cursor, id, viewer).original
        return post, posts.history(cursor, post=post.id)


def _several(cursor: Cursor, viewer: Viewer | None, ids: Sequence[PostId]) -> list[Post]:
    found = posts.by_ids(cursor, posts.visible(cursor, ids=ids, viewer=viewer.id if viewer else None))
    return [found[id] for id in dict.fromkeys(ids) if id in found]


def remove(cursor: Cursor, post: Post, now: datetime, *, media: bool = False) -> None:
    """Take the post away in the running transaction, with its boosts, what was told about it, and what counted it; its media if wanted."""
    if not posts.delete(cursor, post=post.id, now=now):
        raise NotFound
    _uncount(cursor, post)
    if post.boost:
        notifications.take_back(
            cursor, account=post.boost.author.id, kind=NotificationKind.BOOST, sender=post.author.id, post=post.boost.id
        )
    notifications.take_back_all_of_post(cursor, post=post.id)
    attachments.detach(cursor, post, now=now, at_once=media)
    conversations.on_deleted(cursor, post, now)
    record(cursor, EventKind.POST_DELETED, post, now)
    for boost, booster, visibility in posts.delete_boosts(cursor, original=post.id, now=now):
        accounts.uncount_post(cursor, id=booster)
        data = {"visibility": visibility, "boost_of": post.id, "boost_author": post.author.id}
        events.record(cursor, EventKind.POST_DELETED, at=now, account=booster, post=boost, data=data)


def is_counted_boost(boost: Visibility, original: Visibility) -> bool:
    """True if the boost counts among the boosts of the original: if whoever sees the original may know of it."""
    return boost.is_open or not original.is_open


def _uncount(cursor: Cursor, post: Post) -> None:
    """Take the post out of the numbers that it was counted in."""
    if post.visibility.is_on_profile:
        accounts.uncount_post(cursor, id=post.author.id)
    if post.boost:
        if is_counted_boost(post.visibility, post.boost.visibility):
            posts.count(cursor, post=post.boost.id, boosts=-1)
    elif post.reply_to and post.visibility.is_open:
        posts.count(cursor, post=post.reply_to, replies=-1)


def _words_of(post: Post) -> tuple[object, ...]:
    """What an edit can change."""
    return post.text, post.spoiler, post.sensitive, post.language


def _language(given: str | None) -> str | None:
    """The language's primary subtag (ISO 639), or None where it is none: a wrong label is worse than none."""
    if not given or len(given) > LONGEST_LANGUAGE:
        return None
    primary = given.replace("_", "-").split("-")[0].lower()
    return primary if primary.isascii() and primary.isalpha() and len(primary) in (2, 3) else None
