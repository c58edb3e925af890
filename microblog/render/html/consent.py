"""Texts of the OAuth consent page: descriptions of scopes and of the redirect."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from attrs import frozen

from microblog.model.oauth import OUT_OF_BAND

_READ = {
    "accounts": "See profiles and who follows whom",
    "blocks": "See who you block",
    "bookmarks": "See your bookmarks",
    "favourites": "See your favourites",
    "filters": "See your filters",
    "follows": "See who you follow",
    "lists": "See your lists",
    "mutes": "See who you mute",
    "notifications": "See your notifications",
    "search": "Search on your behalf",
    "statuses": "See all posts that you can see, including private ones",
}
_WRITE = {
    "accounts": "Change your profile",
    "blocks": "Block and unblock people",
    "bookmarks": "Bookmark posts",
    "conversations": "Mark conversations as read and delete them",
    "favourites": "Favourite posts",
    "filters": "Create and change filters",
    "follows": "Follow and unfollow people",
    "lists": "Create and change lists",
    "media": "Upload media",
    "mutes": "Mute and unmute people and conversations",
    "notifications": "Clear your notifications",
    "reports": "Report other people to the moderators",
    "statuses": "Publish, edit and delete posts",
}
_WHOLE = {
    "profile": "See your name and profile picture",
    "read": "Read all of your account's data, such as your posts, followers and notifications",
    "write": "Change all of your account's data, such as your posts, follows, blocks and profile",
    "follow": "See and change who you follow, block and mute",
    "push": "Receive your push notifications",
    "admin:read": "Read all data on the server that administrators can read",
    "admin:write": "Change all data on the server that administrators can change",
}


@frozen
class ScopeDescription:
    """The description of a scope. `dangerous`: it is shown with a warning sign."""

    scope: str
    description: str
    dangerous: bool


def describe_scopes(scopes: Iterable[str]) -> tuple[ScopeDescription, ...]:
    """Return the descriptions of scopes."""
    return tuple(ScopeDescription(scope, _sentence(scope), scope.startswith("admin")) for scope in scopes)


def _sentence(scope: str) -> str:
    if scope in _WHOLE:
        return _WHOLE[scope]
    access, _, object = scope.rpartition(":")
    if access == "admin:read":
        return f"Read data as an administrator: {object.replace('_', ' ')}"
    if access == "admin:write":
        return f"Change data as an administrator: {object.replace('_', ' ')}"
    return _READ[object] if access == "read" else _WRITE[object]


def describe_redirect(redirect_uri: str) -> str:
    """Return the sentence that says where the browser goes after the decision."""
    if redirect_uri == OUT_OF_BAND:
        return "You will get a code to enter in the app."
    parts = urlsplit(redirect_uri)
    if parts.scheme in ("http", "https"):
        return f"You will be redirected to {parts.netloc}."
    return "You will be redirected to the app."
