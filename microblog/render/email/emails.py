"""Renderer of e-mails: from an EmailContext to the message for the mail server. Pure.

templates/emails has a file of translations for each language, and a pair of templates (text and HTML) for each kind of e-mail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from attrs import asdict, frozen
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from microblog.model.accounts import Account
from microblog.model.emails import DailyReport, EmailContext, EmailKind
from microblog.model.posts import Post
from microblog.render.email.mime import MessageHeaders, MessageThread, build_message, clean_text, single_line
from microblog.render.formatting import browser_name, excerpt, hue, initial
from microblog.render.local_links import html_by
from microblog.render.templates import loader
from microblog.render.translations import EmailTranslations, translations_for

MAX_NAME = 60  # characters of a display name
MAX_SUBJECT = 70  # characters of a post in a subject
MAX_EXCERPT = 180  # characters of a post in a digest
_HUES = (25, 50, 80, 110, 140, 168, 195, 225, 255, 290, 325, 355)  # as in style.css


@frozen
class EmailSender:
    """Sender of the e-mails: site name, URL of the site without a trailing slash, sender address and optional Reply-To address."""

    name: str
    url: str
    address: str
    reply_to: str | None = None


class EmailRenderer:
    """Renders the e-mails of one site. `sender` returns the sender as it is now."""

    def __init__(self, sender: Callable[[], EmailSender]) -> None:
        self._sender = sender
        self._environments = {ending: _environment(escaped=ending == "html") for ending in ("txt", "html")}

    def render(self, context: EmailContext) -> bytes:
        """Return the message with headers, text and HTML. It is reproducible, except for the boundary of its parts."""
        translations = translations_for(context.locale)
        texts = _EmailTexts(self._sender(), context, translations)
        return build_message(self._headers(context, texts), self._part("txt", context, texts), self._part("html", context, texts))

    def _headers(self, context: EmailContext, texts: _EmailTexts) -> MessageHeaders:
        email, site = context.email, texts.site
        return MessageHeaders(
            message_id=email.message_id or "",
            date=email.created_at.astimezone(UTC),
            name=texts.text("all.from") if context.by else site.name,
            sender=site.address,
            recipient=email.recipient,
            subject=texts.subject(),
            language=texts.translations.language,
            reply_to=site.reply_to if site.reply_to != site.address else None,
            unsubscribe=context.unsubscribe,
            thread=thread_of(context),
        )

    def _part(self, ending: str, context: EmailContext, texts: _EmailTexts) -> str:
        template = self._environments[ending].get_template(f"emails/{context.email.kind}.{ending}")
        t = texts.html if ending == "html" else texts.text
        text = template.render(
            context=context,
            site=texts.site,
            language=texts.translations.language,
            subject=texts.subject(),
            t=t,
            format_time=texts.format_time,
            count_phrases=texts.count_phrases,
        )
        return text if ending == "html" else clean_text(text).strip() + "\n"


def thread_of(context: EmailContext) -> MessageThread:
    """Return the threading headers of an e-mail about a post: a reply to the e-mail about the parent post to the same recipient.

    All e-mails about one thread refer to a first message that is never sent, so mail clients group them whichever of them arrive.
    """
    post, reader = context.post, context.email.account_id
    if post is None or reader is None:
        return MessageThread()
    host = (context.email.message_id or "").rpartition("@")[2]
    first = f"<thread.{post.thread_id or post.id}@{host}"
    parent = f"<post.{post.reply_to}.{reader}@{host}" if post.reply_to else first
    return MessageThread(parent, tuple(dict.fromkeys((first, parent))))


class _EmailTexts:
    """The translated texts of one e-mail, with its values inserted."""

    def __init__(self, site: EmailSender, context: EmailContext, translations: EmailTranslations) -> None:
        self.site, self.translations = site, translations
        self._context = context
        self._zone = ZoneInfo(context.time_zone)
        who = context.by.acct if context.by else context.username
        self._values = {"site": site.name, "username": who, "name": context.by.name if context.by else ""}
        if context.report:
            self._values["day"] = translations.day(context.report.begin.date())

    def text(self, key: str, **values: str) -> str:
        """Return a text as a single line."""
        lines = {
            name: single_line(value)[:MAX_NAME] if name == "name" else single_line(value) for name, value in (self._values | values).items()
        }
        return single_line(self.translations.text(key).format(**lines))

    def html(self, key: str, **values: str) -> Markup:
        """Return a text as HTML. Each value is in a bdi element, so its text direction does not affect the rest."""
        escaped_values = {name: Markup("<bdi>{}</bdi>").format(single_line(value)) for name, value in (self._values | values).items()}
        return Markup(escape(self.translations.text(key))).format(**escaped_values)  # noqa: S704 - the text and the values are escaped

    def format_time(self, moment: datetime | str) -> str:
        """Format a time in the recipient's time zone."""
        return self.translations.moment(datetime.fromisoformat(moment) if isinstance(moment, str) else moment, self._zone)

    def count_phrases(self, counts: Mapping[str, int]) -> list[str]:
        """Return a phrase for the count of each kind of notification. Kinds without a translation are left out."""
        order = list(self.translations.table["digest"])
        known = sorted((kind for kind in counts if self.translations.has(f"digest.{kind}")), key=order.index)
        return [self.translations.number(f"digest.{kind}", counts[kind]) for kind in known]

    def subject(self) -> str:
        """Return the subject; for mentions that of the thread, so that mail clients that group by subject group them as well."""
        context = self._context
        if context.email.kind is EmailKind.WARNING:
            return self.text(f"warning.title_{context.email.data['action']}")
        if context.email.kind is EmailKind.MODERATION:
            return self.text(f"moderation.title_{context.email.data['event']}")
        if context.email.kind is EmailKind.APPEAL:
            return self.text(f"appeal.title_{context.email.data['decision']}")
        topic = _topic(context.root) if context.root else ""
        if context.email.kind is not EmailKind.MENTION or context.post is None or not topic:
            return self.text(f"{context.email.kind}.subject")
        return topic if context.root and context.post.id == context.root.id else f"Re: {topic}"


def _topic(post: Post) -> str:
    return single_line(excerpt(post.spoiler or post.text, MAX_SUBJECT))


def _environment(*, escaped: bool) -> Environment:
    environment = Environment(
        loader=loader(),
        autoescape=escaped,  # noqa: S701 - off for the text parts, which are not HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.globals |= {
        "browser_name": browser_name,
        "excerpt": _post_excerpt,
        "clean_text": clean_text,
        "avatar_color": _avatar_color,
        "report_rows": _report_rows,
        "post_html": _post_html,
        "initial": initial,
        "single_line": single_line,
        "quote": _quote,
    }
    return environment


def _post_html(post: Post, url: str) -> Markup:
    return Markup(html_by(post.html, post.author, url))  # noqa: S704 - sanitized when the post was stored


def _quote(text: str) -> str:
    return "\n".join(f"> {part}".rstrip() for part in clean_text(text).split("\n"))


def _post_excerpt(post: Post) -> str:
    return single_line(excerpt(post.spoiler or post.text, MAX_EXCERPT))


def _avatar_color(account: Account) -> str:
    return f"hsl({_HUES[hue(account.username) % len(_HUES)]} 45% 36%)"


def _report_rows(report: DailyReport) -> Iterator[tuple[str, int]]:
    values: dict[str, Any] = asdict(report)
    return ((name, value) for name, value in values.items() if not isinstance(value, date))
