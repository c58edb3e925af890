"""What the viewer is told."""

from __future__ import annotations

from attrs import evolve, frozen

from microblog.domain.notifications import Asked, Notifications
from microblog.domain.sieves import Sieves
from microblog.model.accounts import Viewer
from microblog.model.filters import Context, is_hidden, warning
from microblog.model.ids import NotificationId
from microblog.model.notifications import Notification
from microblog.render.pages import Pages
from microblog.render.views import NotificationsPage
from microblog.web.answer import Answer
from microblog.web.call import Call
from microblog.web.needs import Needs, Who, route
from microblog.web.paging import older, page_of
from microblog.web.shells import Shells

MEMBER = Needs(viewer=Who.MEMBER)


@frozen
class NotificationPages:
    """The list, and forgetting from it."""

    pages: Pages
    shells: Shells
    notifications: Notifications
    sieves: Sieves

    @route("GET", "/notifications", MEMBER)
    async def show(self, call: Call) -> Answer:
        """The list. What was shown counts as read, once it has been asked for by its own address."""
        viewer, page = call.member, page_of(call)
        shell = await self.shells.of(call, stream="/live/notifications")
        seen = await self.notifications.read_up_to(viewer)
        found = await self.notifications.page(viewer, Asked(page))
        if found and found[0].id > seen:
            await self.notifications.mark_read(viewer, found[0].id)
            shell = evolve(shell, unread=0)
        kept, folded = await self._sifted(viewer, found)
        items = NotificationsPage(kept, seen, older(call, [one.id for one in found], page), folded)
        return Answer.html(self.pages.notifications(shell, items))

    async def _sifted(self, viewer: Viewer, found: list[Notification]) -> tuple[tuple[Notification, ...], dict[int, str]]:
        """Without what the viewer's filters leave out there, and the titles of those that fold some of the rest."""
        sieve, now = (await self.sieves.of(viewer)).within(Context.NOTIFICATIONS), self.sieves.now()
        others = [one for one in found if one.post and one.post.original.author.id != viewer.id]
        matches = {one.id: sieve.matches(one.post, now) for one in others if one.post}
        hidden = {id for id, matched in matches.items() if is_hidden(matched, Context.NOTIFICATIONS)}
        titles = {id: title for id, matched in matches.items() if (title := warning(matched, Context.NOTIFICATIONS))}
        return tuple(one for one in found if one.id not in hidden), {int(id): title for id, title in titles.items()}

    @route("POST", "/notifications/read", MEMBER)
    async def read(self, call: Call) -> Answer:
        """What came to an open page, and stood before somebody's eyes, counts as read."""
        await self.notifications.mark_read(call.member, NotificationId(call.fields.id("up_to") or 0))
        return Answer.empty()

    @route("POST", "/notifications/clear", MEMBER)
    async def clear(self, call: Call) -> Answer:
        """Forget all."""
        await self.notifications.clear(call.member)
        return Answer.redirect("/notifications")

    @route("POST", "/notifications/<id:notification_id>/dismiss", MEMBER)
    async def dismiss(self, call: Call, notification_id: int) -> Answer:
        """Forget one."""
        await self.notifications.dismiss(call.member, NotificationId(notification_id))
        return Answer.redirect(call.next_path("/notifications"))
