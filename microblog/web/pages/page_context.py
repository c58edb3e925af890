"""The context of every page: viewer, badges, theme, CSRF token and sidebar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import evolve, frozen

from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.caching.sidebar_cache import MAX_AGE, SidebarCache
from microblog.domain.custom_emojis import CustomEmojis
from microblog.domain.trends import Trends
from microblog.render.html.view_models import PageContext
from microblog.render.site_view import SiteView
from microblog.web.http.request import Request
from microblog.web.http.theme import theme_of

TAGS = 10
NOTICES = {
    "posted": "Post published.",
    "edited": "Post edited.",
    "deleted": "Post deleted.",
    "saved": "Changes saved.",
    "scheduled": "Post scheduled.",
    "cancelled": "Scheduled post deleted.",
    "requested": "Follow request sent.",
    "reported": "Thanks for reporting. The moderators will look into this.",
    "loggedout": "You have been logged out.",
    "revoked": "Access revoked.",
    "gone": "Your account has been deleted.",
    "confirmed": "Your e-mail address is confirmed.",
    "sent": "E-mail sent.",
    "address": "We sent an e-mail to your new address. Open the link in it to confirm the change.",
    "password": "Your password has been changed. Please log in.",
}


@frozen
class PageContexts:
    """Builds page contexts. `current_site` describes the site now, `position` returns the position in the event log that was read."""

    current_site: Callable[[], SiteView]
    sidebar: SidebarCache
    trends: Trends
    position: Callable[[], str]
    now: Callable[[], datetime]
    emojis: CustomEmojis

    @property
    def site(self) -> SiteView:
        """The site as it is now."""
        return self.current_site()

    async def of(self, request: Request, *, stream: str | None = None, people: bool = False, tags: bool = False) -> PageContext:
        """Build the context of a page. `stream`: path of its live stream; `people`: add suggestions; `tags`: add trending hashtags.

        Call it before the posts of the page are read: its position must not be later than theirs.
        """
        position = self.position() if stream else ""
        trending = tuple(await self.trends.names(limit=TAGS)) if tags else None
        if request.viewer is None:
            return evolve(self.plain(request), stream=stream, position=position, tags=trending)
        counts = await self.sidebar.unread_counts(request.viewer)
        return evolve(
            self.plain(request),
            stream=stream,
            position=position,
            tags=trending,
            unread=counts.unread,
            requests=counts.requests,
            messages=counts.messages,
            people=await self.sidebar.suggestions(request.viewer) if people else (),
            has_emojis=bool(await self.emojis.listed()),
        )

    def dependencies(self, context: PageContext) -> CacheDependencies:
        """Return the cache dependencies of a context. Suggestions, trends and scheduled announcements may be a minute old."""
        if context.viewer is None:
            shows_trends = context.tags is not None  # also while there are none
            return CacheDependencies(frozenset({cache_keys.TRENDS}), self.now() + MAX_AGE) if shows_trends else CacheDependencies()
        viewer = context.viewer.id
        keys = cache_keys.of_notifications(viewer), cache_keys.of_viewer_state(viewer), cache_keys.NEWS, cache_keys.TRENDS
        dependencies = cache_keys.of_viewer(context.viewer) | cache_keys.of_keys(*keys)
        return dependencies | CacheDependencies(
            frozenset(cache_keys.of_account(one.id) for one in context.people), self.sidebar.expiry(context.viewer)
        )

    def plain(self, request: Request, *, form: bool = False) -> PageContext:
        """Build a context without the database, also for error pages. `form`: set a CSRF token (and its cookie) for visitors."""
        viewer = request.viewer
        return PageContext(
            site=self.site,
            csrf=request.csrf if viewer or form else "",
            path=request.path_and_query,
            now=self.now(),
            viewer=viewer,
            theme=viewer.preferences.theme if viewer else theme_of(request),
            notice=NOTICES.get(request.fields.value("notice"), "") if "notice=" in request.path_and_query else "",
        )
