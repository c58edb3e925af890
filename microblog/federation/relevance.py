"""Choice of what concerns this site: nobody can fill its database with what nobody here follows, wrote or is named in."""

from __future__ import annotations

from attrs import frozen

from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.federation.idempotency import keys_of_what_is_taken_back
from microblog.federation.incoming_moves import is_move_of_followed
from microblog.federation.incoming_reports import reported
from microblog.federation.remote_posts import RemotePosts
from microblog.model.accounts import Account
from microblog.model.federation import Activity, ActivityKind, Reference, RemoteObject
from microblog.model.federation_posts import RemotePost
from microblog.model.ids import AccountId
from microblog.storage import accounts, incoming_activities, received_actions, remote_posts, remote_relations
from microblog.storage.database import Cursor

_PUBLISHED = frozenset({ActivityKind.CREATE, ActivityKind.UPDATE})
_TO_FOLLOWERS = _PUBLISHED | {ActivityKind.ANNOUNCE}
_ABOUT_POSTS = frozenset({ActivityKind.QUOTE_REQUEST, ActivityKind.LIKE, ActivityKind.EMOJI_REACT, ActivityKind.ANNOUNCE})


@frozen
class Signer:
    """The actor of an activity, who signed it."""

    id: AccountId
    uri: str


@frozen
class Relevance:
    """Decides which activities are worth storing, by what is known of their signer and of what they are about."""

    ids: SiteIds
    posts: RemotePosts

    def is_certain(self, activity: Activity) -> bool:
        """True for what an actor does to itself, and for posts that are addressed to somebody here: these need no look-up."""
        return is_about_itself(activity) or (activity.kind in _PUBLISHED and self._names_anybody_here(activity))

    def is_for_followers(self, activity: Activity) -> bool:
        """True for what concerns this site if anybody here follows the signer."""
        return activity.kind in _TO_FOLLOWERS and not is_about_itself(activity)

    def concerns_this_site(self, cursor: Cursor, activity: Activity, signer: Signer) -> bool:
        """True if the activity may have an effect here."""
        match activity.kind:
            case ActivityKind.FOLLOW | ActivityKind.BLOCK:
                return self.account_here(cursor, activity.object_id) is not None
            case ActivityKind.ACCEPT | ActivityKind.REJECT:
                return self.answered_follower(cursor, activity.object, signer) is not None
            case ActivityKind.UNDO:
                return self._undoes_what_matters(cursor, activity, signer)
            case ActivityKind.FLAG:
                return any(reported(activity, self.ids))
            case ActivityKind.ADD | ActivityKind.REMOVE:
                return activity.target is not None and remote_posts.is_followed(cursor, account=signer.id)
            case ActivityKind.MOVE:
                return is_move_of_followed(cursor, activity, signer.id)
            case ActivityKind.DELETE if not is_about_itself(activity):
                return activity.object_id is not None and self._may_take_back(cursor, signer, activity.object_id)
        return self.is_certain(activity) or self._is_about_a_post_of_interest(cursor, activity, signer)

    def account_here(self, cursor: Cursor, uri: str | None) -> Account | None:
        """Return the account of this site with this id; None if there is none."""
        found = self.ids.parse(uri or "")
        if found is None or found.kind is not LocalKind.ACTOR:
            return None
        return accounts.approved_by_username(cursor, username=found.name)

    def answered_follower(self, cursor: Cursor, follow: RemoteObject | None, signer: Signer) -> AccountId | None:
        """Return the account of this site that follows or asks the signer by the follow that the signer answers.

        The follow is found by its id, or by who is meant if the id is not one of this site.
        """
        if not isinstance(follow, Reference | Activity):
            return None
        named = self.ids.parse(follow.id or "")
        if named is not None and named.kind is LocalKind.FOLLOW:
            return remote_relations.follower_of(cursor, id=named.number, followee=signer.id)
        if isinstance(follow, Activity) and follow.kind is ActivityKind.FOLLOW and follow.object_id == signer.uri:
            follower = self.account_here(cursor, follow.actor)
            is_known = follower is not None and remote_relations.follows_or_asks(cursor, follower=follower.id, followee=signer.id)
            return follower.id if follower is not None and is_known else None
        return None

    def _undoes_what_matters(self, cursor: Cursor, activity: Activity, signer: Signer) -> bool:
        """True if what is undone may have, or have had, an effect here. What is named by its id only must be known or come from somebody
        whom somebody here has to do with: strangers could make ids up.
        """
        undone = activity.object
        if not isinstance(undone, Activity):
            return activity.object_id is not None and self._may_take_back(cursor, signer, activity.object_id)
        if undone.actor != activity.actor or undone.kind is ActivityKind.UNDO:
            return False
        return self.concerns_this_site(cursor, undone, signer)

    def _may_take_back(self, cursor: Cursor, signer: Signer, uri: str) -> bool:
        """True if the signer did something known under this id, or might have, as it has to do with somebody here."""
        post = remote_posts.by_uri(cursor, uri=uri)
        return (
            (post is not None and post.author == signer.id)
            or remote_relations.is_related(cursor, account=signer.id)
            or incoming_activities.was_received(cursor, keys=list(keys_of_what_is_taken_back(signer.uri, uri)))
            or bool(received_actions.by_uri(cursor, actor=signer.id, uri=uri))
        )

    def _is_about_a_post_of_interest(self, cursor: Cursor, activity: Activity, signer: Signer) -> bool:
        if activity.kind in _PUBLISHED:
            return remote_posts.is_followed(cursor, account=signer.id) or self._is_of_interest(cursor, activity)
        if activity.kind not in _ABOUT_POSTS or activity.object_id is None:
            return False
        if self.posts.find(cursor, activity.object_id) is not None:
            return True
        return activity.kind is ActivityKind.ANNOUNCE and remote_posts.is_followed(cursor, account=signer.id)

    def _names_anybody_here(self, activity: Activity) -> bool:
        """True if an activity or its post is addressed to an account of this site, names one, or answers a post of one."""
        post = activity.object
        addressed = [*activity.audience.to, *activity.audience.cc]
        if isinstance(post, RemotePost):
            addressed += [*post.audience.to, *post.audience.cc, *(mention.href for mention in post.mentions), post.reply_to or ""]
        return any((self.ids.host in uri.lower() or not uri.isascii()) and self.ids.is_local(uri) for uri in addressed)

    def _is_of_interest(self, cursor: Cursor, activity: Activity) -> bool:
        """True if a post is known, or replies to somebody whom somebody here follows."""
        post = activity.object
        if activity.kind is ActivityKind.UPDATE and remote_posts.by_uri(cursor, uri=activity.object_id or "") is not None:
            return True
        parent = self.posts.find(cursor, post.reply_to) if isinstance(post, RemotePost) and post.reply_to else None
        return parent is not None and remote_posts.is_followed(cursor, account=parent.author)


def is_about_itself(activity: Activity) -> bool:
    """True if an actor deletes or updates itself."""
    return activity.kind in (ActivityKind.DELETE, ActivityKind.UPDATE) and activity.object_id == activity.actor
