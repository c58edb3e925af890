"""Letters: from what is known about a mail to the bytes that are handed to the mail server. Pure.

Words are in templates/emails: a file of phrases for each language, a pair of templates (text and HTML) for each kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
from microblog.render.email.translations import EmailTranslations, translations_for
from microblog.render.html.formatting import browser_name, excerpt, hue, initial
from microblog.render.local_links import own_links
from microblog.render.templates import loader

MAX_NAME = 60  # characters of a name in a header
MAX_SUBJECT = 70  # characters of a post in a subject
MAX_EXCERPT = 180  # characters of a post in a digest
_HUES = (25, 50, 80, 110, 140, 168, 195, 225, 255, 290, 325, 355)  # as in style.css


@frozen
class EmailSender:
    """Who writes: the site's name, its address on the web (without a slash at its end), the address of its mails, and where answers go."""

    name: str
    url: str
    address: str
    reply_to: str | None = None


class EmailRenderer:
    """Writes letters for one site."""

    def __init__(self, site: EmailSender) -> None:
        self._site = site
        self._environments = {ending: _environment(escaped=ending == "html") for ending in ("txt", "html")}

    def written(self, mail: EmailContext) -> bytes:
        """The message: header, text and HTML. The same again for the same mail, but for the boundary of its parts."""
        said = translations_for(mail.locale)
        words = _EmailTexts(self._site, mail, said)
        return build_message(self._head(mail, words), self._part("txt", mail, words), self._part("html", mail, words))

    def _head(self, mail: EmailContext, words: _EmailTexts) -> MessageHeaders:
        letter = mail.letter
        return MessageHeaders(
            message_id=letter.message_id or "",
            date=letter.created_at.astimezone(UTC),
            name=words.text("all.from") if mail.by else self._site.name,
            sender=self._site.address,
            recipient=letter.recipient,
            subject=words.subject(),
            language=words.said.language,
            reply_to=self._site.reply_to if self._site.reply_to != self._site.address else None,
            unsubscribe=mail.unsubscribe,
            thread=thread_of(mail),
        )

    def _part(self, ending: str, mail: EmailContext, words: _EmailTexts) -> str:
        template = self._environments[ending].get_template(f"emails/{mail.letter.kind}.{ending}")
        say = words.html if ending == "html" else words.text
        text = template.render(
            mail=mail,
            site=self._site,
            language=words.said.language,
            subject=words.subject(),
            say=say,
            moment=words.moment,
            tally=words.tally,
        )
        return text if ending == "html" else clean_text(text).strip() + "\n"


def thread_of(mail: EmailContext) -> MessageThread:
    """Where mail programs put a letter about a post: under the letter to the same reader about the post that it answers.

    All letters about one conversation refer to a first message that is never sent, so that they stand together whichever of them arrive.
    """
    post, reader = mail.post, mail.letter.account_id
    if post is None or reader is None:
        return MessageThread()
    host = (mail.letter.message_id or "").rpartition("@")[2]
    first = f"<thread.{post.thread_id or post.id}@{host}"
    answered = f"<post.{post.reply_to}.{reader}@{host}" if post.reply_to else first
    return MessageThread(answered, tuple(dict.fromkeys((first, answered))))


class _EmailTexts:
    """The phrases of one letter, with its names put in."""

    def __init__(self, site: EmailSender, mail: EmailContext, said: EmailTranslations) -> None:
        self.said = said
        self._mail = mail
        self._zone = ZoneInfo(mail.time_zone)
        who = mail.by.username if mail.by else mail.username
        self._values = {"site": site.name, "username": who, "name": mail.by.name if mail.by else ""}
        if mail.report:
            self._values["day"] = said.day(mail.report.begin.date())

    def text(self, key: str, **values: str) -> str:
        """A phrase as one line of text."""
        shown = {
            name: single_line(value)[:MAX_NAME] if name == "name" else single_line(value) for name, value in (self._values | values).items()
        }
        return single_line(self.said.text(key).format(**shown))

    def html(self, key: str, **values: str) -> Markup:
        """A phrase as HTML: each name keeps its own direction to itself."""
        put = {name: Markup("<bdi>{}</bdi>").format(single_line(value)) for name, value in (self._values | values).items()}
        return Markup(escape(self.said.text(key))).format(**put)  # noqa: S704 - escaped, and so are the values

    def moment(self, moment: datetime | str) -> str:
        """A time as the reader's clock shows it."""
        return self.said.moment(datetime.fromisoformat(moment) if isinstance(moment, str) else moment, self._zone)

    def tally(self, counts: Mapping[str, int]) -> list[str]:
        """How many there are of each kind, in words; kinds that have no words for readers are left out."""
        order = list(self.said.table["digest"])
        known = sorted((kind for kind in counts if self.said.has(f"digest.{kind}")), key=order.index)
        return [self.said.number(f"digest.{kind}", counts[kind]) for kind in known]

    def subject(self) -> str:
        """The subject; of letters about posts the conversation's, so that mail programs that go by it put them together as well."""
        mail = self._mail
        if mail.letter.kind is EmailKind.WARNING:
            return self.text(f"warning.title_{mail.letter.data['action']}")
        topic = _topic(mail.root) if mail.root else ""
        if mail.letter.kind is not EmailKind.MENTION or mail.post is None or not topic:
            return self.text(f"{mail.letter.kind}.subject")
        return topic if mail.root and mail.post.id == mail.root.id else f"Re: {topic}"


def _topic(post: Post) -> str:
    return single_line(excerpt(post.spoiler or post.text, MAX_SUBJECT))


def _environment(*, escaped: bool) -> Environment:
    made = Environment(
        loader=loader(),
        autoescape=escaped,  # noqa: S701 - off for the text parts, which are no markup
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    made.globals |= {
        "agent": browser_name,
        "beginning": _post_excerpt,
        "block": clean_text,
        "colour": _avatar_color,
        "figures": _report_rows,
        "html_of": _html_of,
        "initial": initial,
        "line": single_line,
        "quoted": _quote,
    }
    return made


def _html_of(post: Post, url: str) -> Markup:
    return Markup(own_links(post.html, url))  # noqa: S704 - made safe when the post was stored


def _quote(text: str) -> str:
    return "\n".join(f"> {part}".rstrip() for part in clean_text(text).split("\n"))


def _post_excerpt(post: Post) -> str:
    return single_line(excerpt(post.spoiler or post.text, MAX_EXCERPT))


def _avatar_color(account: Account) -> str:
    return f"hsl({_HUES[hue(account.username) % len(_HUES)]} 45% 36%)"


def _report_rows(report: DailyReport) -> Iterator[tuple[str, int]]:
    values: dict[str, Any] = asdict(report)
    return ((name, value) for name, value in values.items() if not isinstance(value, date))
