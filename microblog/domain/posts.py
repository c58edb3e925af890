"""Posts: who may publish, edit, delete and see them, and the side effects.

Each command is one transaction: the post, its mentions and tags, the job for its notifications, its event and its idempotency key.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from attrs import evolve, field, frozen

from microblog.domain import attachments, conversations, notify, polls, threads
from microblog.domain.caching.flags_cache import FlagsCache
from microblog.domain.link_previews import PreviewScheduler, may_show_preview
from microblog.domain.post_events import record
from microblog.domain.remote_mentions import RemoteMentions, mention_links, mentioned_accounts
from microblog.domain.text import post_text
from microblog.domain.threads import BRIEF, WHOLE, ThreadBounds, ThreadIds
from microblog.model.accounts import UnexpectedMentions, Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, PostId, ScheduledId
from microblog.model.media import Media, MediaKind
from microblog.model.notifications import NotificationKind
from microblog.model.posts import NO_FLAGS, Mention, Post, PostDraft, PostFlags, PostRevision, PostThread, Visibility
from microblog.storage import accounts, deleted_posts, events, idempotency_keys, notifications, posts, reviewed_tags
from microblog.storage.database import Cursor, Transactions

MAX_KEY_LENGTH = 255
MAX_LANGUAGE_LENGTH = 35  # RFC 5646, section 4.4.1
PLACEHOLDERS = {MediaKind.VIDEO: "📹", MediaKind.GIFV: "📹", MediaKind.AUDIO: "🎵"}  # shown in place of an empty text
BLANK = {"text": "Text can't be blank"}
NO_PARENT = "The post you are trying to reply to does not appear to exist."


def visible_post(cursor: Cursor, post: PostId, viewer: Viewer | None) -> Post:
    """Return the post if the viewer may see it. Raises NotFound both for a missing and for a hidden post."""
    found = posts.visible_by_ids(cursor, [post], viewer.id if viewer else None).get(post)
    if found is None:
        raise NotFound
    return found


def own_post(cursor: Cursor, post: PostId, viewer: Viewer) -> Post:
    """Return the viewer's own post, locked until the transaction ends. Raises NotFound for other accounts' posts."""
    if not posts.lock(cursor, post=post):
        raise NotFound
    found = posts.by_ids(cursor, [post]).get(post)
    if found is None or found.author.id != viewer.id:
        raise NotFound
    return found


@frozen
class Posts:
    """The commands about posts, and reading of single posts. `host` and `base_url` are the site's public ones.

    `previews` schedules link previews; without it there are none. `flags`: the cache that learns that new posts have no flags.
    """

    database: Transactions
    host: str
    base_url: str
    max_characters: int
    now: Callable[[], datetime]
    previews: PreviewScheduler | None = None
    flags: FlagsCache | None = None
    remote_mentions: RemoteMentions = field(factory=RemoteMentions)

    async def publish(self, viewer: Viewer, draft: PostDraft) -> Post:
        """Store the draft as the viewer's post. The same idempotency key returns the first post, unless it was deleted.

        Raises Invalid (fields text, spoiler, visibility, language, key), and NotFound if the viewer may not see the post that it replies
        to.
        """
        await self.remote_mentions.prepare(viewer, draft.text, self.host)
        since = self.flags.log_position if self.flags else 0
        post, flags = await self.database.run(self._publish, viewer, draft)
        if self.flags and flags is not None:
            self.flags.add_new(viewer.id, post, since, flags)
        return post

    async def edit(self, viewer: Viewer, post: PostId, draft: PostDraft) -> Post:
        """Replace the content of the viewer's post; the old version goes to the edit history. Visibility and parent cannot change."""
        await self.remote_mentions.prepare(viewer, draft.text, self.host)
        return await self.database.run(self._edit, viewer, post, draft)

    async def delete(self, viewer: Viewer, post: PostId, *, media: bool = False) -> Post:
        """Delete the viewer's post and all boosts of it; returns the post as it was, for "delete and redraft".

        Its media can be attached to another post for a day, unless `media` deletes them too.
        """
        return await self.database.run(self._delete, viewer, post, media)

    async def one(self, viewer: Viewer | None, post: PostId) -> Post:
        """Return a post. Raises NotFound unless the viewer may see it."""
        return await self.database.read(visible_post, post, viewer)

    async def several(self, viewer: Viewer | None, ids: Sequence[PostId]) -> list[Post]:
        """Return those of the posts that the viewer may see, in the order of `ids`."""
        return await self.database.read(_several, viewer, ids) if ids else []

    async def thread(self, viewer: Viewer | None, post: PostId, within: ThreadBounds | None = None) -> PostThread:
        """Return a post with its thread, as far as the viewer may see it.

        `within` defaults to the API's limits, which are smaller for anonymous viewers.
        """
        return await self.database.read(self._thread, viewer, post, within or (WHOLE if viewer else BRIEF))

    async def thread_ids(self, viewer: Viewer | None, post: PostId, within: ThreadBounds | None = None) -> ThreadIds:
        """Return the ids of the posts of that thread."""
        return await self.database.read(self._thread_ids, viewer, post, within or (WHOLE if viewer else BRIEF))

    async def history(self, viewer: Viewer | None, post: PostId) -> tuple[Post, list[PostRevision]]:
        """Return a post and all its versions, oldest first."""
        return await self.database.read(self._history, viewer, post)

    def _publish(self, cursor: Cursor, viewer: Viewer, draft: PostDraft) -> tuple[Post, PostFlags | None]:
        """Return the post, and if it is new, its author's flags of it."""
        key = self._key(draft)
        earlier = idempotency_keys.post_of(cursor, account=viewer.id, key=key) if key else None
        stored = posts.by_ids(cursor, [earlier]).get(earlier) if earlier else None
        if stored:
            return stored, None
        post, flags = self.publish_within(cursor, viewer, draft), NO_FLAGS
        if self.flags and post.reply_to:  # its thread may be muted
            flags = posts.flags(cursor, posts=[post.id], viewer=viewer.id).get(post.id, NO_FLAGS)
        return post, flags

    def check_within(self, cursor: Cursor, viewer: Viewer, draft: PostDraft) -> Post:
        """Return the post that the draft would become if published now, without media and poll; stores nothing.

        Raises as `publish` does.
        """
        self._key(draft)
        attached = attachments.lock_attachable(cursor, viewer, draft)
        if draft.poll:
            polls.checked(draft.poll)
        post, parsed = self._compose(viewer, draft, self._parent(cursor, viewer, draft), attached)
        _require_usable(cursor, {tag.key for tag in parsed.tags})
        return post

    def publish_within(self, cursor: Cursor, viewer: Viewer, draft: PostDraft, scheduled: ScheduledId | None = None) -> Post:
        """Publish in the running transaction, without looking up the idempotency key.

        `scheduled` is the scheduled post that reserved the draft's media.
        """
        key, parent = self._key(draft), self._parent(cursor, viewer, draft)
        attached = attachments.lock_attachable(cursor, viewer, draft, scheduled=scheduled)
        post, parsed = self._compose(viewer, draft, parent, attached)
        _require_usable(cursor, {tag.key for tag in parsed.tags})
        id = self._insert(cursor, post, parsed, draft.allowed)
        self._add_attachments(cursor, id, attached, draft, post.created_at)
        if self.previews and parsed.links and may_show_preview(post.visibility, has_media=bool(attached or draft.poll)):
            self.previews.schedule(cursor, id, parsed.links, post.created_at)
        if parent and post.visibility.is_open:
            posts.count(cursor, post=parent.id, replies=1)
        post = self._load(cursor, id)
        conversations.on_published(cursor, post, post.created_at)
        late = draft.allowed is None and self.remote_mentions.enqueue_missing(cursor, post, parsed)
        record(cursor, EventKind.POST_PUBLISHED, post, post.created_at, unresolved=late)
        notify.notify_of_post(cursor, post, post.created_at)
        if key:
            idempotency_keys.store(cursor, account=viewer.id, key=key, post=id, now=post.created_at)
        return post

    def _add_attachments(self, cursor: Cursor, id: PostId, attached: list[Media], draft: PostDraft, now: datetime) -> None:
        if attached:
            attachments.attach(cursor, id, attached, draft.changes, now=now)
        if draft.poll:
            polls.create(cursor, id, polls.checked(draft.poll), now)

    def _key(self, draft: PostDraft) -> str | None:
        if draft.key and len(draft.key) > MAX_KEY_LENGTH:
            raise Invalid({"key": f"Idempotency key is too long (maximum is {MAX_KEY_LENGTH} characters)"})
        return draft.key and post_text.clean_line(draft.key, "key")

    def _load(self, cursor: Cursor, post: PostId) -> Post:
        found = posts.by_ids(cursor, [post]).get(post)
        if found is None:  # deleted meanwhile by another transaction
            raise NotFound
        return found

    def _parent(self, cursor: Cursor, viewer: Viewer, draft: PostDraft) -> Post | None:
        if draft.reply_to is None:
            return None
        try:
            return visible_post(cursor, draft.reply_to, viewer).original
        except NotFound as hidden:
            raise NotFound(NO_PARENT) from hidden

    def _compose(self, viewer: Viewer, draft: PostDraft, parent: Post | None, attached: list[Media]) -> tuple[Post, post_text.ParsedText]:
        text, spoiler = self._checked_text(draft, attached)
        visibility = draft.visibility or Visibility(viewer.preferences.visibility)
        if parent and (draft.visibility is None or draft.never_wider):
            visibility = visibility.narrower(parent.visibility)
        sensitive = viewer.preferences.sensitive if draft.sensitive is None else draft.sensitive
        post = Post(
            id=PostId(0),
            author=viewer.account,
            text=text,
            html="",
            visibility=visibility,
            created_at=self.now(),
            spoiler=spoiler,
            sensitive=sensitive or bool(spoiler),
            language=primary_language(draft.language) or viewer.preferences.language,
            reply_to=parent.id if parent else None,
            reply_to_account=parent.author.id if parent else None,
            thread_id=parent.thread_id if parent else None,
            application=draft.application,
            website=draft.website,
        )
        return post, post_text.parse(text, self.host)

    def _checked_text(self, draft: PostDraft, attached: list[Media]) -> tuple[str, str]:
        text, spoiler = post_text.clean(draft.text), post_text.clean_line(draft.spoiler, "spoiler")
        if post_text.is_blank(text):
            if post_text.is_blank(spoiler) and not attached:
                raise Invalid(BLANK, codes={"text": "ERR_BLANK"})
            text = "" if post_text.is_blank(spoiler) else PLACEHOLDERS.get(attached[0].kind, "🖼") if attached else "."
        # Counting graphemes is slow: reject a text of a megabyte before.
        if len(text) + len(spoiler) > 40 * self.max_characters or post_text.length(text, spoiler) > self.max_characters:
            raise Invalid({"text": f"Text character limit of {self.max_characters} exceeded"}, codes={"text": "ERR_TOO_LONG"})
        return text, spoiler

    def _insert(self, cursor: Cursor, post: Post, parsed: post_text.ParsedText, allowed: frozenset[AccountId] | None) -> PostId:
        mentioned = self._mentioned(cursor, parsed)
        if allowed is not None and (unexpected := {one.account_id for one in mentioned} - allowed - {post.author.id}):
            raise UnexpectedMentions(tuple(accounts.by_ids(cursor, ids=list(unexpected))))
        post = evolve(post, html=parsed.html(mention_links(mentioned), self.base_url))
        id = posts.insert(cursor, post)
        if mentioned:  # nothing to delete first: the post is new
            posts.set_mentions(cursor, post=id, accounts=[one.account_id for one in mentioned])
        if parsed.tags:
            posts.add_tags(cursor, post=id, tags=[(tag.key, tag.name) for tag in parsed.tags], now=post.created_at)
        return id

    def _mentioned(self, cursor: Cursor, parsed: post_text.ParsedText) -> list[Mention]:
        return mentioned_accounts(cursor, parsed, elsewhere=self.remote_mentions.lookup is not None)

    def _set_mentions_and_tags(
        self, cursor: Cursor, post: PostId, mentioned: list[Mention], parsed: post_text.ParsedText, now: datetime
    ) -> list[AccountId]:
        """Store mentions and tags; returns the newly mentioned accounts."""
        newly_mentioned = posts.set_mentions(cursor, post=post, accounts=[one.account_id for one in mentioned])
        posts.set_tags(cursor, post=post, tags=[(tag.key, tag.name) for tag in parsed.tags], now=now)
        return newly_mentioned

    def _edit(self, cursor: Cursor, viewer: Viewer, id: PostId, draft: PostDraft) -> Post:
        before = own_post(cursor, id, viewer)
        if before.boost:
            raise NotFound
        poll = polls.checked(draft.poll) if draft.poll else None
        attached = attachments.lock_attachable(cursor, viewer, draft, post=id)
        after, parsed, mentioned = self._apply_draft(cursor, before, draft, attached)
        same_content, same_poll = _content(after) == _content(before), not polls.changes_question(before.poll, poll)
        if same_content and same_poll and not attachments.differ(before, attached, draft.changes):
            polls.revise(cursor, before, poll, self.now())
            return self._load(cursor, id)
        posts.store_revision(cursor, post=id)
        posts.update_content(cursor, evolve(after, edited_at=self.now()))
        attachments.attach(cursor, id, attached, draft.changes, now=self.now())
        polls.revise(cursor, before, poll, self.now())
        if self.previews:
            shown = may_show_preview(before.visibility, has_media=bool(attached or draft.poll))
            self.previews.schedule(cursor, id, parsed.links if shown else (), self.now())
        newly_mentioned = self._set_mentions_and_tags(cursor, id, mentioned, parsed, self.now())
        post = self._publish_edit(cursor, before, newly_mentioned)
        self.remote_mentions.enqueue_missing(cursor, post, parsed)
        return post

    def _apply_draft(
        self, cursor: Cursor, before: Post, draft: PostDraft, attached: list[Media]
    ) -> tuple[Post, post_text.ParsedText, list[Mention]]:
        """Return the edited post with its parsed text and mentions."""
        text, spoiler = self._checked_text(draft, attached)
        parsed = post_text.parse(text, self.host)
        _require_usable(cursor, {tag.key for tag in parsed.tags} - {tag.key for tag in before.tags})
        mentioned = self._mentioned(cursor, parsed)
        after = evolve(
            before,
            text=text,
            html=parsed.html(mention_links(mentioned), self.base_url),
            spoiler=spoiler,
            sensitive=bool(spoiler) or (before.sensitive if draft.sensitive is None else draft.sensitive),
            language=primary_language(draft.language) or before.language,
        )
        return after, parsed, mentioned

    def _publish_edit(self, cursor: Cursor, before: Post, newly_mentioned: list[AccountId]) -> Post:
        post = self._load(cursor, before.id)
        notify.enqueue_edit_notifications(cursor, before.id, self.now(), newly_mentioned)
        conversations.on_edited(cursor, before, post, newly_mentioned, self.now())
        record(cursor, EventKind.POST_EDITED, post, self.now())
        return post

    def _delete(self, cursor: Cursor, viewer: Viewer, id: PostId, media: bool) -> Post:
        post = own_post(cursor, id, viewer)
        remove(cursor, post, self.now(), media=media)
        return post

    def _thread(self, cursor: Cursor, viewer: Viewer | None, id: PostId, within: ThreadBounds) -> PostThread:
        ids = self._thread_ids(cursor, viewer, id, within)
        thread = ids.thread(posts.by_ids(cursor, set(ids.all)))
        if thread is None:
            raise NotFound
        return thread

    def _thread_ids(self, cursor: Cursor, viewer: Viewer | None, id: PostId, within: ThreadBounds) -> ThreadIds:
        post, viewer_id = visible_post(cursor, id, viewer).original, viewer.id if viewer else None
        above = threads.ancestors(cursor, post, viewer_id, within.ancestors)
        below = threads.descendants(cursor, post, viewer_id, within)
        shown, more = below[: within.descendants], len(below) > within.descendants
        return ThreadIds(post.id, tuple(above), tuple(id for id, _ in shown), tuple(depth for _, depth in shown), more)

    def _history(self, cursor: Cursor, viewer: Viewer | None, id: PostId) -> tuple[Post, list[PostRevision]]:
        post = visible_post(cursor, id, viewer).original
        return post, posts.history(cursor, post=post.id)


def _require_usable(cursor: Cursor, keys: Collection[str]) -> None:
    """Raise Invalid if moderators do not allow one of the hashtags."""
    if names := reviewed_tags.unusable(cursor, keys=sorted(keys)) if keys else []:
        words = "a disallowed hashtag" if len(names) == 1 else "the disallowed hashtags"
        raise Invalid({"text": f"Text contained {words}: {', '.join(names)}"}, codes={"text": "ERR_INVALID"})


def _several(cursor: Cursor, viewer: Viewer | None, ids: Sequence[PostId]) -> list[Post]:
    found = posts.visible_by_ids(cursor, ids, viewer.id if viewer else None)
    return [found[id] for id in dict.fromkeys(ids) if id in found]


def remove(cursor: Cursor, post: Post, now: datetime, *, media: bool = False, restorable: bool = False) -> None:
    """Delete the post in the running transaction, with its boosts and notifications, and adjust the counters.

    `media`: delete its media at once. `restorable`: leave them where they are, so that the post can come back (`deleted_posts.restore`).
    """
    if not posts.delete(cursor, post=post.id, now=now):
        raise NotFound
    _uncount(cursor, post)
    if post.boost:
        notifications.withdraw(cursor, account=post.boost.author.id, kind=NotificationKind.BOOST, sender=post.author.id, post=post.boost.id)
    notifications.delete_of_post(cursor, post=post.id)
    if not restorable:
        attachments.detach(cursor, post, now=now, at_once=media)
    conversations.on_deleted(cursor, post, now)
    record(cursor, EventKind.POST_DELETED, post, now)
    for boost, booster, visibility in deleted_posts.delete_boosts(cursor, original=post.id, now=now):
        accounts.uncount_post(cursor, id=booster)
        data = {"visibility": visibility, "boost_of": post.id, "boost_author": post.author.id}
        events.record(cursor, EventKind.POST_DELETED, at=now, account=booster, post=boost, data=data)


def is_counted_boost(boost: Visibility, original: Visibility) -> bool:
    """Return True if the boost counts: everyone who sees the original may see the boost too."""
    return boost.is_open or not original.is_open


def _uncount(cursor: Cursor, post: Post) -> None:
    """Subtract the post from the counters that include it."""
    if post.visibility.is_on_profile:
        accounts.uncount_post(cursor, id=post.author.id)
    if post.boost:
        if is_counted_boost(post.visibility, post.boost.visibility):
            posts.count(cursor, post=post.boost.id, boosts=-1)
    elif post.reply_to and post.visibility.is_open:
        posts.count(cursor, post=post.reply_to, replies=-1)


def _content(post: Post) -> tuple[object, ...]:
    """Return the fields that an edit can change."""
    return post.text, post.spoiler, post.sensitive, post.language


def primary_language(given: str | None) -> str | None:
    """Return the primary subtag (ISO 639), or None if invalid: no language is better than a wrong one."""
    if not given or len(given) > MAX_LANGUAGE_LENGTH:
        return None
    primary = given.replace("_", "-").split("-")[0].lower()
    return primary if primary.isascii() and primary.isalpha() and len(primary) in (2, 3) else None
