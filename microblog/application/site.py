"""The site as it describes itself: settings that cannot change while it runs, with those that administrators change on its pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import define, evolve, field

from microblog import __version__
from microblog.adapters.site_texts import ABOUT, PRIVACY, RULES, rules_in, texts_in
from microblog.config import PREFIX, Settings
from microblog.domain.site_settings import CurrentSiteSettings
from microblog.domain.text import post_text
from microblog.domain.text.custom_css import parse_css
from microblog.model.accounts import RegistrationMode
from microblog.model.federation_mode import FederationMode
from microblog.model.site_images import SiteImageKind
from microblog.model.site_settings import FixedValue, SiteSettings, Stored, in_force
from microblog.model.site_texts import TextPage
from microblog.model.trends import TrendsMode
from microblog.render.accent import accent_css
from microblog.render.email.emails import EmailSender
from microblog.render.site_view import SiteView
from microblog.storage.database import Transactions

_FIXED_BY = {"name": "site_name", "description": "site_description", "contact": "contact_email", "registration": "registration"}


def current_site_settings(settings: Settings, database: Transactions, pause: Callable[[float], Awaitable[object]]) -> CurrentSiteSettings:
    """Return the settings of the site, not yet read from the database."""
    return CurrentSiteSettings(database, pause, first_site_settings(settings), fixed_values(settings))


def first_site_settings(settings: Settings) -> SiteSettings:
    """Return the settings until an administrator changes them: a site that only this machine can reach is open for sign-ups."""
    return SiteSettings(registration=RegistrationMode.OPEN if settings.is_local else RegistrationMode.APPROVAL)


def fixed_site_settings(settings: Settings) -> SiteSettings:
    """Return what the environment and the settings file say about the site, and defaults for the rest, without the database."""
    return in_force(Stored(), fixed_values(settings), first_site_settings(settings))


def fixed_values(settings: Settings) -> dict[str, FixedValue]:
    """Return the values that the environment or the settings file sets, with the name of the setting."""
    given = {name: (getattr(settings, key), PREFIX + key.upper()) for name, key in _FIXED_BY.items()}
    fixed = {name: FixedValue(value, source) for name, (value, source) in given.items() if value is not None}
    if settings.trends_review is not None:
        fixed["trends"] = FixedValue(TrendsMode.APPROVED if settings.trends_review else TrendsMode.ALL, f"{PREFIX}TRENDS_REVIEW")
    for name, file in (("about", ABOUT), ("privacy", PRIVACY)):
        if settings.texts_dir is not None and (settings.texts_dir / file).exists():
            fixed[name] = FixedValue("", f"{file} in {PREFIX}TEXTS_DIR")
    if rules := rules_in(settings.texts_dir):
        fixed["rules"] = FixedValue(rules, f"{RULES} in {PREFIX}TEXTS_DIR")
    return fixed


@define(eq=False)
class CurrentSiteView:
    """Returns the site as pages and the API describe it now. `lasting` has what does not change while the site runs."""

    lasting: SiteView
    current: CurrentSiteSettings
    _built: tuple[SiteSettings, SiteView] | None = field(init=False, default=None)

    def __call__(self) -> SiteView:
        """Return the view of the settings in force; the same object until they change."""
        settings = self.current.settings
        if self._built is None or self._built[0] is not settings:
            self._built = settings, self._view(settings)
        return self._built[1]

    def _view(self, settings: SiteSettings) -> SiteView:
        times = settings.texts_changed_at
        pages = {name: TextPage(self._html(text), at) for name, at in times.items() if (text := getattr(settings, name))}
        return evolve(
            self.lasting,
            name=settings.name,
            description=settings.description,
            contact=settings.contact or None,
            registration=settings.registration,
            reason_required=settings.reason_required,
            closed_message=self._html(settings.closed_message) if settings.closed_message else "",
            landing=settings.landing,
            accents=evolve(self.lasting.accents, css=accent_css(settings.accent_light, settings.accent_dark)),
            custom_css=evolve(self.lasting.custom_css, css=parse_css(settings.custom_css).css),
            logo=settings.images.get(SiteImageKind.LOGO),
            icon=settings.images.get(SiteImageKind.ICON),
            thumbnail=settings.images.get(SiteImageKind.THUMBNAIL),
            name_beside_logo=settings.name_beside_logo,
            texts=evolve(self.lasting.texts, rules=settings.rules, **pages),
        )

    def _html(self, typed: str) -> str:
        return text_html(typed, self.lasting)


def text_html(typed: str, site: SiteView) -> str:
    """Return a text of administrators as HTML, with links."""
    return post_text.parse(typed, site.host).html({}, site.url)


def current_site_view(settings: Settings, current: CurrentSiteSettings) -> CurrentSiteView:
    """Return what pages and the API say about the site. Reads the files of the texts."""
    federates = settings.federation is not FederationMode.OFF
    lasting = SiteView(
        current.settings.name,
        current.settings.description,
        settings.public_url,
        limit=settings.max_characters,
        version=__version__,
        federates=federates,
        shows_others=federates and settings.federation_public_pages,
        shown_blocks=settings.federation_shown_blocks,
        limited_federation=settings.federation is not FederationMode.ON,
    )
    texts = texts_in(settings.texts_dir, lambda typed: text_html(typed, lasting))
    return CurrentSiteView(evolve(lasting, texts=texts), current)


def email_sender(settings: Settings, site: SiteSettings) -> EmailSender:
    """Return the sender of e-mails with these settings of the site."""
    return EmailSender(site.name, settings.public_url, settings.mail_from, site.contact or None)
