"""The site as pages, feeds and API entities describe it."""

from __future__ import annotations

from hashlib import sha256

from attrs import field, frozen

from microblog.model.accounts import RegistrationMode, Viewer
from microblog.model.federation_mode import ShownBlocks
from microblog.model.site_images import SiteImage
from microblog.model.site_settings import LandingPage
from microblog.model.site_texts import NO_TEXTS, SiteTexts


@frozen
class StyleSheet:
    """A style sheet beside that of all sites, at an address in `directory` with a hash of its content. Empty `css`: there is none."""

    directory: str
    css: str = ""
    hash: str = field(init=False)

    @hash.default
    def _hash(self) -> str:
        return sha256(self.css.encode("utf-8")).hexdigest()[:16]

    @property
    def path(self) -> str:
        """Its path; empty if there is none."""
        return f"{self.directory}{self.hash}.css" if self.css else ""


@frozen
class SiteView:
    """The site, independent of the viewer. `url` has no path or trailing slash; `limit` is the maximum length of a post in characters.

    `closed_message` is HTML and tells why nobody can sign up, or empty. `accents` has the accent colours, `custom_css` the custom CSS.
    `name_beside_logo`: the header shows the name also if there is a logo.
    """

    name: str
    description: str
    url: str
    registration: RegistrationMode = RegistrationMode.OPEN
    reason_required: bool = True
    closed_message: str = ""
    landing: LandingPage = LandingPage.FRONT
    accents: StyleSheet = StyleSheet("/site/")
    custom_css: StyleSheet = StyleSheet("/site/custom/")
    logo: SiteImage | None = None
    icon: SiteImage | None = None
    thumbnail: SiteImage | None = None
    name_beside_logo: bool = True
    limit: int = 500
    contact: str | None = None
    version: str = ""
    texts: SiteTexts = NO_TEXTS
    federates: bool = False
    shows_others: bool = False  # pages with accounts and posts of other servers, to visitors too
    shown_blocks: ShownBlocks = ShownBlocks.NOBODY
    limited_federation: bool = True  # with no other servers, or only with those that are allowed

    def hides_others_from(self, viewer: Viewer | None) -> bool:
        """True if pages show the viewer only accounts and posts of this site."""
        return viewer is None and not self.shows_others

    @property
    def host(self) -> str:
        """The host, as in @name@host."""
        return self.url.split("://", 1)[-1]
