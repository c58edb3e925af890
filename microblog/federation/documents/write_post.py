"""Writer of posts: notes and polls of this site's accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from attrs import field, frozen

from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.federation.documents.vocabulary import with_context
from microblog.federation.documents.write_parts import Json, addressed, audience_of, collection, emoji_tag, image, media_type, moment
from microblog.model.federation_posts import Audience
from microblog.model.ids import AccountId
from microblog.model.media import Media, MediaKind
from microblog.model.polls import Poll
from microblog.model.posts import Mention, Post, Visibility
from microblog.render.local_links import own_links


@frozen
class PostLinks:
    """References of a post's document to other objects, which may be on other servers.

    `reply_to` is the id of the parent post, `thread` the context of a thread that began elsewhere. `accounts` has the id of every mentioned
    account of another server.
    """

    reply_to: str | None = None
    thread: str | None = None
    accounts: Mapping[AccountId, str] = field(factory=dict)


@frozen
class PostWriter:
    """Makes the documents of posts of one site at one time, which decides whether a poll has ended."""

    ids: SiteIds
    now: datetime

    def document(self, post: Post, links: PostLinks) -> Json:
        """Return a post as a document of its own."""
        return with_context(self.write(post, links))

    def write(self, post: Post, links: PostLinks) -> Json:
        """Return a post, for use within another document."""
        author, number = post.author.username, post.id
        audience = self.audience(post, links)
        thread = links.thread or self.ids.make(LocalKind.THREAD, number=post.thread_id or number)
        return {
            "id": self.ids.post(author, number),
            "type": "Note",
            "summary": post.spoiler or None,
            "sensitive": post.has_sensitive_media,
            **self._content(post),
            "attributedTo": self.ids.actor(author),
            "published": moment(post.created_at),
            **({"updated": moment(post.edited_at)} if post.edited_at else {}),
            "url": self.ids.make(LocalKind.POST_PAGE, author, number),
            "inReplyTo": links.reply_to,
            **addressed(audience),
            **({"directMessage": True} if post.visibility is Visibility.DIRECT else {}),
            "context": thread,
            "conversation": thread,
            "tag": [*self._mentions(post, links), *self._hashtags(post), *(emoji_tag(emoji, self.ids) for emoji in post.emojis)],
            "attachment": list(self._attachments(post)),
            **self._collections(post),
            # Only the author's own quotes are approved, as requests of others are rejected.
            "interactionPolicy": {"canQuote": {"automaticApproval": [self.ids.actor(author)]}},
            **(self._poll(post.poll) if post.poll else {}),
        }

    def audience(self, post: Post, links: PostLinks) -> Audience:
        """Return whom a post is addressed to."""
        mentioned = [self._id(mention, links) for mention in post.mentions if mention.account_id != post.author.id]
        return audience_of(post.visibility, self.ids.followers(post.author.username), mentioned)

    def _content(self, post: Post) -> Json:
        html = own_links(post.html, self.ids.url)
        return {"content": html, **({"contentMap": {post.language: html}} if post.language else {})}

    def _id(self, mention: Mention, links: PostLinks) -> str:
        """Return the id of a mentioned account."""
        return self.ids.actor(mention.username) if mention.host is None else links.accounts[mention.account_id]

    def _mentions(self, post: Post, links: PostLinks) -> Iterator[Json]:
        for mention in post.mentions:
            name = f"@{mention.username}@{mention.host or self.ids.host}"
            yield {"type": "Mention", "href": self._id(mention, links), "name": name}

    def _hashtags(self, post: Post) -> Iterator[Json]:
        return ({"type": "Hashtag", "href": self.ids.tag(tag.key), "name": f"#{tag.name}"} for tag in post.tags)

    def _attachments(self, post: Post) -> Iterator[Json]:
        return (self._attachment(media, media.path) for media in post.media if media.path)

    def _attachment(self, media: Media, path: str) -> Json:
        """Return an attachment. Its text is in `name` for Mastodon and in `summary` for others."""
        file = media.rendition
        size, hash = (file.size, file.blurhash) if file else (None, None)
        preview = media.preview_path if media.kind is not MediaKind.IMAGE else None
        return {
            "type": "Document",
            "mediaType": media_type(path),
            "url": self.ids.absolute(path),
            **({"name": media.description, "summary": media.description} if media.description else {}),
            **({"blurhash": hash} if hash else {}),
            **({"focalPoint": [media.focus.x, media.focus.y]} if media.focus else {}),
            **({"width": size.width, "height": size.height} if size else {}),
            **({"icon": image(preview, self.ids)} if preview else {}),
        }

    def _collections(self, post: Post) -> Json:
        author, number = post.author.username, post.id
        replies = self.ids.make(LocalKind.REPLIES, author, number)
        first = {"type": "CollectionPage", "partOf": replies, "next": f"{replies}?page=true", "items": []}
        return {
            "replies": {"id": replies, "type": "Collection", "first": first},
            "likes": collection(self.ids.make(LocalKind.LIKES, author, number), post.favourites_count),
            "shares": collection(self.ids.make(LocalKind.SHARES, author, number), post.boosts_count),
        }

    def _poll(self, poll: Poll) -> Json:
        """Return the properties of a Question. Counts that are hidden until its end are left out."""
        counts = poll.counts if poll.shows_totals(self.now) else (None,) * len(poll.options)
        options = [
            {"type": "Note", "name": title, "replies": {"type": "Collection", **({} if votes is None else {"totalItems": votes})}}
            for title, votes in zip(poll.options, counts, strict=True)
        ]
        return {
            "type": "Question",
            "anyOf" if poll.multiple else "oneOf": options,
            "endTime": moment(poll.expires_at),
            "votersCount": poll.voters,
            **({"closed": moment(poll.expires_at)} if poll.ended(self.now) else {}),
        }
