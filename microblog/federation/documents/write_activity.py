"""Writer of activities of this site's accounts.

Each is a document of its own. An account is named by its username, everything that may be on another server by its id.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from attrs import frozen

from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.federation.documents.vocabulary import with_context
from microblog.federation.documents.write_parts import Json, addressed, audience_of, moment
from microblog.federation.documents.write_post import PostLinks, PostWriter
from microblog.model.federation_posts import NOBODY, PUBLIC, Audience
from microblog.model.posts import Post

MAX_COMMENT = 5_000  # characters of a report
EVERYBODY = Audience((PUBLIC,))


def write_create(post: Post, links: PostLinks, writer: PostWriter, again: datetime | None = None) -> Json:
    """Return the publication of a post, or the one `again` at that time after its deletion: no server does one activity twice."""
    ids, name = writer.ids, post.author.username
    id = ids.make(LocalKind.CREATE, name, post.id) if again is None else ids.post_again(name, post.id, again)
    return _about_post(id, "Create", writer.write(post, links)) | {"published": moment(post.created_at)}


def write_update(post: Post, links: PostLinks, writer: PostWriter, at: datetime) -> Json:
    """Return the notice that a post was edited, or that the counts of its poll changed, at that time."""
    id = writer.ids.post_update(post.author.username, post.id, at)
    return _about_post(id, "Update", writer.write(post, links)) | {"published": moment(at)}


def _about_post(id: str, type: str, note: Json) -> Json:
    shared: Json = {name: note[name] for name in ("to", "cc", "directMessage") if name in note}
    return with_context({"id": id, "type": type, "actor": note["attributedTo"], **shared, "object": note})


def write_actor_update(name: str, actor: Json, at: datetime, ids: SiteIds) -> Json:
    """Return the notice that a profile changed. `actor` is its document."""
    id = ids.actor_update(name, at)
    embedded = {key: value for key, value in actor.items() if key != "@context"}
    return _activity(id, "Update", ids.actor(name), embedded, EVERYBODY)


def write_delete(name: str, number: int, ids: SiteIds, former_type: str = "Note", audience: Audience = EVERYBODY) -> Json:
    """Return the deletion of a post."""
    tombstone = {"id": ids.post(name, number), "type": "Tombstone", "formerType": former_type}
    return _activity(ids.make(LocalKind.POST_DELETE, name, number), "Delete", ids.actor(name), tombstone, audience)


def write_actor_delete(name: str, ids: SiteIds) -> Json:
    """Return the deletion of an account."""
    actor = ids.actor(name)
    return _activity(ids.make(LocalKind.ACTOR_DELETE, name), "Delete", actor, actor, EVERYBODY)


def write_follow(name: str, number: int, target: str, ids: SiteIds) -> Json:
    """Return the request of an account to follow `target`. `number` is the id of the follow."""
    return _activity(ids.make(LocalKind.FOLLOW, name, number), "Follow", ids.actor(name), target, Audience((target,)))


@frozen
class ReceivedFollow:
    """A follow of one of this site's accounts. `id` is that of the activity, `number` that of the follow here."""

    id: str
    follower: str
    number: int


def write_accept(name: str, follow: ReceivedFollow, ids: SiteIds) -> Json:
    """Return the consent of an account to be followed."""
    return _decision(LocalKind.ACCEPT, "Accept", name, follow, ids)


def write_reject(name: str, follow: ReceivedFollow, ids: SiteIds) -> Json:
    """Return the refusal of an account to be followed, or the removal of a follower."""
    return _decision(LocalKind.REJECT, "Reject", name, follow, ids)


def _decision(kind: LocalKind, type: str, name: str, follow: ReceivedFollow, ids: SiteIds) -> Json:
    actor = ids.actor(name)
    request = {"id": follow.id, "type": "Follow", "actor": follow.follower, "object": actor}
    return _activity(ids.make(kind, name, follow.number), type, actor, request, Audience((follow.follower,)))


@frozen
class ReceivedQuoteRequest:
    """A request to quote one of this site's posts (FEP-044f): ids of the request, who asks, the post, and the post that quotes it."""

    id: str
    actor: str
    post: str
    quote: str


def write_quote_reject(name: str, number: int, request: ReceivedQuoteRequest, ids: SiteIds) -> Json:
    """Return the refusal of an account to be quoted."""
    parts = {"id": request.id, "type": "QuoteRequest", "actor": request.actor, "object": request.post, "instrument": request.quote}
    id = ids.make(LocalKind.QUOTE_REJECT, name, number)
    return _activity(id, "Reject", ids.actor(name), parts, Audience((request.actor,)))


def write_like(name: str, number: int, post: str, author: str, ids: SiteIds) -> Json:
    """Return a favourite. `number` is its id here, `author` that of the post."""
    return _activity(ids.make(LocalKind.LIKE, name, number), "Like", ids.actor(name), post, Audience((author,)))


def write_announce(boost: Post, original: str, author: str, ids: SiteIds) -> Json:
    """Return a boost. `original` is the id of the boosted post, `author` that of its author."""
    name = boost.author.username
    audience = audience_of(boost.visibility, ids.followers(name), [author])
    announced = _activity(ids.make(LocalKind.CREATE, name, boost.id), "Announce", ids.actor(name), original, audience)
    return announced | {"published": moment(boost.created_at)}


def write_block(name: str, number: int, target: str, ids: SiteIds) -> Json:
    """Return a block, which only the server of the blocked account is told."""
    return _activity(ids.make(LocalKind.BLOCK, name, number), "Block", ids.actor(name), target, Audience((target,)))


def write_undo(activity: Json) -> Json:
    """Return the undoing of a Follow, Like, Announce or Block of this site."""
    embedded = {key: value for key, value in activity.items() if key != "@context"}
    audience = Audience(tuple(activity.get("to", ())), tuple(activity.get("cc", ())))
    return _activity(f"{activity['id']}/undo", "Undo", activity["actor"], embedded, audience)


@frozen
class ForwardedReport:
    """A report that is sent to the server of the reported account: ids of that account and of its posts, and the comment."""

    uuid: UUID
    target: str
    posts: tuple[str, ...]
    comment: str


def write_flag(report: ForwardedReport, ids: SiteIds) -> Json:
    """Return a report. It comes from the site, so that the reported account does not learn who made it."""
    id, actor = ids.make(LocalKind.REPORT, uuid=str(report.uuid)), ids.make(LocalKind.INSTANCE_ACTOR)
    reported = [report.target, *report.posts]
    return _activity(id, "Flag", actor, reported, Audience((report.target,))) | {"content": report.comment[:MAX_COMMENT]}


def write_move(name: str, number: int, target: str, ids: SiteIds) -> Json:
    """Return the move of an account to `target`, which its followers follow from then on."""
    actor = ids.actor(name)
    moved = _activity(ids.make(LocalKind.MOVE, name, number), "Move", actor, actor, Audience((ids.followers(name),)))
    return moved | {"target": target}


def write_add(name: str, item: Json | str, ids: SiteIds) -> Json:
    """Return the pinning of a post, given its id, or the featuring of a hashtag. It has no id, as on Mastodon."""
    return _featured("Add", name, item, ids)


def write_remove(name: str, item: Json | str, ids: SiteIds) -> Json:
    """Return the opposite of `write_add`."""
    return _featured("Remove", name, item, ids)


def _featured(type: str, name: str, item: Json | str, ids: SiteIds) -> Json:
    target = {"target": ids.make(LocalKind.FEATURED, name)}
    return _activity("", type, ids.actor(name), item, Audience((ids.followers(name),))) | target


@frozen
class Vote:
    """One choice in a poll of another server: ids of the poll and of its author, and the text of the option."""

    poll: str
    author: str
    option: str


def write_vote(name: str, number: int, vote: Vote, ids: SiteIds) -> Json:
    """Return one vote; of several choices, each is an activity of its own. `number` is the id of the vote here."""
    id, actor, audience = ids.make(LocalKind.VOTE, name, number), ids.actor(name), Audience((vote.author,))
    note = {"id": id, "type": "Note", "name": vote.option, "inReplyTo": vote.poll, "attributedTo": actor, **addressed(audience)}
    return _activity(f"{id}/activity", "Create", actor, note, audience)


def _activity(id: str, type: str, actor: str, object: object, audience: Audience = NOBODY) -> Json:
    identity = {"id": id} if id else {}
    recipients = {name: value for name, value in addressed(audience).items() if value}
    return with_context({**identity, "type": type, "actor": actor, **recipients, "object": object})
