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
class Reason:
    """A category of senders with its label; `name` is the field of `Policy`."""

    name: str
    label: str
    hint: str = ""


REASONS = (
    Reason("not_following", "People you don't follow"),
    Reason("not_followers", "People not following you", "Including people who have been following you for less than 3 days."),
    Reason("new_accounts", "New accounts", "Created within the past 30 days, unless you follow them."),
    Reason("private_mentions", "Unsolicited direct messages", "Unless it's a reply to your own message or you follow the sender."),
    Reason("limited_accounts", "Moderated accounts", "Limited by the moderators, unless you follow them."),
)


@frozen
class PolicyForm:
    """The form of the notification policy, as stored or as submitted.

    `chosen` maps each category's name to a treatment; `held` is the number of notification requests.
    """

    chosen: Mapping[str, str]
    held: int = 0
    errors: Mapping[str, str] = field(factory=dict)

    @classmethod
    def of(cls, policy: Policy, held: int) -> PolicyForm:
        """Return the form with the stored policy."""
        return cls({name: str(said) for name, said in asdict(policy).items()}, held)


@frozen
class RequestsPage:
    """Notification requests; the count of each is limited to `most`."""

    requests: tuple[NotificationRequest, ...] = ()
    most: int = 0
    older: str | None = None


def policy_page(pages: Pages, shell: PageContext, form: PolicyForm) -> bytes:
    """Render the form of the notification policy."""
    head = PageMetadata("Notification settings")
    return pages.page("settings_notifications", shell, head, form=form, reasons=REASONS, treatments=TREATMENTS)


def requests_page(pages: Pages, shell: PageContext, page: RequestsPage) -> bytes:
    """Render the list of notification requests."""
    return pages.page("notification_requests", shell, PageMetadata("Filtered notifications"), page=page)
