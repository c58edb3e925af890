"""Plain text of posts and profiles: cleaning, length, mentions, hashtags and links, and conversion to safe HTML.

`parse` finds links, mentions and hashtags; then the caller looks up which mentioned accounts exist, and `ParsedText.html` renders the
markup that Mastodon's clients expect. All functions are pure and take linear time; `parse` accepts every `str`.
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
from microblog.model.posts import URL_LENGTH

MAX_USERNAME_LENGTH = 30
MAX_TAG_LENGTH = 100
_SHOWN_OF_URL = 30

_WORD = r"\p{L}\p{M}\p{N}_"
# Variation selectors and keycaps turn the character before them into an emoji: marks in Unicode, but no part of a word.
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
# Line breaks pasted from slides are vertical tabs, page ends are form feeds; other control characters have no meaning in a text.
_PASTED_BREAK = regex.compile(r"[\x0b\x0c]")
_PASTED = regex.compile(r"[^\P{Cc}\0\t\n\r\x85]|\p{Noncharacter_Code_Point}")
_UNSTORABLE = regex.compile(r"[\0\p{Cs}]")
_REFUSED = regex.compile(r"[^\P{Cc}\t\n]|[\p{Cs}\p{Noncharacter_Code_Point}]")
_VISIBLE = regex.compile(r"[^\s\p{Default_Ignorable_Code_Point}\u2800]")
_EDGES = "".join(chr(n) for n in range(0x3001) if chr(n).isspace()) + "\u200b\u2060\ufeff"
_SPACE = regex.compile(r"\s+")

_USERNAME = regex.compile(rf"[A-Za-z0-9_]{{1,{MAX_USERNAME_LENGTH}}}")
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
    """A hashtag. `key` is folded for matching; `name` is the spelling as typed, without the `#`."""

    key: str
    name: str


@frozen
class PlainToken:
    """Text without special meaning."""

    text: str


@frozen
class LinkToken:
    """An http(s) URL, as typed."""

    url: str


@frozen
class MentionToken:
    """Text that looks like a mention. `domain` is in ASCII, None for this site; `text` is how it was typed."""

    username: str
    domain: str | None
    text: str


@frozen
class HashtagToken:
    """A hashtag at its position in the text; `text` includes the `#`."""

    tag: Hashtag
    text: str


Token = PlainToken | LinkToken | MentionToken | HashtagToken


@frozen
class ParsedText:
    """A parsed text: lines of tokens. An empty line has no tokens."""

    lines: tuple[tuple[Token, ...], ...]

    @property
    def mentions(self) -> tuple[str, ...]:
        """Lower-case usernames mentioned on this site, in order without duplicates; the accounts may not exist."""
        names = (token.username.lower() for token in self._tokens() if isinstance(token, MentionToken) and token.domain is None)
        return tuple(dict.fromkeys(names))

    @property
    def remote_mentions(self) -> tuple[tuple[str, str], ...]:
        """Lower-case usernames and hosts mentioned on other sites, in order without duplicates."""
        found = ((token.username.lower(), token.domain) for token in self._tokens() if isinstance(token, MentionToken) and token.domain)
        return tuple(dict.fromkeys(found))

    @property
    def tags(self) -> tuple[Hashtag, ...]:
        """The hashtags in order, each key once (in its first spelling)."""
        found: dict[str, Hashtag] = {}
        for token in self._tokens():
            if isinstance(token, HashtagToken):
                found.setdefault(token.tag.key, token.tag)
        return tuple(found.values())

    @property
    def links(self) -> tuple[str, ...]:
        """The URLs in order without duplicates."""
        return tuple(dict.fromkeys(token.url for token in self._tokens() if isinstance(token, LinkToken)))

    def html(self, known: Mapping[str, str], base_url: str) -> str:
        """Render paragraphs of safe HTML. `known` maps lower-case names of existing accounts to usernames; other mentions stay text.

        Lower-case addresses of accounts elsewhere, `name@host`, are mapped to the URLs of their profiles.

        `base_url` is the site's public URL without a trailing slash.
        """
        paragraphs = (list(lines) for blank, lines in groupby(self.lines, key=_is_blank) if not blank)
        return "".join(f"<p>{'<br />'.join(_line_html(line, known, base_url) for line in lines)}</p>" for lines in paragraphs)

    def inline_html(self, known: Mapping[str, str], base_url: str) -> str:
        """Render without paragraphs, for texts of one line; lines are joined by spaces."""
        return " ".join(_line_html(line, known, base_url) for line in self.lines)

    def rendered(self, known: Mapping[str, str], base_url: str) -> RenderedText:
        """Return everything that is stored with a post, given the existing accounts."""
        mentions = tuple(known[key] for key in self.mentions if key in known)
        return RenderedText(self.html(known, base_url), mentions, self.tags, self.links)

    def _tokens(self) -> Iterator[Token]:
        return (token for line in self.lines for token in line)


@frozen
class RenderedText:
    """Safe HTML of a text with its mentioned usernames, hashtags and URLs, in order without duplicates."""

    html: str
    mentions: tuple[str, ...]
    tags: tuple[Hashtag, ...]
    links: tuple[str, ...]


def parse(text: str, host: str) -> ParsedText:
    """Split `text` into lines of tokens. Accepts every `str`: what `clean` rejects becomes U+FFFD.

    `host` is the site's own (with its port, if it is not the default): `@user@host` is `@user` here. Bidirectional controls are balanced
    within each line, see bidi.py.
    """
    safe = _REFUSED.sub("\ufffd", _BREAK.sub("\n", text))
    return ParsedText(tuple(tuple(_tokens(bidi.balanced(line), host.lower())) for line in safe.split("\n")))


def length(text: str, spoiler: str = "") -> int:
    """Return the length that counts for the limit: graphemes of content warning and text, any URL 23, `@user@host` as `@user`."""
    lines = text.split("\n")
    return graphemes.count(spoiler) + len(lines) - 1 + sum(_token_length(token) for line in lines for token in _tokens(line, ""))


def clean(text: str, name: str = "text") -> str:
    """Return `text` as it is stored: newlines are `\\n`, no control characters but tab and newline, no outer white space. Idempotent.

    Raises Invalid (for the field `name`) for NUL and lone surrogates: PostgreSQL cannot store them, and nobody pastes them.
    """
    normal = _BREAK.sub("\n", without_controls(text))
    if _UNSTORABLE.search(normal):
        raise Invalid({name: "Text contains characters that cannot be stored, such as NUL"})
    return normal.strip(_EDGES)


def without_controls(text: str) -> str:
    """Return `text` with vertical tabs and form feeds as newlines, without other control characters and noncharacters.

    Tab, line ends and NUL stay. XML feeds could not contain the rest, and people who paste them do not see them.
    """
    return _PASTED.sub("", _PASTED_BREAK.sub("\n", text))


def clean_line(text: str, name: str) -> str:
    """Like `clean`, for a text of one line (a name, a content warning, a profile field): white space becomes single spaces.

    Removes bidirectional embeddings, overrides and isolates, since it is shown amid other text.
    """
    return _SPACE.sub(" ", bidi.stripped(clean(text, name))).strip(_EDGES)


def is_blank(text: str) -> bool:
    """Return True if the text has no visible character."""
    return not _VISIBLE.search(text)


def display_name(text: str, limit: int = 30) -> str:
    """Return a display name as it is stored; empty if nothing is visible. Raises Invalid above `limit` graphemes."""
    name = clean_line(text, "display_name")
    if graphemes.count(name) > limit:
        message = f"Display name is too long (maximum is {limit} characters)"
        raise Invalid({"display_name": message}, codes={"display_name": "ERR_TOO_LONG"})
    return "" if is_blank(name) else name


def username(text: str, reserved: Iterable[str] = RESERVED) -> str:
    """Return a username for a new account. Raises Invalid with a code if it is malformed or reserved."""
    name = text.strip(_EDGES)
    if not name:
        problem, code = "Username can't be blank", "ERR_BLANK"
    elif len(name) > MAX_USERNAME_LENGTH:
        problem, code = f"Username is too long (maximum is {MAX_USERNAME_LENGTH} characters)", "ERR_TOO_LONG"
    elif not _USERNAME.fullmatch(name):
        problem, code = "Username must contain only letters, numbers and underscores", "ERR_INVALID"
    elif name.lower() in reserved:
        problem, code = "Username is reserved", "ERR_RESERVED"
    else:
        return name
    raise Invalid({"username": problem}, codes={"username": code})


def field_html(value: str, host: str, known: Mapping[str, str], base_url: str) -> str:
    """Render the value of a profile field as inline HTML. A value that is only a URL gets `rel=me`."""
    parsed = parse(value.strip(_EDGES), host)
    match parsed.lines:
        case ((LinkToken(url),),):
            return _link_html(url, "nofollow noopener me")
        case _:
            return parsed.inline_html(known, base_url)


def excerpt(text: str, limit: int = 80) -> str:
    """Return at most `limit` graphemes on one line, for titles and previews: cut between words if possible, ending in `…`."""
    line = _SPACE.sub(" ", bidi.stripped(_REFUSED.sub("\ufffd", text))).strip(_EDGES)
    if graphemes.count(line) <= limit:
        return line
    start = graphemes.cut(line, limit - 1)
    if line[len(start)] != " ":
        words = start.rpartition(" ")[0]
        start = words if len(words) >= len(start) // 2 else start
    return start.rstrip(_EDGES + ".,;:") + "…"


def tag_key(name: str) -> str:
    """Return the folded form of a hashtag: NFKC, lower case, Latin letters without accents. Idempotent; may be empty."""
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
    """Return the token, if it is valid, and the position after it. Never goes back more than half of what was read: linear time."""
    token: Token | None
    if match["scheme"] is not None:
        url, end = urls.read(match.string, match.start(), match.end())
        return (LinkToken(url) if url else None), end
    if match["tag"] is not None:
        key = tag_key(match["tag"])
        valid = len(match["tag"]) <= MAX_TAG_LENGTH and _LETTER.search(match["tag"]) and _LETTER.search(key)
        return HashtagToken(Hashtag(key, match["tag"]), match[0]) if valid else None, match.end()
    if match["local"] is not None:
        valid_name = len(match["local"]) <= MAX_USERNAME_LENGTH
        return MentionToken(match["local"], None, match[0]) if valid_name else None, match.end()
    text = match.string[match.start() : urls.host_end(match.string, match.start("domain"), match.end())].rstrip(".-")
    typed = text.rpartition("@")[2]
    domain = urls.ascii_host(typed) or typed.lower()
    token = MentionToken(match["user"], None if domain == host else domain, text)
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
            account = _escaped(known[name.lower()])
            target = f"{_escaped(base_url)}/@{account}"
            return f'<span class="h-card" translate="no"><a href="{target}" class="u-url mention">@<span>{account}</span></a></span>'
        case MentionToken(username=name, domain=str(domain), text=text) if f"{name.lower()}@{domain}" in known:
            account, target = _escaped(f"{name}@{text.rpartition('@')[2].lower()}"), _escaped(known[f"{name.lower()}@{domain}"])
            # With a target, so that the link is not taken for one of this site (render/local_links.py).
            link = f'<a href="{target}" target="_blank" rel="nofollow noopener" class="u-url mention">@<span>{account}</span></a>'
            return f'<span class="h-card" translate="no">{link}</span>'
        case MentionToken(text=text) | PlainToken(text=text):
            return _escaped(text)


def _link_html(url: str, rel: str) -> str:
    """Render a link that shows the start of its URL; the rest is invisible, so that copying yields all of it."""
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
    # Some clients decode only the decimal form of the apostrophe.
    return html.escape(text).replace("&#x27;", "&#39;")
