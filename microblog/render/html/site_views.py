"""View models of the administrators' pages about the site. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from attrs import field, frozen

from microblog.model.accounts import RegistrationMode
from microblog.model.ids import RuleId
from microblog.model.rules import MAX_TEXT
from microblog.model.site_images import FORMATS, MAX_BYTES, SiteImage, SiteImageKind
from microblog.model.site_settings import MAX_CUSTOM_CSS, MAX_DESCRIPTION, MAX_NAME, FixedValue, LandingPage
from microblog.model.trends import TrendsMode

REGISTRATIONS = {
    RegistrationMode.OPEN: ("Open", "Anyone can sign up."),
    RegistrationMode.APPROVAL: ("Approval required", "Anyone can apply; a moderator reviews every application."),
    RegistrationMode.INVITE: ("Invite only", "People need an invite from someone who already has an account."),
    RegistrationMode.CLOSED: ("Closed", "Nobody can sign up."),
}
LANDING_PAGES = {
    LandingPage.FRONT: ("Front page", "About signing up, with recent local posts."),
    LandingPage.LOCAL: ("Local timeline", "The public posts of everyone here."),
    LandingPage.ABOUT: ("About page", "Description, rules and administrators."),
}
TRENDS = {
    TrendsMode.ALL: ("Unless rejected", "Hashtags, posts and links trend until a moderator rejects them."),
    TrendsMode.APPROVED: ("After approval", "Nothing trends before a moderator approves it."),
    TrendsMode.NONE: ("Nowhere", "Neither pages nor apps show trends."),
}
IMAGES = {
    SiteImageKind.LOGO: ("Logo", "Shown at the top of every page, up to 48 pixels high."),
    SiteImageKind.ICON: ("Icon", "For browser tabs and apps. Cropped to a square; best with at least 512 × 512 pixels."),
    SiteImageKind.THUMBNAIL: ("Thumbnail", "For link previews and lists of servers. Cropped; best with 1200 × 630 pixels."),
}


@frozen
class RuleForm:
    """The form of a rule, as stored or as submitted. `id`: None for a new one. `language`: it is a translation, "" while none is chosen."""

    id: RuleId | None = None
    text: str = ""
    hint: str = ""
    errors: Mapping[str, str] = field(factory=dict)
    language: str | None = None
    max_text: int = MAX_TEXT


@frozen
class SiteSettingsPage:
    """The form of the site settings, with the values in force or as submitted. `fixed` has those that cannot be changed here.

    `images` are the pictures that the site has, `removed` those of them that are marked for removal.
    """

    values: Mapping[str, str | bool]
    fixed: Mapping[str, FixedValue]
    images: Mapping[SiteImageKind, SiteImage]
    removed: AbstractSet[SiteImageKind] = frozenset()
    errors: Mapping[str, str] = field(factory=dict)
    registrations: Mapping[RegistrationMode, tuple[str, str]] = REGISTRATIONS
    landing_pages: Mapping[LandingPage, tuple[str, str]] = LANDING_PAGES
    max_name: int = MAX_NAME
    max_description: int = MAX_DESCRIPTION
    max_custom_css: int = MAX_CUSTOM_CSS
    trends_modes: Mapping[TrendsMode, tuple[str, str]] = TRENDS
    image_kinds: Mapping[SiteImageKind, tuple[str, str]] = IMAGES
    image_types: str = ",".join(f"image/{format.value.lower()}" for format in FORMATS)

    def max_megabytes(self, kind: SiteImageKind) -> int:
        """Return the size that an upload may have."""
        return MAX_BYTES[kind] // 1024 // 1024

    @property
    def sources(self) -> Mapping[str, str]:
        """The names of the settings that fix values, by the names of these values."""
        return {name: fixed.source for name, fixed in self.fixed.items()}
