"""Rows of lists as HTML, cached by all that they show: people, and notifications.

The key of a row has every value that its template prints, so a cached row is never stale and needs no invalidation.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

from attrs import define, field
from jinja2 import Environment
from markupsafe import Markup

from microblog.model.accounts import Account, Relationship
from microblog.model.caches import CacheFigures, estimated_bytes
from microblog.model.notifications import NotificationGroup
from microblog.model.posts import Post
from microblog.render.html.view_models import PersonView

MAX_ENTRIES = 5_000


@define(repr=False)
class FragmentCache:
    """The rows that were used last."""

    environment: Environment
    capacity: int = MAX_ENTRIES
    hits: int = 0
    misses: int = 0
    _entries: dict[Hashable, Markup] = field(factory=dict, init=False)

    def figures(self) -> CacheFigures:
        """Return the statistics for metrics."""
        return CacheFigures("rows_html", self.hits, self.misses, len(self._entries), estimated_bytes(self._entries.values()))

    def person(self, person: PersonView) -> Markup:
        """Render an account in a list, with the button to follow it."""
        account = person.account
        key = _shown_account(account), account.bio_html, account.locked, account.moved_to, _shown_relationship(person.relationship)
        return self._get_or_render(key, lambda: self._render("_person", person=person))

    def notification(self, note: NotificationGroup, last_read_id: int, filter_titles: Mapping[int, str]) -> Markup:
        """Render a group of notifications. The arguments are as in NotificationsPage."""
        shown = note.key, note.kind, note.count, note.id, note.created_at, tuple(map(_shown_account, note.senders))
        key = shown, note.warning, note.severance, _shown_post(note.post), note.id > last_read_id, filter_titles.get(note.id)
        return self._get_or_render(
            key, lambda: self._render("_notification", note=note, last_read_id=last_read_id, filter_titles=filter_titles)
        )

    def _render(self, template: str, **values: object) -> Markup:
        text = self.environment.get_template(f"pages/{template}.html").render(**values)
        return Markup(text)  # noqa: S704 - the templates escape what they print

    def _get_or_render(self, key: Hashable, render: Callable[[], Markup]) -> Markup:
        known = self._entries.pop(key, None)
        if known is None:
            self.misses += 1
            known = render()
        else:
            self.hits += 1
        if self.capacity:
            self._entries[key] = known
        if len(self._entries) > self.capacity:
            del self._entries[next(iter(self._entries))]
        return known


def _shown_account(account: Account) -> Hashable:
    return account.acct, account.name, account.avatar, account.emojis


def _shown_relationship(relation: Relationship | None) -> Hashable:
    if relation is None:
        return None
    shown = relation.blocking, relation.domain_blocking, relation.following, relation.requested
    return *shown, relation.blocked_by, relation.followed_by


def _shown_post(post: Post | None) -> Hashable:
    return None if post is None else (post.original.id, post.version, post.original.version, post.original.author.acct)
