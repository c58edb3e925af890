"""The site as pages, feeds and API entities describe it."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from attrs import frozen

from microblog.model.accounts import RegistrationMode, Viewer
from microblog.model.federation_mode import ShownBlocks
from microblog.model.site_images import SiteImage
from microblog.model.site_settings import LandingPage
from microblog.model.site_texts import NO_TEXTS, SiteTexts


@lru_cache(4)
def _hash(css: str) -> str:
    return sha256(css.encode("utf-8")).hexdigest()[:16]


@frozen
class SiteView:
    """The site, independent of the viewer. `url` has no path or trailing slash; `limit` is the maximum length of a post in characters.

    `closed_message` is HTML and tells why nobody can sign up, `style` and `custom_css` are style sheets beside that of all sites; each may
    be empty. `name_beside_logo`: the header shows the name also if there is a logo.
    """

    name: str
    description: str
    url: str
    registration: RegistrationMode = RegistrationMode.OPEN
    reason_required: bool = True
    closed_message: str = ""
    landing: LandingPage = LandingPage.FRONT
    style: str = ""
    custom_css: str = ""
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
    def style_hash(self) -> str:
        """Hash of the style sheet, for its address."""
        return _hash(self.style)

    @property
    def style_path(self) -> str:
        """Path of the style sheet; empty if there is none."""
        return f"/site/{self.style_hash}.css" if self.style else ""

    @property
    def custom_css_hash(self) -> str:
        """Hash of the custom CSS, for its address."""
        return _hash(self.custom_css)

    @property
    def custom_css_path(self) -> str:
        """Path of the custom CSS; empty if there is none."""
        return f"/site/custom/{self.custom_css_hash}.css" if self.custom_css else ""

    @property
    def host(self) -> str:
        """The host, as in @name@host."""
        return self.url.split("://", 1)[-1]
