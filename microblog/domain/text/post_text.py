"""Plain text as people type it: what is let in, how long it is, whom it names, and its safe HTML.

`parse` finds the links, mentions and tags; then the caller looks up which of the mentioned people exist, and `ParsedText.html` writes
the markup that Mastodon's clients expect. All functions are pure, take linear time, and `parse` accepts every `str`.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from urllib.parse import quote

import regex
from attrs import frozen

from microblog.domain.text import bidi, graphemes, urls
from microblog.model.errors import Invalid

URL_LENGTH = 23
"""Characters that any URL counts for."""
LONGEST_USERNAME = 30
LONGEST_TAG = 100
_SHOWN_OF_URL = 30

_WORD = r"\p{L}\p{M}\p{N}_"
# The signs that make an emoji of the letter before them are marks to Unicode, but no part of a word.
_AFTER_EMOJI = r"(?<=[\ufe0e\ufe0f\u20e3])"
_SCAN = regex.compile(
    r"(?P<scheme>(?<![A-Za-z0-9_@#+])(?i:https?)://)"
    rf"|(?:(?<![{_WORD}=/])|{_AFTER_EMOJI})@(?P<mention>"
    rf"(?P<user>[A-Za-z0-9_](?:[A-Za-z0-9_.-]{{0,62}}[A-Za-z0-9_])?)@(?P<domain>[\p{{L}}\p{{N}}][{_WORD}.-]{{0,252}}+(?::[0-9]{{1,5}})?)"
    rf"|(?P<local>[A-Za-z0-9_]++))"
    rf"|(?:(?<![{_WORD}/)=])|{_AFTER_EMOJI})[#\uff03](?P<tag>[{_WORD}](?:[{_WORD}\xb7\u30fb\u200c]*[{_WORD}])?+)"
)
_LETTER = regex.compile(r"\p{L}")
_SCHEME = regex.compile(r"https?://(?:www\.)?", regex.I)

_BREAK = regex.compile(r"\r\n?|[\x85\u2028\u2029]")
# A slide's line break arrives as a vertical tab, a page's end as a form feed; other control characters mean nothing in a text.
_PASTED_BREAK = regex.compile(r"[\x0b\x0c]")
_PASTED = regex.compile(r"[^\P{Cc}\0\t\n\r\x85]|\p{Noncharacter_Code_Point}")
_UNSTORABLE = regex.compile(r"[\0\p{Cs}]")
_REFUSED = regex.compile(r"[^\P{Cc}\t\n]|[\p{Cs}\p{Noncharacter_Code_Point}]")
_VISIBLE = regex.compile(r"[^\s\p{Default_Ignorable_Code_Point}\u2800]")
_EDGES = "".join(chr(n) for n in range(0x3001) if chr(n).isspace()) + "\u200b\u2060\ufeff"
_SPACE = regex.compile(r"\s+")

_USERNAME = regex.compile(rf"[A-Za-z0-9_]{{1,{LONGEST_USERNAME}}}")
# fmt: off
RESERVED = frozenset({
    "abuse", "admin", "administrator", "all", "anonymous", "api", "everyone", "help", "here", "hostmaster", "info", "instance", "me",
    "microblog", "mod", "moderator", "news", "noreply", "no_reply", "nobody", "null", "official", "postmaster", "root",
    "security", "staff", "support", "system", "undefined", "webmaster",
})
# fmt: on

_LATIN_ACCENTS = regex.compile(r"(?<=[A-Za-z])\p{Mn}+")
_FOLDED = str.maketrans("øđðħıĸłŋŧſ", "oddhiklnts")
_NOT_TAG = regex.compile(rf"[^{_WORD}\xb7\u30fb\u200c]+")


@frozen
class Hashtag:
    """A tag in a text. `key` is folded for matching, `name` as it was typed, without the `#`."""

    key: str
    name: str


@frozen
class PlainToken:
    """A run of text that is nothing special."""

    text: str


@frozen
class LinkToken:
    """An http(s) URL, as it was typed."""

    url: str


@frozen
class MentionToken:
    """Something that looks like a mention. `domain` is None for people of this site; `text` is how it was typed."""

    username: str
    domain: str | None
    text: str


@frozen
class HashtagToken:
    """A hashtag where it stands, with its mark."""

    tag: Hashtag
    text: str


Token = PlainToken | LinkToken | MentionToken | HashtagToken


@frozen
class ParsedText:
    """A text cut into what it is made of: lines of tokens. An empty line has no tokens."""

    lines: tuple[tuple[Token, ...], ...]

    @property
    def mentions(self) -> tuple[str, ...]:
        """Lower-case usernames that people of this site might have, each once, in order."""
        names = (token.username.lower() for token in self._tokens() if isinstance(token, MentionToken) and token.domain is None)
        return tuple(dict.fromkeys(names))

    @property
    def tags(self) -> tuple[Hashtag, ...]:
        """The tags, each key once (as it was first written), in order."""
        found: dict[str, Hashtag] = {}
        for token in self._tokens():
            if isinstance(token, HashtagToken):
                found.setdefault(token.tag.key, token.tag)
        return tuple(found.values())

    @property
    def links(self) -> tuple[str, ...]:
        """The URLs, each once, in order."""
        return tuple(dict.fromkeys(token.url for token in self._tokens() if isinstance(token, LinkToken)))

    def html(self, known: Mapping[str, str], base_url: str) -> str:
        """Paragraphs of safe HTML. `known` maps those of `mentions` that exist to their usernames; the rest stay text.

        `base_url` is the site's public URL without a slash at its end.
        """
        paragraphs = (list(lines) for blank, lines in groupby(self.lines, key=_is_blank) if not blank)
        return "".join(f"<p>{'<br />'.join(_line_html(line, known, base_url) for line in lines)}</p>" for lines in paragraphs)

    def inline_html(self, known: Mapping[str, str], base_url: str) -> str:
        """The same without paragraphs, for texts of one line; lines are joined by spaces."""
        return " ".join(_line_html(line, known, base_url) for line in self.lines)

    def rendered(self, known: Mapping[str, str], base_url: str) -> RenderedText:
        """Everything that is stored with a post, once it is known who of the mentioned exist."""
        mentions = tuple(known[key] for key in self.mentions if key in known)
        return RenderedText(self.html(known, base_url), mentions, self.tags, self.links)

    def _tokens(self) -> Iterator[Token]:
        return (token for line in self.lines for token in line)


@frozen
class RenderedText:
    """A text's safe HTML, the usernames it mentions, its tags and its URLs, each once, in order."""

    html: str
    mentions: tuple[str, ...]
    tags: tuple[Hashtag, ...]
    links: tuple[str, ...]


def parse(text: str, host: str) -> ParsedText:
    """Cut `text` into lines of tokens. Accepts every `str`: what `clean` refuses becomes U+FFFD.

    `host` is the site's own (with its port, if that is not the usual one): `@user@host` is `@user` here.
    Right-to-left controls are balanced within each line, see bidi.py.
    """
    safe = _REFUSED.sub("\ufffd", _BREAK.sub("\n", text))
    return ParsedText(tuple(tuple(_tokens(bidi.balanced(line), host.lower())) for line in safe.split("\n")))


def length(text: str, spoiler: str = "") -> int:
    """What a post counts: graphemes of the content warning and the text, any URL 23, `@user@host` as `@user`."""
    lines = text.split("\n")
    return graphemes.count(spoiler) + len(lines) - 1 + sum(_token_length(token) for line in lines for token in _tokens(line, ""))


def clean(text: str, name: str = "text") -> str:
    """`text` as it is stored: newlines are `\\n`, no control characters but tab and newline, nothing blank at either end. Idempotent.

    Raises Invalid (for the field `name`) if NUL or half surrogate pairs are in it: nobody pastes them, and PostgreSQL cannot carry them.
    """
    normal = _BREAK.sub("\n", without_controls(text))
    if _UNSTORABLE.search(normal):
        raise Invalid({name: "Text contains characters that cannot be stored, such as NUL"})
    return normal.strip(_EDGES)


def without_controls(text: str) -> str:
    """`text` with vertical tabs and form feeds as newlines, and without other control characters and noncharacters.

    Tab, line ends and NUL stay. The XML of feeds could not carry the rest, and who pastes them does not see them.
    """
    return _PASTED.sub("", _PASTED_BREAK.sub("\n", text))


def clean_line(text: str, name: str) -> str:
    """Like `clean`, for a text of one line (a name, a content warning, a profile field): white space becomes single spaces.

    Loses right-to-left embeddings, overrides and isolates, since it is shown amid other text.
    """
    return _SPACE.sub(" ", bidi.stripped(clean(text, name))).strip(_EDGES)


def is_blank(text: str) -> bool:
    """True if there is nothing to see in it."""
    return not _VISIBLE.search(text)


def display_name(text: str, limit: int = 30) -> str:
    """A display name as it is stored; empty if nothing of it could be seen. Raises Invalid above `limit` graphemes."""
    name = clean_line(text, "display_name")
    if graphemes.count(name) > limit:
        message = f"Display name is too long (maximum is {limit} characters)"
        raise Invalid({"display_name": message}, codes={"display_name": "ERR_TOO_LONG"})
    return "" if is_blank(name) else name


def username(text: str, reserved: Iterable[str] = RESERVED) -> str:
    """A username that somebody new may choose. Raises Invalid with a code if its form is wrong or it is reserved."""
    name = text.strip(_EDGES)
    if not name:
        problem, code = "Username can't be blank", "ERR_BLANK"
    elif len(name) > LONGEST_USERNAME:
        problem, code = f"Username is too long (maximum is {LONGEST_USERNAME} characters)", "ERR_TOO_LONG"
    elif not _USERNAME.fullmatch(name):
        problem, code = "Username must contain only letters, numbers and underscores", "ERR_INVALID"
    elif name.lower() in reserved:
        problem, code = "Username is reserved", "ERR_RESERVED"
    else:
        return name
    raise Invalid({"username": problem}, codes={"username": code})


def field_html(value: str, host: str, known: Mapping[str, str], base_url: str) -> str:
    """The value of a profile field as inline HTML. One that is nothing but a URL claims it as the person's own (`rel=me`)."""
    parsed = parse(value.strip(_EDGES), host)
    match parsed.lines:
        case ((LinkToken(url),),):
            return _link_html(url, "nofollow noopener me")
        case _:
            return parsed.inline_html(known, base_url)


def excerpt(text: str, limit: int = 80) -> str:
    """At most `limit` graphemes of `text` on one line, for titles and previews: cut between words if it can be, ending in `…`."""
    line = _SPACE.sub(" ", bidi.stripped(_REFUSED.sub("\ufffd", text))).strip(_EDGES)
    if graphemes.count(line) <= limit:
        return line
    start = graphemes.cut(line, limit - 1)
    if line[len(start)] != " ":
        words = start.rpartition(" ")[0]
        start = words if len(words) >= len(start) // 2 else start
    return start.rstrip(_EDGES + ".,;:") + "…"


def tag_key(name: str) -> str:
    """The form of a tag that is compared: NFKC, lower case, Latin letters without their accents. Idempotent; maybe empty."""
    lower = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).lower())
    letters = unicodedata.normalize("NFD", _NOT_TAG.sub("", lower))
    return unicodedata.normalize("NFKC", _LATIN_ACCENTS.sub("", letters.translate(_FOLDED)))


def _tokens(line: str, host: str) -> Iterator[Token]:
    start = at = 0
    while match := _SCAN.search(line, at):
        token, at = _token(match, host)
        if token is not None:
            if start < match.start():
                yield PlainToken(line[start : match.start()])
            yield token
            start = at
    if start < len(line):
        yield PlainToken(line[start:])


def _token(match: regex.Match[str], host: str) -> tuple[Token | None, int]:
    """What was found, if it is valid, and where to look on. Never looks on before the middle of what was read: linear time."""
    token: Token | None
    if match["scheme"] is not None:
        url, end = urls.read(match.string, match.start(), match.end())
        return (LinkToken(url) if url else None), end
    if match["tag"] is not None:
        key = tag_key(match["tag"])
        valid = len(match["tag"]) <= LONGEST_TAG and _LETTER.search(match["tag"]) and _LETTER.search(key)
        return HashtagToken(Hashtag(key, match["tag"]), match[0]) if valid else None, match.end()
    if match["local"] is not None:
        valid_name = len(match["local"]) <= LONGEST_USERNAME
        return MentionToken(match["local"], None, match[0]) if valid_name else None, match.end()
    text = match.string[match.start() : urls.host_end(match.string, match.start("domain"), match.end())].rstrip(".-")
    domain = text.rpartition("@")[2]
    token = MentionToken(match["user"], None if domain.lower() == host else domain.lower(), text)
    return token, match.start() + len(text)


def _token_length(token: Token) -> int:
    match token:
        case LinkToken():
            return URL_LENGTH
        case MentionToken(username=name):
            return 1 + len(name)
        case PlainToken(text=text) | HashtagToken(text=text):
            return graphemes.count(text)


def _is_blank(line: tuple[Token, ...]) -> bool:
    return all(isinstance(token, PlainToken) and not token.text.strip() for token in line)


def _line_html(line: tuple[Token, ...], known: Mapping[str, str], base_url: str) -> str:
    return "".join(_token_html(token, known, base_url) for token in line)


def _token_html(token: Token, known: Mapping[str, str], base_url: str) -> str:
    match token:
        case LinkToken(url):
            return _link_html(url, "nofollow noopener")
        case HashtagToken(tag):
            target = _escaped(f"{base_url}/tags/{quote(tag.key)}")
            return f'<a href="{target}" class="mention hashtag" rel="tag">#<span>{_escaped(tag.name)}</span></a>'
        case MentionToken(username=name, domain=None) if name.lower() in known:
            who = _escaped(known[name.lower()])
            target = f"{_escaped(base_url)}/@{who}"
            return f'<span class="h-card" translate="no"><a href="{target}" class="u-url mention">@<span>{who}</span></a></span>'
        case MentionToken(text=text) | PlainToken(text=text):
            return _escaped(text)


def _link_html(url: str, rel: str) -> str:
    """A link that shows the start of its address; the rest is there, invisible, so that copying gives all of it."""
    scheme = _SCHEME.match(url)
    shown = scheme.end() if scheme else 0
    hidden = shown + _SHOWN_OF_URL
    style = "ellipsis" if len(url) > hidden else ""
    return (
        f'<a href="{_escaped(url)}" target="_blank" rel="{rel}" translate="no">'
        f'<span class="invisible">{_escaped(url[:shown])}</span><span class="{style}">{_escaped(url[shown:hidden])}</span>'
        f'<span class="invisible">{_escaped(url[hidden:])}</span></a>'
    )


def _escaped(text: str) -> str:
    # Some clients undo only the decimal form of the apostrophe.
    return html.escape(text).replace("&#x27;", "&#39;")
