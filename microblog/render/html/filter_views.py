"""View models of the filter pages."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from microblog.model.filters import Filter
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import PageContext

CONTEXTS = (
    ("home", "Home and lists"),
    ("notifications", "Notifications"),
    ("public", "Public timelines"),
    ("thread", "Threads"),
    ("account", "Profiles"),
)
ACTIONS = (("warn", "Hide with a warning"), ("hide", "Hide completely"), ("blur", "Hide media with a warning"))
DURATIONS = (
    ("", "Never"),
    ("1800", "30 minutes"),
    ("3600", "1 hour"),
    ("43200", "12 hours"),
    ("86400", "1 day"),
    ("604800", "1 week"),
    ("2592000", "30 days"),
)
KEEP = "keep"


@frozen
class FilterForm:
    """The form to create or edit a filter, with its values as stored or as submitted. `keywords` has one keyword per line."""

    stored: Filter | None = None
    title: str = ""
    keywords: str = ""
    whole_word: bool = True
    contexts: tuple[str, ...] = ("home", "public", "thread")
    action: str = "warn"
    duration: str = ""
    errors: Mapping[str, str] = field(factory=dict)

    @property
    def target(self) -> str:
        """The URL that the form is submitted to."""
        return f"/settings/filters/{self.stored.id}" if self.stored else "/settings/filters"


def filters_page(pages: Pages, context: PageContext, filters: tuple[Filter, ...], form: FilterForm) -> bytes:
    """Render the viewer's filters, and the form to add one."""
    return pages.page("settings_filters", context, PageMetadata("Filters"), filters=filters, form=form, **_CHOICES)


def filter_page(pages: Pages, context: PageContext, form: FilterForm) -> bytes:
    """Render the form to edit one filter."""
    return pages.page("settings_filter", context, PageMetadata("Edit filter"), form=form, **_CHOICES)


_CHOICES: Mapping[str, object] = {"contexts": CONTEXTS, "actions": ACTIONS, "durations": DURATIONS}
