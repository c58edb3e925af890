"""View model of the page of blocked domains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve, field, frozen

from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import PageContext


@frozen
class BlockedDomainsView:
    """A page of blocked domains, and the form to block another one with what was entered."""

    domains: Sequence[str] = ()
    older: str | None = None
    domain: str = ""
    errors: Mapping[str, str] = field(factory=dict)

    def with_domains(self, domains: Sequence[str], older: str | None) -> BlockedDomainsView:
        """Return the view with a page of the list."""
        return evolve(self, domains=domains, older=older)


def blocked_domains_page(pages: Pages, context: PageContext, view: BlockedDomainsView) -> bytes:
    """Render the page."""
    return pages.page("settings_domains", context, PageMetadata("Blocked domains"), view=view)
