"""View models of the pages about the notification policy and notification requests."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import asdict, field, frozen

from microblog.model.notification_policy import NotificationRequest, Policy, Treatment
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import PageContext

TREATMENTS = ((Treatment.ACCEPT, "Accept"), (Treatment.FILTER, "Filter"), (Treatment.DROP, "Ignore"))


@frozen
class CategoryField:
    """A category of senders with its label; `name` is the field of `Policy`."""

    name: str
    label: str
    hint: str = ""


CATEGORIES = (
    CategoryField("not_following", "People you don't follow"),
    CategoryField("not_followers", "People not following you", "Including people who have been following you for less than 3 days."),
    CategoryField("new_accounts", "New accounts", "Created within the past 30 days, unless you follow them."),
    CategoryField("private_mentions", "Unsolicited direct messages", "Unless it's a reply to your own message or you follow the sender."),
    CategoryField("limited_accounts", "Moderated accounts", "Limited by the moderators, unless you follow them."),
)


@frozen
class PolicyForm:
    """The form of the notification policy, as stored or as submitted.

    `chosen` maps each category's name to a treatment; `request_count` is the number of notification requests.
    """

    chosen: Mapping[str, str]
    request_count: int = 0
    errors: Mapping[str, str] = field(factory=dict)

    @classmethod
    def from_policy(cls, policy: Policy, request_count: int) -> PolicyForm:
        """Return the form with the stored policy."""
        return cls({name: str(treatment) for name, treatment in asdict(policy).items()}, request_count)


@frozen
class RequestsPage:
    """Notification requests; the count of each is limited to `max_count`."""

    requests: tuple[NotificationRequest, ...] = ()
    max_count: int = 0
    older: str | None = None


def policy_page(pages: Pages, context: PageContext, form: PolicyForm) -> bytes:
    """Render the form of the notification policy."""
    metadata = PageMetadata("Notification settings")
    return pages.page("settings_notifications", context, metadata, form=form, categories=CATEGORIES, treatments=TREATMENTS)


def requests_page(pages: Pages, context: PageContext, page: RequestsPage) -> bytes:
    """Render the list of notification requests."""
    return pages.page("notification_requests", context, PageMetadata("Filtered notifications"), page=page)
