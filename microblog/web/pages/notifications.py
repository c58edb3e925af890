"""Pages of notifications, notification requests and the notification policy."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen

from microblog.domain.caching.filter_cache import FilterCache
from microblog.domain.collection_cache import CollectionCache
from microblog.domain.notification_cache import NotificationCache
from microblog.domain.notification_groups import NotificationGroups
from microblog.domain.notification_policy import MAX_PENDING, NotificationPolicies
from microblog.domain.notifications import NotificationQuery, Notifications
from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid
from microblog.model.filters import FilterContext, is_hidden, warning_title
from microblog.model.ids import AccountId, NotificationId
from microblog.model.notifications import NotificationGroup, NotificationKind
from microblog.render.html.notification_views import CATEGORIES, PolicyForm, RequestsPage, policy_page, requests_page
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import NotificationsPage
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import older, page_of
from microblog.web.pages.profiles import PEOPLE_PER_PAGE, PeopleLists

MEMBER = RouteOptions(viewer=AccessLevel.MEMBER)
MAX_KEY_LENGTH = 100


@frozen
class NotificationPages:
    """The list of notifications."""

    pages: Pages
    contexts: PageContexts
    notifications: Notifications
    groups: NotificationGroups
    cache: NotificationCache
    collections: CollectionCache
    filters: FilterCache

    @route("GET", "/notifications", MEMBER)
    async def show(self, request: Request) -> Response:
        """Show all notifications or only mentions (`type=mention`). Showing all marks them as read."""
        viewer, page, kind = request.member, page_of(request), request.fields.value("type", max=20)
        kinds = (NotificationKind.MENTION,) if kind == NotificationKind.MENTION else None
        context = await self.contexts.of(request, stream="/live/notifications")
        state = await self.collections.notifications(viewer)
        found = await self.cache.groups(viewer, NotificationQuery(page, kinds))
        if found.ids and found.ids[0] > state.last_read and kinds is None:
            await self.notifications.mark_read(viewer, found.ids[0])
            context = evolve(context, unread=0)
        shown, titles = await self._filtered(viewer, found.groups)
        requests, next_page = state.requests if page.max_id is None else 0, older(request, list(found.ids), page)
        items = NotificationsPage(shown, state.last_read, next_page, titles, requests, kinds[0] if kinds else "")
        return Response.html(bytes(self.pages.notifications(context, items)))

    @route("GET", "/notifications/groups/<group_key>", MEMBER)
    async def group(self, request: Request, group_key: str) -> Response:
        """Render a group of notifications, for a page that is open while the group grows."""
        found = await self.groups.one(request.member, group_key[:MAX_KEY_LENGTH])
        shown, titles = await self._filtered(request.member, [found])
        return Response.html("".join(self.pages.notification(group, titles) for group in shown).encode())

    async def _filtered(self, viewer: Viewer, found: Sequence[NotificationGroup]) -> tuple[tuple[NotificationGroup, ...], dict[int, str]]:
        """Return the groups that the viewer's filters do not hide, and the filter titles of those behind a warning."""
        filter_set, now = (await self.filters.of(viewer)).within(FilterContext.NOTIFICATIONS), self.filters.now()
        matches = {one.id: filter_set.matches(one.post, now) for one in found if one.post}
        hidden = {id for id, matched in matches.items() if is_hidden(matched, FilterContext.NOTIFICATIONS)}
        titles = {id: title for id, matched in matches.items() if (title := warning_title(matched, FilterContext.NOTIFICATIONS))}
        return tuple(one for one in found if one.id not in hidden), {int(id): title for id, title in titles.items()}

    @route("POST", "/notifications/read", MEMBER)
    async def read(self, request: Request) -> Response:
        """Mark notifications that arrived on an open page as read."""
        await self.notifications.mark_read(request.member, NotificationId(request.fields.id("up_to") or 0))
        return Response.empty()

    @route("POST", "/notifications/clear", MEMBER)
    async def clear(self, request: Request) -> Response:
        """Delete all notifications."""
        await self.notifications.clear(request.member)
        return Response.redirect("/notifications")

    @route("POST", "/notifications/<id:notification_id>/dismiss", MEMBER)
    async def dismiss(self, request: Request, notification_id: int) -> Response:
        """Delete a notification."""
        await self.notifications.dismiss(request.member, NotificationId(notification_id))
        return Response.redirect(request.next_path("/notifications"))


@frozen
class PolicyPages:
    """The notification policy and the notification requests."""

    pages: Pages
    contexts: PageContexts
    policies: NotificationPolicies
    people: PeopleLists

    @route("GET", "/settings/notifications", MEMBER)
    async def form(self, request: Request) -> Response:
        """Show the policy."""
        policy, pending = await self.policies.of(request.member)
        return Response.html(policy_page(self.pages, await self.contexts.of(request), PolicyForm.from_policy(policy, pending.requests)))

    @route("POST", "/settings/notifications", MEMBER)
    async def save(self, request: Request) -> Response:
        """Save the policy."""
        treatments = {category.name: request.fields.value(category.name) for category in CATEGORIES if request.fields.has(category.name)}
        try:
            await self.policies.change(request.member, treatments)
        except Invalid as problem:
            policy, pending = await self.policies.of(request.member)
            form = evolve(PolicyForm.from_policy(policy, pending.requests), errors=problem.fields)
            return Response.html(policy_page(self.pages, await self.contexts.of(request), form), status_of(problem))
        return Response.redirect("/settings/notifications?notice=saved")

    @route("GET", "/settings/notifications/people", MEMBER)
    async def permitted(self, request: Request) -> Response:
        """List accounts whose notifications were accepted."""
        page = page_of(request, PEOPLE_PER_PAGE)
        found = await self.people.page(request, await self.policies.permitted(request.member, page), page)
        return Response.html(self.pages.settings_people(await self.contexts.of(request), "permitted", found))

    @route("POST", "/settings/notifications/people/<id:account_id>/remove", MEMBER)
    async def forbid(self, request: Request, account_id: int) -> Response:
        """Apply the policy to an accepted account again."""
        await self.policies.forbid(request.member, AccountId(account_id))
        return Response.redirect("/settings/notifications/people?notice=saved")

    @route("GET", "/notifications/requests", MEMBER)
    async def requests(self, request: Request) -> Response:
        """List notification requests."""
        page = page_of(request)
        found = await self.policies.requests(request.member, page)
        shown = RequestsPage(tuple(found), MAX_PENDING, older(request, [one.id for one in found], page))
        return Response.html(requests_page(self.pages, await self.contexts.of(request), shown))

    @route("POST", "/notifications/requests/<id:request_id>/accept", MEMBER)
    async def accept(self, request: Request, request_id: int) -> Response:
        """Accept a notification request. Does nothing if it no longer exists."""
        await self.policies.accept(request.member, [request_id])
        return Response.redirect("/notifications/requests")

    @route("POST", "/notifications/requests/<id:request_id>/dismiss", MEMBER)
    async def dismiss(self, request: Request, request_id: int) -> Response:
        """Dismiss a notification request."""
        await self.policies.dismiss(request.member, [request_id])
        return Response.redirect("/notifications/requests")
