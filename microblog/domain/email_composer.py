"""Composition of e-mails: content, and whether an e-mail is still wanted, are looked up when it is sent.

Between queueing and sending, the recipient may have read the notification on the site, muted its author or turned such e-mails off, and
the post may have been deleted. The e-mail is cancelled then, with the reason recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from attrs import evolve, frozen

from microblog.domain import notifications as notification_rules
from microblog.domain import reported_posts
from microblog.domain.email_links import EmailLinks
from microblog.domain.email_queue import is_given_up
from microblog.model.accounts import AccountWithLogin, Role, Viewer
from microblog.model.emails import PREFERENCE_FIELDS, DigestSummary, Email, EmailContext, EmailKind, EmailState
from microblog.model.filters import FilterContext, FilterSet
from microblog.model.ids import AccountId, AnnouncementId, EmailId, NotificationId, PostId, ScheduledId, id_at
from microblog.model.notifications import Notification, NotificationKind
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.storage import announcements, email_digests, emails, filters, notifications, posts, scheduled, users, warnings
from microblog.storage.database import Cursor, Transactions, suppress_wakeup

PENDING_STATES = frozenset({EmailState.WAITING, EmailState.DEFERRED, EmailState.FAILED})
SHOWN_IN_DIGEST = 6
_NOT_COUNTED = (NotificationKind.SIGN_UP, NotificationKind.REPORT, NotificationKind.WARNING, NotificationKind.SEVERED_RELATIONSHIPS)
COUNTED = tuple(kind for kind in NotificationKind if kind not in _NOT_COUNTED)
BATCH = 500  # e-mails per transaction, or posts per statement
MAX_POSTS = 10  # in an e-mail about a decision of moderators; its page shows all of them
NOT_SHOWN = ("favourite", "reblog", "poll", "update", "admin.sign_up", "admin.report", "moderation_warning", "severed_relationships")
_FIXED_ADDRESS = frozenset({EmailKind.CONFIRM, EmailKind.RESET, EmailKind.PASSWORD, EmailKind.ADDRESS})  # to the address when queued
# The user waits for these: they are sent even to addresses that rejected earlier e-mails.
_REQUESTED = frozenset({EmailKind.CONFIRM, EmailKind.RESET})


class EmailCancelled(Exception):
    """The e-mail is not wanted any more; the text says why."""


@frozen
class EmailComposer:
    """Commands of the e-mail jobs. `host`: domain of Message-IDs (RFC 5322, section 3.6.4)."""

    database: Transactions
    links: EmailLinks
    host: str
    now: Callable[[], datetime]

    async def enqueue_notifications(
        self, ids: Sequence[NotificationId], delay: timedelta, finish: Callable[[Cursor], None] = lambda _: None
    ) -> int:
        """Queue e-mails for these notifications, due `delay` after them. Return their number.

        `finish` is called in the same transaction, to finish the job.
        """

        def enqueue(cursor: Cursor) -> int:
            queued = emails.add_of_notifications(cursor, ids=ids, delay=delay, now=self.now())
            finish(cursor)
            suppress_wakeup(cursor)  # the worker of e-mails polls
            return queued

        return await self.database.run(enqueue)

    async def enqueue_digests(self, frequency: str, since: datetime, key: str) -> None:
        """Queue digests with this frequency for accounts that were absent since then and missed something, at most one per key."""
        while True:
            written = await self.database.run(
                email_digests.add_digests, frequencies=[frequency], since=since, key=f"{frequency} {key}", now=self.now(), limit=BATCH
            )
            if written < BATCH:
                return

    async def enqueue_announcement(self, id: AnnouncementId) -> None:
        """Queue e-mails with the announcement to all users, at most one to each, however often it is called."""
        after: int | None = 0
        while after is not None:
            after = await self.database.run(emails.add_of_announcement, announcement=id, after=after, now=self.now(), limit=BATCH)

    async def enqueue_reports(self, begin: datetime, end: datetime) -> int:
        """Queue the report of that period for the administrators, once each. Return their number."""
        key = f"{begin:%Y-%m-%d}"
        return await self.database.run(email_digests.add_reports, begin=begin, end=end, key=key, now=self.now())

    async def begin_delivery(self, id: EmailId) -> EmailContext | None:
        """Begin a delivery attempt and return the content; None if the e-mail is not to be sent (any more)."""
        return await self.database.run(self._open, id)

    async def record_result(self, id: EmailId, state: EmailState, answer: str) -> None:
        """Record the result of a delivery attempt."""
        await self.database.run(emails.record_outcome, id=id, state=state, answer=answer, now=self.now())

    def _open(self, cursor: Cursor, id: EmailId) -> EmailContext | None:
        email = emails.lock(cursor, id=id)
        if email is None or email.state not in PENDING_STATES:
            return None
        try:
            context = self._compose(cursor, email)
        except EmailCancelled as reason:
            emails.record_outcome(cursor, id=id, state=EmailState.CANCELLED, answer=str(reason), now=self.now())
            return None
        message_id = email.message_id or f"<{self._message_name(context)}@{self.host}>"
        emails.record_attempt(cursor, id=id, recipient=context.email.recipient, message_id=message_id)
        return evolve(context, email=evolve(context.email, message_id=message_id, tries=email.tries + 1))

    def _message_name(self, context: EmailContext) -> str:
        """Local part of the Message-ID. That of a mention is derived from the post, so that replies can refer to it."""
        email = context.email
        return mention_id(context.post, email) if context.post and email.account_id else f"{email.kind}.{email.id}"

    def _compose(self, cursor: Cursor, email: Email) -> EmailContext:
        if email.kind in (EmailKind.REJECTED, EmailKind.TEST):
            data = email.data
            return EmailContext(
                email, data.get("username", ""), data.get("locale", "en"), data.get("time_zone", "UTC"), self.links.page("/about")
            )
        member = self._recipient(cursor, email)
        login = member.login
        recipient = email.recipient if email.kind in _FIXED_ADDRESS else login.email
        if email.kind not in _REQUESTED and not email.tries and is_given_up(cursor, login, recipient):
            raise EmailCancelled("The address rejected several emails and was not confirmed again since.")
        context = EmailContext(
            evolve(email, recipient=recipient),
            member.account.username,
            login.preferences.locale,
            login.preferences.time_zone,
            self.links.page("/home"),
            self.links.unsubscribe(email.kind, login.account_id, email.created_at),
        )
        compose = self._composers.get(email.kind)
        return compose(cursor, context, member) if compose else context

    @property
    def _composers(self) -> Mapping[EmailKind, Callable[[Cursor, EmailContext, AccountWithLogin], EmailContext]]:
        return {
            EmailKind.CONFIRM: self._confirm,
            EmailKind.RESET: self._reset,
            EmailKind.MENTION: self._notification,
            EmailKind.FOLLOW: self._notification,
            EmailKind.FOLLOW_REQUEST: self._notification,
            EmailKind.LOGIN: self._login,
            EmailKind.PASSWORD: self._password,
            EmailKind.ADDRESS: self._address,
            EmailKind.SCHEDULED: self._scheduled,
            EmailKind.WARNING: self._warning,
            EmailKind.APPEAL: self._warning,
            EmailKind.MODERATION: self._moderation,
            EmailKind.ANNOUNCEMENT: self._announcement,
            EmailKind.DIGEST: self._digest,
            EmailKind.REPORT: self._report,
        }

    def _recipient(self, cursor: Cursor, email: Email) -> AccountWithLogin:
        member = users.by_account(cursor, account=email.account_id) if email.account_id else None
        if member is None:
            raise EmailCancelled("The account was deleted.")
        if member.barred and email.kind not in (EmailKind.WARNING, EmailKind.APPEAL):
            raise EmailCancelled("The account is suspended or disabled.")
        if email.kind not in _FIXED_ADDRESS and member.login.confirmed_at is None:
            raise EmailCancelled("The address is not confirmed.")
        if email.kind in PREFERENCE_FIELDS and getattr(member.login.preferences, PREFERENCE_FIELDS[email.kind]) in (False, "never"):
            raise EmailCancelled("The recipient turned off e-mails of this kind.")
        return member

    def _confirm(self, cursor: Cursor, context: EmailContext, member: AccountWithLogin) -> EmailContext:
        login, address = member.login, context.email.recipient
        needs_confirmation = login.confirmed_at is None or is_given_up(cursor, login, login.email)
        if address != (login.new_email or (login.email if needs_confirmation else None)):
            raise EmailCancelled("The address was already confirmed or changed.")
        return evolve(context, link=self.links.confirm(login, address, context.email.created_at))

    def _reset(self, cursor: Cursor, context: EmailContext, member: AccountWithLogin) -> EmailContext:
        del cursor
        if context.email.recipient != member.login.email:
            raise EmailCancelled("The address was changed.")
        return evolve(context, link=self.links.reset(member.login, self.now()))

    def _notification(self, cursor: Cursor, context: EmailContext, member: AccountWithLogin) -> EmailContext:
        notification = self._current_notification(cursor, context.email, member)
        if notification.post is None:
            page = "/settings/requests" if context.email.kind is EmailKind.FOLLOW_REQUEST else f"/@{notification.account.acct}"
            return evolve(context, by=notification.account, link=self.links.page(page))
        filter_set, root = self._filters(cursor, member), self._root(cursor, notification.post, member)
        post = filter_set.shown(notification.post, FilterContext.NOTIFICATIONS, self.now())
        if post is None:
            raise EmailCancelled("A filter of the recipient hides the post.")
        first = filter_set.shown(root, FilterContext.NOTIFICATIONS, self.now()) if root else None
        return evolve(context, by=notification.account, post=post, root=first, link=self.links.post(notification.post))

    def _filters(self, cursor: Cursor, member: AccountWithLogin) -> FilterSet:
        return FilterSet(tuple(filters.of_account(cursor, account=member.account.id)), member.account.id).within(
            FilterContext.NOTIFICATIONS
        )

    def _current_notification(self, cursor: Cursor, email: Email, member: AccountWithLogin) -> Notification:
        id, account = email.notification_id or NotificationId(0), member.account
        rows = notifications.by_id(cursor, account=account.id, id=id)
        found = notification_rules.load_notifications(cursor, Viewer(account), rows)
        if not found or found[0].account.suspended_at is not None:
            raise EmailCancelled("The notification or its post was deleted.")
        if not email_digests.is_unread(cursor, account=account.id, notification=id):
            raise EmailCancelled("The notification was read on the site.")
        if not email_digests.is_not_muted(cursor, notification=id, now=self.now()):
            raise EmailCancelled("The recipient muted or blocked the author or the conversation.")
        return found[0]

    def _root(self, cursor: Cursor, post: Post, member: AccountWithLogin) -> Post | None:
        if post.thread_id is None or post.thread_id == post.id:
            return post
        return posts.by_ids(cursor, posts.visible(cursor, ids=[post.thread_id], viewer=member.account.id)).get(post.thread_id)

    def _login(self, cursor: Cursor, context: EmailContext, member: AccountWithLogin) -> EmailContext:
        del cursor, member
        return evolve(context, link=self.links.page("/settings/sessions"))

    def _password(self, cursor: Cursor, context: EmailContext, member: AccountWithLogin) -> EmailContext:
        del cursor, member
        return evolve(context, link=self.links.page("/password/forgot"))

    def _address(self, cursor: Cursor, context: EmailContext, member: AccountWithLogin) -> EmailContext:
        del cursor, member
        return evolve(context, link=self.links.page("/about" if context.email.data["done"] else "/settings/account"))

    def _scheduled(self, cursor: Cursor, context: EmailContext, member: AccountWithLogin) -> EmailContext:
        found = scheduled.by_id(cursor, id=ScheduledId(int(context.email.data["scheduled"])))
        if found is None or found.author != member.account.id or not found.problem:
            raise EmailCancelled("The scheduled post was deleted or rescheduled.")
        data = {**context.email.data, "problem": found.problem}
        return evolve(context, email=evolve(context.email, data=data), link=self.links.page("/scheduled"))

    def _warning(self, cursor: Cursor, context: EmailContext, member: AccountWithLogin) -> EmailContext:
        id, owner = context.email.data.get("strike"), member.account.id  # e-mails that were queued by an earlier release have none
        if id is None:
            return evolve(context, link=self.links.page("/about"))
        strike = warnings.by_id(cursor, id=int(id))
        found = reported_posts.load(cursor, strike.warning.posts, owner) if strike else {}
        shown = tuple(found[post].post for post in sorted(found)[:MAX_POSTS])
        return evolve(context, posts=shown, link=self.links.strike(id, owner, self.now()))

    def _moderation(self, cursor: Cursor, context: EmailContext, member: AccountWithLogin) -> EmailContext:
        del cursor
        if not member.login.role.includes(Role.MODERATOR):
            raise EmailCancelled("The recipient is no longer a moderator.")
        return evolve(context, link=self.links.page(context.email.data["page"]))

    def _announcement(self, cursor: Cursor, context: EmailContext, member: AccountWithLogin) -> EmailContext:
        del member
        found = announcements.by_id(cursor, id=int(context.email.data["announcement"]), viewer=None)
        if not found or found[0].has_ended(self.now()):
            raise EmailCancelled("The announcement was deleted or has ended.")
        return evolve(context, email=evolve(context.email, data={"text": found[0].text}))

    def _digest(self, cursor: Cursor, context: EmailContext, member: AccountWithLogin) -> EmailContext:
        since, account = datetime.fromisoformat(context.email.data["since"]), member.account
        filter_set = self._filters(cursor, member)
        counts = self._count_missed(cursor, account.id, since, filter_set)
        if not counts:
            raise EmailCancelled("All notifications were read on the site.")
        above = max(notifications.read_up_to(cursor, account=account.id), id_at(since))
        rows = notifications.page_of(cursor, account=account.id, page=Page(SHOWN_IN_DIGEST, since_id=above), without=NOT_SHOWN)
        announced = [row for row in rows if email_digests.is_not_muted(cursor, notification=row.id, now=self.now())]
        newest = []
        for notification in notification_rules.load_notifications(cursor, Viewer(account), announced):
            post = filter_set.shown(notification.post, FilterContext.NOTIFICATIONS, self.now()) if notification.post else None
            if post or not notification.post:
                newest.append(evolve(notification, post=post))
        return evolve(context, digest=DigestSummary(since, counts, tuple(newest)), link=self.links.page("/notifications"))

    def _count_missed(self, cursor: Cursor, account: AccountId, since: datetime, filter_set: FilterSet) -> Mapping[str, int]:
        """Number of missed notifications by kind, without posts that the recipient's filters hide."""
        found = email_digests.missed(cursor, account=account, since=since, kinds=COUNTED, now=self.now())
        hidden = self._hidden_posts(cursor, sorted({post for _, post, _ in found if post}), filter_set.hiding(FilterContext.NOTIFICATIONS))
        counts = Counter[str]()
        for kind, post, count in found:
            if post not in hidden:
                counts[kind] += count
        return dict(counts)

    def _hidden_posts(self, cursor: Cursor, ids: Sequence[PostId], hiding_filters: FilterSet) -> frozenset[PostId]:
        """Ids of the posts that the filters hide."""
        if not hiding_filters.filters:
            return frozenset()
        batches = (posts.by_ids(cursor, ids[begin : begin + BATCH]) for begin in range(0, len(ids), BATCH))
        return frozenset(post.id for batch in batches for post in batch.values() if hiding_filters.matches(post, self.now()))

    def _report(self, cursor: Cursor, context: EmailContext, member: AccountWithLogin) -> EmailContext:
        if member.login.role is not Role.ADMIN:
            raise EmailCancelled("The recipient is no longer an administrator.")
        begin, end = (datetime.fromisoformat(context.email.data[name]) for name in ("begin", "end"))
        return evolve(context, report=email_digests.report(cursor, begin=begin, end=end), link=self.links.page("/admin/outbox"))


def mention_id(post: Post, email: Email) -> str:
    """Local part of the Message-ID of the e-mail to a recipient about a post."""
    return f"post.{post.id}.{email.account_id}"
