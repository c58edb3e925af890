"""E-mails are valid messages for any name and text, in the reader's language and time zone."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

import html5lib
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain.text import post_text as text_rules
from microblog.model.accounts import Account
from microblog.model.emails import DailyReport, DigestSummary, Email, EmailContext, EmailKind, EmailState
from microblog.model.ids import AccountId, EmailId, NotificationId, PostId
from microblog.model.notifications import Notification, NotificationKind
from microblog.model.posts import Post
from microblog.render.email.emails import EmailRenderer, EmailSender
from microblog.render.email.mime import MessageHeaders, build_message
from microblog.render.translations import LANGUAGES, translations_for
from tests.render.samples import NOW, account, post
from tests.rfc5322 import body_text, header_fields, parse, problems

SITE = EmailSender("Kommata", "https://kommata.example", "post@kommata.example", "help@kommata.example")
RENDERER = EmailRenderer(lambda: SITE)
EMAILS = Path(__file__).parents[2] / "templates" / "emails"
HOSTILE = 'Ada\r\nBcc: eve@evil.example\r\n\r\n<script>alert(1)</script> "quoted" \\ , ; <a@b> =?utf-8?q?=0d?= \u202e\u2066 \u2028 \ud800'
XHTML = "{http://www.w3.org/1999/xhtml}"
TAGS = frozenset("html,head,meta,title,style,body,table,tbody,tr,td,th,h1,h2,p,a,bdi,br,div,ul,li,strong,span".split(","))  # noqa: SIM905


def render_email(kind: EmailKind, **data: str) -> Email:
    number = 116169163924504591
    name = f"<post.100.{number}@kommata.example>" if kind is EmailKind.MENTION else f"<{kind}.{number}@kommata.example>"
    return Email(
        EmailId(number), kind, AccountId(number), "bob@example.org", None, data, name, EmailState.WAITING, 1, "", NOW - timedelta(hours=1)
    )


def rendered_by(author: Account, text: str, number: int = 100, **more: Any) -> Post:
    safe = text_rules.parse(text, "kommata.example").html({}, SITE.url)
    return post(number, author, text=text, html=safe, thread_id=PostId(100), **more)


def mail(kind: EmailKind, name: str = "Ada Lovelace", said: str = "Hello @bob", **more: Any) -> EmailContext:
    """Return an email of that kind, with `name` and `said` in all places for user text."""
    author = account(2, name)
    told = rendered_by(author, said)
    figures = DailyReport(NOW - timedelta(days=1), NOW, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    kinds = (NotificationKind.MENTION, NotificationKind.FOLLOW, NotificationKind.FOLLOW_REQUEST, NotificationKind.STATUS)
    notes = tuple(Notification(NotificationId(n), kind, NOW, author, told if n in (0, 3) else None, "") for n, kind in enumerate(kinds))
    about_people = kind in (EmailKind.MENTION, EmailKind.FOLLOW, EmailKind.FOLLOW_REQUEST)
    made = EmailContext(
        render_email(
            kind,
            address="192.0.2.1",
            agent=said,
            at=NOW.isoformat(),
            done="",
            problem=said,
            action="suspend",
            text=said,
            decision="approved",
            event="report",
            who=said,
            target="eve",
        ),
        username="bob",
        link="https://kommata.example/somewhere",
        unsubscribe="https://kommata.example/mail/unsubscribe/token" if kind not in (EmailKind.CONFIRM, EmailKind.RESET) else None,
        by=author if about_people else None,
        post=told if kind is EmailKind.MENTION else None,
        root=told if kind is EmailKind.MENTION else None,
        digest=DigestSummary(NOW - timedelta(days=7), {str(kind): n + 1 for n, kind in enumerate(NotificationKind)}, notes),
        report=figures if kind is EmailKind.REPORT else None,
    )
    return evolve(made, **more)


@pytest.mark.parametrize("language", [*LANGUAGES, "de-AT", "tlh"])
@pytest.mark.parametrize("kind", EmailKind)
def test_every_email_is_a_valid_message_in_every_language(kind: EmailKind, language: str) -> None:
    raw = RENDERER.render(mail(kind, locale=language, time_zone="Europe/Vienna"))
    assert problems(raw) == []
    assert parse(raw)["Content-Language"] == (language[:2] if language[:2] in LANGUAGES else "en")
    for part in ("plain", "html"):
        assert "https://kommata.example/somewhere" in body_text(raw, part) or kind is EmailKind.REJECTED
        assert "{" not in re.sub(r"<style>.*</style>", "", body_text(raw, part), flags=re.DOTALL)


@pytest.mark.parametrize("kind", EmailKind)
def test_user_text_becomes_neither_header_nor_markup(kind: EmailKind) -> None:
    raw = RENDERER.render(mail(kind, HOSTILE, HOSTILE))
    assert problems(raw) == []
    build_message = parse(raw)
    assert build_message["Bcc"] is None
    assert [(one.username, one.domain) for one in build_message["From"].addresses] == [("post", "kommata.example")]
    assert_is_safe(body_text(raw, "html"))
    assert not re.search("[\u202d\u202e\u2066-\u2069]", body_text(raw, "plain"))


def assert_is_safe(html: str) -> None:
    for element in html5lib.parse(html).iter():
        tag = str(element.tag).removeprefix(XHTML)
        assert tag in TAGS, tag
        attributes = {str(name): value for name, value in element.attrib.items()}
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcset", "background")]
        assert attributes.get("href", "https://").startswith(("https://", "http://"))
        if tag == "style":
            assert "url(" not in (element.text or "")


names = st.text(min_size=0, max_size=80)


@given(name=names, said=names)
def test_any_name_and_text_give_a_valid_message(name: str, said: str) -> None:
    raw = RENDERER.render(mail(EmailKind.MENTION, name, said))
    assert problems(raw) == []
    assert len(parse(raw)["From"].addresses) == 1
    assert_is_safe(body_text(raw, "html"))


@given(name=st.text(alphabet=' ,;:<>@()[]"\\.=?_\r\näß漢🙂\u202ea', max_size=70))
def test_the_from_header_takes_any_display_name(name: str) -> None:
    raw = build_message(MessageHeaders("<1@site.test>", NOW, name, "post@site.test", "bob@example.org", f"I am {name}"), "text", "<p>html")
    assert problems(raw) == []
    [sender] = parse(raw)["From"].addresses
    # The parser of the standard library puts a space between encoded words that belong together, so spaces are not compared.
    kept = re.sub("[\r\n\u202e ]+", "", name)
    assert (sender.display_name.replace(" ", ""), sender.addr_spec) == (kept, "post@site.test")


def test_a_right_to_left_name_does_not_change_the_direction_of_other_text() -> None:
    html = body_text(RENDERER.render(mail(EmailKind.FOLLOW, "نور الهدى")), "html")
    assert '<html lang="en" dir="ltr">' in html
    assert "<bdi>نور الهدى</bdi> followed you" in html


def test_an_email_to_an_unconfirmed_address_does_not_say_that_an_account_exists() -> None:
    assert "because you have an account" not in body_text(RENDERER.render(mail(EmailKind.CONFIRM)), "plain")


def test_a_header_that_would_break_the_message_is_refused() -> None:
    with pytest.raises(ValueError, match="To"):
        build_message(MessageHeaders("<1@site.test>", NOW, "", "post@site.test", "bob@example.org\r\nBcc: eve@evil.example", ""), "", "")


def test_an_email_about_a_reply_is_threaded_below_its_parent() -> None:
    author = account(2)
    first, answer = rendered_by(author, "Who likes tea?"), rendered_by(author, "I do", 200, reply_to=PostId(100))
    name = evolve(render_email(EmailKind.MENTION), message_id="<post.200.7@kommata.example>", account_id=AccountId(7))
    sent = parse(RENDERER.render(mail(EmailKind.MENTION, post=answer, root=first, email=name)))
    assert sent["In-Reply-To"] == "<post.100.7@kommata.example>"
    assert sent["References"].split() == ["<thread.100@kommata.example>", "<post.100.7@kommata.example>"]
    assert sent["Subject"] == "Re: Who likes tea?"
    opening = parse(RENDERER.render(mail(EmailKind.MENTION, said="Who likes tea?")))
    assert (opening["Subject"], opening["In-Reply-To"]) == ("Who likes tea?", "<thread.100@kommata.example>")


def test_the_subject_names_the_author_if_the_thread_root_is_hidden() -> None:
    assert parse(RENDERER.render(mail(EmailKind.MENTION, root=None)))["Subject"] == "Ada Lovelace mentioned you"


def test_text_below_a_content_warning_is_not_emailed() -> None:
    author = account(2)
    hidden = rendered_by(author, "the butler did it", spoiler="The end of the book")
    raw = RENDERER.render(mail(EmailKind.MENTION, post=hidden, root=hidden))
    assert "The end of the book" in body_text(raw, "plain")
    assert "The end of the book" in body_text(raw, "html")
    assert "butler" not in raw.decode() + body_text(raw, "plain") + body_text(raw, "html")


def test_a_post_in_an_email_links_to_the_current_site_url() -> None:
    moved = evolve(rendered_by(account(2), "#tea"), html=text_rules.parse("#tea", "was.example").html({}, "https://was.example"))
    said = body_text(RENDERER.render(mail(EmailKind.MENTION, post=moved)), "html")
    assert 'href="https://kommata.example/tags/tea"' in said
    assert "was.example" not in said


def test_notification_emails_have_one_click_unsubscribe_headers() -> None:
    one_click = dict(header_fields(RENDERER.render(mail(EmailKind.FOLLOW))))
    assert one_click["List-Unsubscribe"] == "<https://kommata.example/mail/unsubscribe/token>"
    assert one_click["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "List-Unsubscribe" not in dict(header_fields(RENDERER.render(mail(EmailKind.RESET))))


def test_times_are_in_the_time_zone_of_the_reader() -> None:
    at = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
    told = render_email(EmailKind.LOGIN, address="192.0.2.1", agent="", at=at.isoformat())
    raw = RENDERER.render(mail(EmailKind.LOGIN, email=told, locale="de", time_zone="Europe/Vienna"))
    assert "29. März 2026, 01:59 (CET)" in body_text(raw, "plain")
    assert translations_for("de").moment(at + timedelta(minutes=1), ZoneInfo("Europe/Vienna")).endswith("03:00 (CEST)")


def test_rendering_an_email_again_gives_the_same_bytes() -> None:
    def bare(raw: bytes) -> bytes:
        return re.sub(rb"={15}\d+==", b"", raw)

    one = mail(EmailKind.DIGEST)
    assert bare(RENDERER.render(one)) == bare(RENDERER.render(one))


def placeholders(value: object) -> object:
    if isinstance(value, dict):
        return {name: placeholders(text) for name, text in value.items()}
    if isinstance(value, list):
        return len(value)
    return {field for _, field, _, _ in Formatter().parse(str(value)) if field}


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_translations_have_the_same_placeholders(language: str) -> None:
    english, other = (tomllib.loads((EMAILS / f"{name}.toml").read_text("utf-8")) for name in ("en", language))
    assert placeholders(other) == placeholders(english)


def test_every_kind_of_email_has_its_two_templates_and_no_template_is_unused() -> None:
    found = {path.name for path in EMAILS.iterdir() if path.suffix in (".html", ".txt") and not path.name.startswith("_")}
    assert found == {f"{kind}.{ending}" for kind in EmailKind for ending in ("html", "txt")}
