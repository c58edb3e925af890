"""Which activities concern this site: nobody can fill its database with what nobody here follows, wrote or is named in."""

from __future__ import annotations

from microblog.federation.documents.ids import SiteIds
from microblog.federation.remote_posts import RemotePosts
from microblog.model.federation import Activity, ActivityKind
from microblog.model.federation_posts import RemotePost
from microblog.model.ids import AccountId
from microblog.storage import remote_posts
from microblog.storage.database import Cursor

_PUBLISHED = (ActivityKind.CREATE, ActivityKind.UPDATE)
_ABOUT_POSTS = (ActivityKind.LIKE, ActivityKind.EMOJI_REACT, ActivityKind.ANNOUNCE)


def concerns_this_site(cursor: Cursor, activity: Activity, signer: AccountId, posts: RemotePosts) -> bool:
    """True if an activity about a post may have an effect here, by what is known of its signer and its post."""
    if activity.kind is ActivityKind.DELETE:
        return activity.object_id is not None  # also of what arrives later
    if activity.kind in _PUBLISHED:
        return _names_anybody_here(activity, posts.ids) or _is_known(cursor, activity, signer, posts)
    if activity.kind in _ABOUT_POSTS and activity.object_id is not None:
        if posts.find(cursor, activity.object_id) is not None:
            return True
        return activity.kind is ActivityKind.ANNOUNCE and remote_posts.is_followed(cursor, account=signer)
    return False


def _names_anybody_here(activity: Activity, ids: SiteIds) -> bool:
    """True if an activity or its post is addressed to an account of this site, names one, or answers a post of one."""
    post = activity.object
    addressed = [*activity.audience.to, *activity.audience.cc]
    if isinstance(post, RemotePost):
        addressed += [*post.audience.to, *post.audience.cc, *(mention.href for mention in post.mentions), post.reply_to or ""]
    return any(ids.host in uri.lower() and ids.is_local(uri) for uri in addressed)


def _is_known(cursor: Cursor, activity: Activity, signer: AccountId, posts: RemotePosts) -> bool:
    """True if somebody here follows the signer, or whom the post replies to, or if the post is known."""
    if remote_posts.is_followed(cursor, account=signer):
        return True
    post = activity.object
    if activity.kind is ActivityKind.UPDATE and remote_posts.by_uri(cursor, uri=activity.object_id or "") is not None:
        return True
    parent = posts.find(cursor, post.reply_to) if isinstance(post, RemotePost) and post.reply_to else None
    return parent is not None and remote_posts.is_followed(cursor, account=parent.author)
