"""What the pages about who may notify somebody show."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import asdict, field, frozen

from microblog.model.notification_policy import NotificationRequest, Policy, Treatment
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import PageContext

TREATMENTS = ((Treatment.ACCEPT, "Tell me"), (Treatment.FILTER, "Keep back"), (Treatment.DROP, "Ignore"))


@frozen
class Reason:
    """Why something may be kept back, in words; `name` is that of the policy's field."""

    name: str
    label: str
    hint: str = ""


REASONS = (
    Reason("not_following", "People whom you do not follow"),
    Reason("not_followers", "People who do not follow you", "Also those who began to in the last three days."),
    Reason("new_accounts", "New accounts", "Made in the last 30 days, by people whom you do not follow."),
    Reason("private_mentions", "Messages from strangers", "If they answer none of yours. They reach Messages once you accept who wrote."),
    Reason("limited_accounts", "Accounts that moderators have limited", "If you do not follow them."),
)


@frozen
class PolicyForm:
    """The policy, as it is or as it came back. `chosen` maps each reason's name to a treatment; `held` counts people who wait."""

    chosen: Mapping[str, str]
    held: int = 0
    errors: Mapping[str, str] = field(factory=dict)

    @classmethod
    def of(cls, policy: Policy, held: int) -> PolicyForm:
        """The policy as it is."""
        return cls({name: str(said) for name, said in asdict(policy).items()}, held)


@frozen
class RequestsPage:
    """People whose mentions are kept back; each with how much, counted up to `most`."""

    requests: tuple[NotificationRequest, ...] = ()
    most: int = 0
    older: str | None = None


def policy_page(pages: Pages, shell: PageContext, form: PolicyForm) -> bytes:
    """The form to choose what is told."""
    head = PageMetadata("Notification settings")
    return pages.page("settings_notifications", shell, head, form=form, reasons=REASONS, treatments=TREATMENTS)


def requests_page(pages: Pages, shell: PageContext, page: RequestsPage) -> bytes:
    """Those who wait."""
    return pages.page("notification_requests", shell, PageMetadata("Kept back"), page=page)
