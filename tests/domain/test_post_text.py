"""Parsing and rendering of post text: examples from Mastodon's API, and properties that hold for any text."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import html5lib
import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain.text import bidi, post_text
from microblog.domain.text.graphemes import MAX_CLUSTER_LENGTH, count, cut
from microblog.model.errors import Invalid
from microblog.model.posts import URL_LENGTH
from tests.strategies import bidi_text, hostile_text, texts

HOST = "example.org"
BASE = "https://example.org"
KNOWN = {"alice": "alice", "bob": "Bob"}


def rendered(source: str) -> str:
    return post_text.parse(source, HOST).html(KNOWN, BASE)


def mention(name: str) -> str:
    return (
        f'<span class="h-card" translate="no"><a href="https://example.org/@{name}" class="u-url mention">@<span>{name}</span></a></span>'
    )


def tag(key: str, name: str) -> str:
    return f'<a href="https://example.org/tags/{key}" class="mention hashtag" rel="tag">#<span>{name}</span></a>'


def link(prefix: str, shown: str, hidden: str = "", rel: str = "nofollow noopener") -> str:
    return (
        f'<a href="{prefix}{shown}{hidden}" target="_blank" rel="{rel}" translate="no"><span class="invisible">{prefix}</span>'
        f'<span class="{"ellipsis" if hidden else ""}">{shown}</span><span class="invisible">{hidden}</span></a>'
    )


# --- examples ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", ""),
        ("  \n\n ", ""),
        ("Toot!", "<p>Toot!</p>"),
        ("one\ntwo", "<p>one<br />two</p>"),
        ("one\n\ntwo\n \n\n\nthree", "<p>one</p><p>two</p><p>three</p>"),
        ("one\r\ntwo\rthree", "<p>one<br />two<br />three</p>"),
        ("<b> & \"x\" 'y'", "<p>&lt;b&gt; &amp; &quot;x&quot; &#39;y&#39;</p>"),
        ("hi @alice!", f"<p>hi {mention('alice')}!</p>"),
        ("@BOB.", f"<p>{mention('Bob')}.</p>"),
        ("@bob@Example.ORG, hi", f"<p>{mention('Bob')}, hi</p>"),
        ("@nobody and @bob@far.example", "<p>@nobody and @bob@far.example</p>"),
        ("see #Été.", f"<p>see {tag('ete', 'Été')}.</p>"),
        ("#日本語", f"<p>{tag('%E6%97%A5%E6%9C%AC%E8%AA%9E', '日本語')}</p>"),
        ("https://example.org/", f"<p>{link('https://', 'example.org/')}</p>"),
        (
            "(https://www.example.org/a/rather/long/path_(that)/is/cut).",
            f"<p>({link('https://www.', 'example.org/a/rather/long/path', '_(that)/is/cut')}).</p>",
        ),
    ],
)
def test_html_is_what_mastodon_clients_expect(source: str, expected: str) -> None:
    assert rendered(source) == expected


@pytest.mark.parametrize(
    "source", ["a@alice", "/@alice", "=@alice", "é@alice", "_@alice", "@alice_", "@" + "a" * 31, "x@alice@example.org"]
)
def test_text_that_only_looks_like_a_mention_stays_text(source: str) -> None:
    assert "alice" not in post_text.parse(source, HOST).mentions


def test_mentions_are_lower_case_once_each_in_order() -> None:
    assert post_text.parse("@Zoe @bob @BOB@example.org @zoe @eve@far.example", HOST).mentions == ("zoe", "bob")


def test_a_mention_may_be_followed_by_letters_of_another_script() -> None:
    assert post_text.parse("@aliceさん", HOST).mentions == ("alice",)
    assert post_text.parse("@alice@example.orgさん、@bob@example.org에게", HOST).mentions == ("alice", "bob")
    assert post_text.length("@alice@far.exampleさん") == len("@aliceさん")


def test_own_domain_may_have_a_port() -> None:
    assert post_text.parse("@alice@localhost:8080: hi", "localhost:8080").mentions == ("alice",)


def test_a_mention_may_spell_its_host_in_any_script() -> None:
    text = post_text.parse("@Ada@Bücher.example @ben@bu\u0308cher.example @cid@例え.jp @di@xn--r8jz45g.jp", "xn--bcher-kva.example")
    assert text.mentions == ("ada", "ben")
    assert text.remote_mentions == (("cid", "xn--r8jz45g.jp"), ("di", "xn--r8jz45g.jp"))
    html = text.html({"cid@xn--r8jz45g.jp": "https://xn--r8jz45g.jp/@cid"}, "https://xn--bcher-kva.example")
    assert 'href="https://xn--r8jz45g.jp/@cid"' in html
    assert "@<span>cid@例え.jp</span>" in html


def test_mentions_are_rendered_in_the_spelling_of_the_account() -> None:
    result = post_text.parse("@bob @nobody #A #a #Ä https://example.org https://example.org", HOST).rendered(KNOWN, BASE)
    assert result.mentions == ("Bob",)
    assert [(found.key, found.name) for found in result.tags] == [("a", "A")]
    assert result.links == ("https://example.org",)


@pytest.mark.parametrize(
    ("source", "name", "key"),
    [
        ("#birds", "birds", "birds"),
        ("#Slow_Food!", "Slow_Food", "slow_food"),
        ("#ＷＩＤＥ", "ＷＩＤＥ", "wide"),
        ("＃鳥", "鳥", "鳥"),
        ("#İstanbul", "İstanbul", "istanbul"),
        ("#Łódź", "Łódź", "lodz"),
        ("#Ælfred", "Ælfred", "ælfred"),
        ("#नमस्ते", "नमस्ते", "नमस्ते"),
        ("#한국어", "한국어", "한국어"),
        ("#می\u200cخواهم", "می\u200cخواهم", "می\u200cخواهم"),
        ("#ラジオ・体操", "ラジオ・体操", "ラジオ・体操"),
        ("#2nd", "2nd", "2nd"),
        ("#a·", "a", "a"),
    ],
)
def test_hashtags_keep_their_spelling_and_match_case_folded(source: str, name: str, key: str) -> None:
    assert post_text.parse(source, HOST).tags == (post_text.Hashtag(key, name),)


@pytest.mark.parametrize("source", ["#1", "#１２", "#_", "#", "a#b", "/#b", ")#b", "=#b", "#·a", "#" + "a" * 101])
def test_text_that_only_looks_like_a_hashtag_stays_text(source: str) -> None:
    assert not post_text.parse(source, HOST).tags


LINKS_IN_SENTENCES = [
    *((f"https://w.example/{path} x", f"https://w.example/{path}") for path in ("k:alt:*", "?o=a^b=2", "a|b", "{id}/x", "a(b", "it's/c")),
    *(
        (f"https://w.example{path}{mark}", f"https://w.example{path}")
        for path in ("", "/x")
        for mark in "«»”’؟،؛।॥៕၊።።。」）｝？…‽—–:;,.!?'"
    ),
    *((f"«https://w.example/x{mark}» y", "https://w.example/x") for mark in ".!؟।"),
    *((f"https://w.example{rest}", "https://w.example") for rest in ("'s new", "’s new", "—new", "🎉", "❤️ x", ", x", ": x", "*", "...and")),
    *((f"https://w.example/x{rest}", "https://w.example/x") for rest in ("।और", "؟نعم", "。次", "»).", "}", "]", "—")),
    *((f"{mark}https://w.example/x{mark}, y", "https://w.example/x") for mark in ("*", "**", "||", "~~")),
    ("https://w.example.jpは便利", "https://w.example.jp"),
    ("https://w.example.kr에서", "https://w.example.kr"),
    ("https://w.exämple", "https://w.exämple"),
    ("https://ja.wikipedia.example/wiki/ジョン・レノン", "https://ja.wikipedia.example/wiki/ジョン・レノン"),
    ("https://w.example./x", "https://w.example./x"),
]


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("https://example.org.", "https://example.org"),
        ("https://example.org/?q=1&r=2#top!", "https://example.org/?q=1&r=2#top"),
        ("(https://example.org/a)", "https://example.org/a"),
        ("https://example.org/a_(b)", "https://example.org/a_(b)"),
        ("[https://example.org/a_(b)]…", "https://example.org/a_(b)"),
        ("見てhttps://example.org/鳥。次", "https://example.org/鳥"),
        ("HTTP://EXAMPLE.ORG", "HTTP://EXAMPLE.ORG"),
        ("https://пример.example/путь", "https://пример.example/путь"),
        ("http://localhost:8080/x", "http://localhost:8080/x"),
        ("http://127.0.0.1/", "http://127.0.0.1/"),
        ("https://example.org/a\u2067gpj.exe", "https://example.org/a"),
        ("https://example.org/a\u202egpj.exe", "https://example.org/agpj.exe"),
        ('https://example.org/"onclick=', "https://example.org/"),
        ("https://example.org/\\@evil.example", "https://example.org/"),
        ("https://example.org/@alice/1", "https://example.org/@alice/1"),
        ("https://example.org/" + "a" * 2028, "https://example.org/" + "a" * 2028),
        *LINKS_IN_SENTENCES,
    ],
)
def test_links_end_where_a_reader_would_end_them(source: str, url: str) -> None:
    assert post_text.parse(source, HOST).links == (url,)


@pytest.mark.parametrize(
    "source",
    [
        "javascript:alert(1)",
        "ftp://example.org",
        "xhttps://example.org",
        "@https://example.org",
        "https://",
        "https://example",
        "https://user:pass@evil.example/",
        "https://example.org@evil.example/",
        "https://-a.example/",
        "https://a..example/",
        "https://example.org:port/",
        "https://example.org:80x",
        "https://w.ex%61mple.com/",
        "https://w.example.com_.evil.example/",
        "https://user.name:pass@evil.example/",
        "https://example.org/" + "a" * 2029,
    ],
)
def test_text_that_is_no_plain_url_stays_text(source: str) -> None:
    assert not post_text.parse(source, HOST).links
    assert "<a" not in rendered(source)


# --- length, names, fields, excerpts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "spoiler", "expected"),
    [
        ("", "", 0),
        ("abc", "de", 5),
        ("é👩‍👩‍👧‍👦🇩🇪", "", 3),
        ("https://example.org/" + "x" * 200, "", 23),
        ("http://a.example", "", 23),
        ("@alice@a.very.long.example", "", 6),
        ("@alice", "", 6),
        ("a\n\nb", "", 4),
        ("#Été", "", 4),
        ("नमस्ते", "", 3),
    ],
)
def test_length_counts_grapheme_clusters(source: str, spoiler: str, expected: int) -> None:
    assert post_text.length(source, spoiler) == expected


def test_many_combining_marks_are_not_one_character() -> None:
    assert count("a" + "\u0301" * (MAX_CLUSTER_LENGTH - 1)) == 1
    assert count("a" + "\u0301" * 100 * MAX_CLUSTER_LENGTH) == 101


@pytest.mark.parametrize("bad", ["a\x00b", "\ud800", "x\udfff"])
def test_unstorable_characters_are_refused_by_name(bad: str) -> None:
    with pytest.raises(Invalid) as caught:
        post_text.clean(bad, "bio")
    assert set(caught.value.fields) == {"bio"}


@pytest.mark.parametrize(
    ("pasted", "kept"), [("a\x0bb\x0cc", "a\nb\nc"), ("a\x1bb\x7f\x9fc", "abc"), ("a\ufffe\uffff\ufdd0b", "ab"), ("\x01\x0b a \x1f", "a")]
)
def test_pasted_control_characters_become_line_ends_or_nothing(pasted: str, kept: str) -> None:
    assert post_text.clean(pasted) == kept
    assert post_text.clean_line(pasted, "title") == kept.replace("\n", " ")


def test_clean_normalises_newlines_and_strips() -> None:
    assert post_text.clean(" \u200b\ufeff a\r\nb\rc\u2028d\x85e\tf \n") == "a\nb\nc\nd\ne\tf"


@pytest.mark.parametrize("source", ["", " ", "\u200b", "\u3164", "\u2800\n", "\u202e\u2066", "\u00ad"])
def test_invisible_text_is_blank(source: str) -> None:
    assert post_text.is_blank(source)
    assert post_text.display_name(source) == ""


def test_a_display_name_is_one_line_and_does_not_change_the_direction_of_other_text() -> None:
    assert post_text.display_name("  Eve\n\t\u202eLiame\u2067 \u2069Ω ") == "Eve Liame Ω"
    assert post_text.display_name("👩‍👩‍👧‍👦" * 30) == "👩‍👩‍👧‍👦" * 30
    with pytest.raises(Invalid):
        post_text.display_name("a" * 31)


@pytest.mark.parametrize("name", ["a", "A_1", "x" * 30, " bob "])
def test_valid_usernames_are_accepted(name: str) -> None:
    assert post_text.username(name) == name.strip()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "ERR_BLANK"),
        ("x" * 31, "ERR_TOO_LONG"),
        ("a b", "ERR_INVALID"),
        ("é", "ERR_INVALID"),
        ("a\n", "ERR_BLANK"),
        ("a\x00", "ERR_INVALID"),
        ("Admin", "ERR_RESERVED"),
        ("１", "ERR_INVALID"),
    ],
)
def test_invalid_usernames_are_refused_with_a_reason(name: str, code: str) -> None:
    if name == "a\n":
        assert post_text.username(name) == "a"
        return
    with pytest.raises(Invalid) as caught:
        post_text.username(name)
    assert caught.value.codes == {"username": code}


def test_a_profile_field_with_only_a_url_links_to_it() -> None:
    assert post_text.field_html(" https://example.org/me ", HOST, KNOWN, BASE) == link(
        "https://", "example.org/me", rel="nofollow noopener me"
    )
    assert post_text.field_html("at https://example.org", HOST, KNOWN, BASE) == f"at {link('https://', 'example.org')}"
    assert post_text.field_html("<i>they</i>", HOST, KNOWN, BASE) == "&lt;i&gt;they&lt;/i&gt;"


def test_an_excerpt_is_cut_between_words() -> None:
    assert post_text.excerpt("short\n\n text", 20) == "short text"
    assert post_text.excerpt("the quick brown fox, jumps", 21) == "the quick brown fox…"
    assert post_text.excerpt("鳥" * 30, 10) == "鳥" * 9 + "…"
    assert post_text.excerpt("a\u202eb\u2067\x00", 10) == "ab\ufffd"


# --- properties -------------------------------------------------------------------------------------------------------------

ALLOWED: dict[str, dict[str, str]] = {
    "p": {},
    "br": {},
    "span": {"class": r"|invisible|ellipsis|h-card", "translate": "no"},
    "a": {
        "href": r"(?i:https?)://\S+",
        "class": r"u-url mention|mention hashtag",
        "rel": r"nofollow noopener( me)?|tag",
        "target": "_blank",
        "translate": "no",
    },
}


class StrictHtmlParser(HTMLParser):
    """A strict parser of the site's HTML: every element is closed in order and allowed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED
        assert len(dict(attrs)) == len(attrs)
        for name, value in attrs:
            assert re.fullmatch(ALLOWED[tag][name], value or "")
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert (tag, attrs) == ("br", [])
        self.text += "\n"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.text += "\n\n" if tag == "p" else ""

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"neither text nor element: {data!r}")

    def handle_decl(self, decl: str) -> None:
        self.handle_comment(decl)

    def handle_pi(self, data: str) -> None:
        self.handle_comment(data)

    def unknown_decl(self, data: str) -> None:
        self.handle_comment(data)


def read(markup: str) -> str:
    """Return the text of the HTML after checking that it is balanced and allowed."""
    walk = StrictHtmlParser()
    walk.feed(markup)
    walk.close()
    assert not walk.open
    return walk.text


def paragraphs(source: str) -> str:
    """Return the visible text without remote mentions: balanced lines, single blank lines."""
    safe = re.sub("\r\n?|[\x85\u2028\u2029]", "\n", source)
    safe = "".join("\ufffd" if refused(char) else char for char in safe)
    lines = [bidi.balanced(line) for line in safe.split("\n")]
    blocks = [block.strip("\n") for block in re.split(r"\n\n+", "\n".join(line if line.strip() else "" for line in lines))]
    return "".join(f"{block}\n\n" for block in blocks if block)


def refused(char: str) -> bool:
    kind, code = unicodedata.category(char), ord(char)
    return (kind == "Cc" and char not in "\t\n") or kind == "Cs" or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


@given(texts)
def test_html_is_balanced_and_has_only_allowed_elements(source: str) -> None:
    read(rendered(source))


@given(texts)
def test_a_browser_parses_the_same_elements(source: str) -> None:
    markup = rendered(source)
    seen: list[str] = []
    for element in html5lib.HTMLParser(strict=False).parseFragment(markup).iter():
        name = str(element.tag).rpartition("}")[2]
        if name != "DOCUMENT_FRAGMENT":
            seen.append(name)
        if name == "a":
            address = element.attrib["href"]
            assert address.lower().startswith(("http://", "https://"))
            assert "@" not in re.split(r"[/?#]", address.partition("://")[2])[0]
    assert seen == re.findall(r"<([a-z]+)", markup)


@given(texts)
def test_no_character_of_a_text_is_lost(source: str) -> None:
    shown = read(post_text.parse(source, HOST).html({}, BASE))
    assert shown.replace("#", "＃") == paragraphs(source).replace("#", "＃")


@given(st.one_of(texts, bidi_text))
def test_right_to_left_controls_do_not_leak_out_of_their_line(source: str) -> None:
    for line in read(rendered(source)).split("\n"):
        assert bidi.balanced(line) == line
        assert not set("\u202d\u202e") & set(line)
        pairs = [("\u2066\u2067\u2068", "\u2069"), ("\u202a\u202b", "\u202c")]
        for opening, closing in pairs:
            assert sum(line.count(char) for char in opening) == line.count(closing)


@given(texts)
def test_a_site_with_any_host_renders_its_local_links(source: str) -> None:
    parsed = post_text.parse(source, HOST)
    hrefs = re.findall(r'<a href="([^"]*)" target', parsed.html({}, BASE))
    assert len(set(hrefs)) == len(parsed.links)
    for url in parsed.links:
        assert urlsplit(url).scheme in {"http", "https"}
        assert urlsplit(url).username is None


CLOSING = regex.compile(r"[[\p{Pf}\p{Pi}\p{Quotation_Mark}][\p{Terminal_Punctuation}&&\p{SB=STerm}][\p{Pe}--\p{ASCII}]]", regex.V1)
WORD_AFTER_HOST = regex.compile(r"[\p{L}\p{M}\p{N}_%@:./?#\p{Default_Ignorable_Code_Point}\-]")


@given(st.sampled_from(["", "/", "/x", "/(a)", "/?q=a|b", "/#x^"]), st.lists(st.characters(), min_size=1, max_size=4).map("".join))
def test_closing_punctuation_of_any_script_is_no_part_of_a_link(path: str, after: str) -> None:
    ends = "".join(char for char in after if CLOSING.match(char))
    assert post_text.parse(f"https://w.example{path}{ends}", HOST).links == (f"https://w.example{path}",)


@given(st.characters(), st.text(st.characters(categories=["L", "N"]), max_size=3))
def test_a_host_is_a_link_before_any_character(sign: str, after: str) -> None:
    if not WORD_AFTER_HOST.match(sign):
        assert post_text.parse(f"https://w.example{sign}{after}", HOST).links == ("https://w.example",)


@given(hostile_text)
def test_a_link_is_a_part_of_the_text_and_leads_to_the_host_it_shows(source: str) -> None:
    for url in post_text.parse(source, HOST).links:
        assert post_text.parse(url, HOST).lines == ((post_text.LinkToken(url),),)
        assert post_text.length(url) == URL_LENGTH


@pytest.mark.skipif(not shutil.which("node"), reason="Node runs the composer's counter: apt-get install -y nodejs")
def test_the_composer_counts_as_the_server_does() -> None:
    samples = [source for source, _ in LINKS_IN_SENTENCES] + [f"see @bob@far.example {source} now" for source, _ in LINKS_IN_SENTENCES]
    module = (Path(post_text.__file__).parents[2] / "web" / "static" / "length.js").read_text()
    script = f"{module}\nconsole.log(JSON.stringify({json.dumps(samples)}.map(length)))"
    run = subprocess.run(["node", "--input-type=module", "-e", script], capture_output=True, text=True, check=True, timeout=60)
    assert dict(zip(samples, json.loads(run.stdout), strict=True)) == {source: post_text.length(source) for source in samples}


@given(texts)
def test_folding_a_hashtag_key_is_idempotent(source: str) -> None:
    assert post_text.tag_key(post_text.tag_key(source)) == post_text.tag_key(source)
    for found in post_text.parse(source, HOST).tags:
        assert found.key
        assert not re.search(r"\s|[/?#&<>\"']", found.key)


@given(texts, st.sampled_from([post_text.clean, post_text.clean_line]))
def test_cleaning_is_idempotent(source: str, clean: Callable[[str, str], str]) -> None:
    try:
        once = clean(source, "text")
    except Invalid:
        return
    assert clean(once, "text") == once
    once.encode()
    assert "\x00" not in once
    assert clean is post_text.clean or not set("\r\n\u2028\u2029\x85") & set(once)


@given(texts, st.integers(1, 50))
def test_excerpts_are_one_line_and_short(source: str, limit: int) -> None:
    short = post_text.excerpt(source, limit)
    assert count(short) <= limit
    assert not re.search("[\r\n\u2028\u2029\ud800-\udfff]", short)


@given(texts, st.integers(0, 50))
def test_truncation_keeps_the_longest_prefix_that_fits(source: str, limit: int) -> None:
    start = cut(source, limit)
    assert source.startswith(start)
    assert count(start) <= limit
    assert start == source or limit < count(source)


@given(hostile_text)
def test_a_text_is_never_longer_than_its_code_points_and_its_links(source: str) -> None:
    links = source.lower().count("http")
    assert post_text.length(source) <= len(source) + URL_LENGTH * links


PUMPS = (
    "a", " ", "\n", "@", "@a", "@a@", "@a.", " @a@a.", " @a@a.bは", " @a@" + "b" * 250, "#", "#a", " #a·", "·", "#·",
    "http://", "https://a.", "https://a/(", "(", ")", "https://a.b/)", ").", "https://a-", "\u0301", "🇩",
    "🇩🇪", "👩\u200d", "\u202e", "\u2066", "\u2069", "\u202a\u2066", "\u202a\u2069", "<", "&#", "\u200b", "क्",
    "https://a.b'", "https://a.b—", "https://a.b🎉", "https://a.b/*", "*https://a.b*", "https://a.b:/", "https://a.b(", "https://a.b/{", "https://a.b)は",
    "\u1100", "ﷺ", "\u2028", "...", "…", "@_", "/@", " \u200b",
)  # fmt: skip


def cost(pump: str, size: int) -> float:
    """Return the CPU seconds to process `size` characters, alone and after the start of a token."""
    source = (pump * (size // len(pump) + 1))[:size]
    start = time.process_time()
    for variant in [source, "https://a.b/" + source, "@a@b" + source, "\u2066" * (size // 2) + source[: size // 2]]:
        rendered(variant)
        post_text.length(variant)
        post_text.excerpt(variant)
        post_text.is_blank(variant)
        post_text.clean(variant)
    return time.process_time() - start


@pytest.mark.parametrize("pump", PUMPS, ids=ascii)
def test_processing_time_is_linear_in_the_length(pump: str) -> None:
    """Ten times the length costs ten times the time, or a hundred times if it grows quadratically; the limit in between leaves room for
    noise.
    """
    large = cost(pump, 20_000)
    assert large < 0.05 or large < 40 * max(cost(pump, 2_000) for _ in range(3))
