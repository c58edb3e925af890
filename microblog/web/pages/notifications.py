"""What the viewer is told."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen

from microblog.domain.caching.filter_cache import FilterCache
from microblog.domain.notification_groups import NotificationGroups
from microblog.domain.notification_policy import MOST_HELD, NotificationPolicies
from microblog.domain.notifications import NotificationQuery, Notifications
from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid
from microblog.model.filters import FilterContext, is_hidden, warning
from microblog.model.ids import AccountId, NotificationId
from microblog.model.notifications import NotificationGroup, NotificationKind
from microblog.render.html.notification_views import REASONS, PolicyForm, RequestsPage, policy_page, requests_page
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
LONGEST_KEY = 100


@frozen
class NotificationPages:
    """The list, and forgetting from it."""

    pages: Pages
    shells: PageContexts
    notifications: Notifications
    groups: NotificationGroups
    policies: NotificationPolicies
    sieves: FilterCache

    @route("GET", "/notifications", MEMBER)
    async def show(self, call: Request) -> Response:
        """The list, or only mentions (`type=mention`). What was shown in the whole list counts as read."""
        viewer, page, only = call.member, page_of(call), call.fields.value("type", max=20)
        kinds = [NotificationKind.MENTION] if only == NotificationKind.MENTION else None
        shell = await self.shells.of(call, stream="/live/notifications")
        seen = await self.notifications.read_up_to(viewer)
        found = await self.groups.page(viewer, NotificationQuery(page, kinds))
        if found.ids and found.ids[0] > seen and kinds is None:
            await self.notifications.mark_read(viewer, found.ids[0])
            shell = evolve(shell, unread=0)
        kept, folded = await self._sifted(viewer, found.groups)
        held = (await self.policies.pending(viewer)).requests if page.max_id is None else 0
        items = NotificationsPage(kept, seen, older(call, list(found.ids), page), folded, held, kinds[0] if kinds else "")
        return Response.html(self.pages.notifications(shell, items))

    @route("GET", "/notifications/groups/<group_key>", MEMBER)
    async def group(self, call: Request, group_key: str) -> Response:
        """One item of the list, for a page that is open while its group grows."""
        found = await self.groups.one(call.member, group_key[:LONGEST_KEY])
        kept, folded = await self._sifted(call.member, [found])
        return Response.html("".join(self.pages.notification(group, folded) for group in kept).encode())

    async def _sifted(self, viewer: Viewer, found: Sequence[NotificationGroup]) -> tuple[tuple[NotificationGroup, ...], dict[int, str]]:
        """Without what the viewer's filters leave out there, and the titles of those that fold some of the rest."""
        sieve, now = (await self.sieves.of(viewer)).within(FilterContext.NOTIFICATIONS), self.sieves.now()
        matches = {one.id: sieve.matches(one.post, now) for one in found if one.post}
        hidden = {id for id, matched in matches.items() if is_hidden(matched, FilterContext.NOTIFICATIONS)}
        titles = {id: title for id, matched in matches.items() if (title := warning(matched, FilterContext.NOTIFICATIONS))}
        return tuple(one for one in found if one.id not in hidden), {int(id): title for id, title in titles.items()}

    @route("POST", "/notifications/read", MEMBER)
    async def read(self, call: Request) -> Response:
        """What came to an open page, and stood before somebody's eyes, counts as read."""
        await self.notifications.mark_read(call.member, NotificationId(call.fields.id("up_to") or 0))
        return Response.empty()

    @route("POST", "/notifications/clear", MEMBER)
    async def clear(self, call: Request) -> Response:
        """Forget all."""
        await self.notifications.clear(call.member)
        return Response.redirect("/notifications")

    @route("POST", "/notifications/<id:notification_id>/dismiss", MEMBER)
    async def dismiss(self, call: Request, notification_id: int) -> Response:
        """Forget one."""
        await self.notifications.dismiss(call.member, NotificationId(notification_id))
        return Response.redirect(call.next_path("/notifications"))


@frozen
class PolicyPages:
    """Who may notify the viewer, and those who wait."""

    pages: Pages
    shells: PageContexts
    policies: NotificationPolicies
    people: PeopleLists

    @route("GET", "/settings/notifications", MEMBER)
    async def form(self, call: Request) -> Response:
        """The choices."""
        policy, pending = await self.policies.of(call.member)
        return Response.html(policy_page(self.pages, await self.shells.of(call), PolicyForm.of(policy, pending.requests)))

    @route("POST", "/settings/notifications", MEMBER)
    async def save(self, call: Request) -> Response:
        """Choose."""
        wanted = {reason.name: call.fields.value(reason.name) for reason in REASONS if call.fields.has(reason.name)}
        try:
            await self.policies.change(call.member, wanted)
        except Invalid as problem:
            policy, pending = await self.policies.of(call.member)
            form = evolve(PolicyForm.of(policy, pending.requests), errors=problem.fields)
            return Response.html(policy_page(self.pages, await self.shells.of(call), form), status_of(problem))
        return Response.redirect("/settings/notifications?notice=saved")

    @route("GET", "/settings/notifications/people", MEMBER)
    async def permitted(self, call: Request) -> Response:
        """Whom the viewer lets through."""
        page = page_of(call, PEOPLE_PER_PAGE)
        found = await self.people.page(call, await self.policies.permitted(call.member, page), page)
        return Response.html(self.pages.settings_people(await self.shells.of(call), "permitted", found))

    @route("POST", "/settings/notifications/people/<id:account_id>/remove", MEMBER)
    async def forbid(self, call: Request, account_id: int) -> Response:
        """Let somebody through no more."""
        await self.policies.forbid(call.member, AccountId(account_id))
        return Response.redirect("/settings/notifications/people?notice=saved")

    @route("GET", "/notifications/requests", MEMBER)
    async def requests(self, call: Request) -> Response:
        """Those whose mentions are kept back."""
        page = page_of(call)
        found = await self.policies.requests(call.member, page)
        shown = RequestsPage(tuple(found), MOST_HELD, older(call, [one.id for one in found], page))
        return Response.html(requests_page(self.pages, await self.shells.of(call), shown))

    @route("POST", "/notifications/requests/<id:request_id>/accept", MEMBER)
    async def accept(self, call: Request, request_id: int) -> Response:
        """Let somebody through. Nothing happens where they do not wait any more."""
        await self.policies.accept(call.member, [request_id])
        return Response.redirect("/notifications/requests")

    @route("POST", "/notifications/requests/<id:request_id>/dismiss", MEMBER)
    async def dismiss(self, call: Request, request_id: int) -> Response:
        """Forget what they wrote."""
        await self.policies.dismiss(call.member, [request_id])
        return Response.redirect("/notifications/requests")
