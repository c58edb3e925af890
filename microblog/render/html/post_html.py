"""Posts as HTML: a cacheable fragment that is the same for all viewers, joined with counts and the viewer's flags.

`PostHtmlCache.of` is the expensive half (Jinja2). It depends only on the post, so its result can be cached until the post changes.
`assemble` is the cheap half: it adds counts and one viewer's flags by plain string formatting, in 2 to 4 microseconds.

All buttons are plain submit buttons with a `formaction`, and use the CSRF token of the form around the timeline.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum, auto

from attrs import evolve, frozen
from jinja2 import Environment
from markupsafe import escape

from microblog.model.accounts import Viewer
from microblog.model.emojis import Emoji
from microblog.model.ids import AccountId, PostId
from microblog.model.polls import Poll
from microblog.model.posts import Post, PostFlags, Visibility
from microblog.render.formatting import ICONS, number
from microblog.render.html import polls


class PostVariant(Enum):
    """Kind of viewer that a post is assembled for. STREAM is for unknown members: the scripts select the author's controls."""

    ANONYMOUS = auto()
    MEMBER = auto()
    AUTHOR = auto()
    STREAM = auto()


@frozen
class PostCounts:
    """The parts of a post that change without an edit: the counts of its buttons, and whether its poll has ended."""

    replies: int = 0
    boosts: int = 0
    favourites: int = 0
    ended: bool = False

    @classmethod
    def of(cls, post: Post, now: datetime | None = None) -> PostCounts:
        """Return the counts of a post, or of the original of a boost. Without `now`, its poll counts as open."""
        post = post.original
        ended = post.poll is not None and now is not None and post.poll.ended(now)
        return cls(post.replies_count, post.boosts_count, post.favourites_count, ended)


@frozen
class PostHtml:
    """A post as HTML without counts and the viewer's flags. All fields except `opening` are those of the original if it is a boost.

    `menu` are the menu entries for other members than the author; `poll` and `closing` follow the body.
    """

    id: PostId
    author: AccountId
    path: str
    opening: str
    body: str
    menu: str
    sharable: bool
    poll: Poll | None = None
    closing: str = ""
    emojis: tuple[Emoji, ...] = ()


class PostHtmlRenderer:
    """Renders fragments with the site's templates."""

    def __init__(self, environment: Environment) -> None:
        self._opening = environment.get_template("pages/_post_opening.html")
        self._body = environment.get_template("pages/_post_body.html")

    def of(self, post: Post) -> PostHtml:
        """Render a post, or a boost with the boosted post."""
        if post.boost is not None:
            return self.boosted(post, self.of(post.boost))
        name, path = post.author.acct, f"/@{escape(post.author.acct)}"
        return PostHtml(
            id=post.id,
            author=post.author.id,
            path=f"{path}/{post.id}",
            opening=self._opening.render(post=post, original=post),
            body=self._body.render(post=post, parent=_parent(post)),
            menu=_MENU.format(path=path, name=escape(name), id=post.id, original=_original_link(post)),
            sharable=post.visibility in (Visibility.PUBLIC, Visibility.UNLISTED),
            poll=post.poll,
            closing="</details>" if post.spoiler else "",
            emojis=post.emojis,
        )

    def boosted(self, boost: Post, original: PostHtml) -> PostHtml:
        """Render a boost from the fragment of the boosted post."""
        return evolve(original, opening=self._opening.render(post=boost, original=boost.original))


def variant_for(fragment: PostHtml, viewer: Viewer | None) -> PostVariant:
    """Return the variant of a post for this viewer."""
    if viewer is None:
        return PostVariant.ANONYMOUS
    return PostVariant.AUTHOR if viewer.id == fragment.author else PostVariant.MEMBER


def assemble(fragment: PostHtml, counts: PostCounts, flags: PostFlags, variant: PostVariant) -> str:
    """Return the article element as safe HTML."""
    actions = _visitor(fragment, counts) if variant is PostVariant.ANONYMOUS else _member(fragment, counts, flags, variant)
    poll = "" if fragment.poll is None else _poll(fragment, fragment.poll, counts, flags, variant)
    return f"{fragment.opening}{fragment.body}{poll}{fragment.closing}{actions}</div></div></article>"


def collapse_behind_filters(article: str, titles: str) -> str:
    """Return the article collapsed behind a warning with the titles of the matching filters."""
    opening, grid, rest = article.partition('<div class="post-grid">')
    inside = rest.removesuffix("</article>")
    summary = f'<summary><span>Filtered: <bdi>{escape(titles)}</bdi></span><span class="reveal"></span></summary>'
    return f'{opening}<details class="warned folded">{summary}{grid}{inside}</details></article>'


def _poll(fragment: PostHtml, poll: Poll, counts: PostCounts, flags: PostFlags, variant: PostVariant) -> str:
    """Return the form if the viewer can vote, or the results. On a stream both are sent, and the scripts choose for the author."""
    results = polls.results(poll, flags.votes, counts.ended, fragment.emojis)
    if counts.ended or flags.votes or variant in (PostVariant.ANONYMOUS, PostVariant.AUTHOR):
        return results
    if variant is PostVariant.MEMBER:
        return polls.form(poll, fragment.emojis)
    return f'<div data-for="others">{polls.form(poll, fragment.emojis)}</div><div data-for="author" hidden>{results}</div>'


def _parent(post: Post) -> tuple[str, str] | None:
    """Return the address and the path of the parent post; None if it is no reply.

    The path is empty if some readers of the reply may not see the parent, or if it is not known here. The address is empty if it is of
    somebody whom the reply does not mention.
    """
    if post.reply_to is None:
        return None if post.reply_to_uri is None else ("", "")
    names = [mention.acct for mention in post.mentions if mention.account_id == post.reply_to_account]
    name = post.author.acct if post.reply_to_account == post.author.id else names[0] if names else ""
    if not post.can_link_to_parent:
        return name, ""
    return name, f"/@{name}/{post.reply_to}" if name else f"/posts/{post.reply_to}"


def _original_link(post: Post) -> str:
    """Return the menu entry for a post of another server that leads to its page there."""
    address = post.url or post.uri
    return f'<a href="{escape(address)}" target="_blank" rel="nofollow noopener" data-original>Open original page</a>' if address else ""


_REPLY, _BOOST, _HEART, _MARK, _MORE = (ICONS[name] for name in ("reply", "boost", "heart", "bookmark", "more"))
_MENU = (
    '<a href="{path}/{id}">View post</a>{original}<button formaction="{path}/mute">Mute @{name}</button>'
    '<a href="{path}/block">Block @{name}…</a><a href="{path}/report?post={id}">Report…</a>'
)


def _visitor(fragment: PostHtml, counts: PostCounts) -> str:
    """Return the counts as links to the login page, which leads back to the post."""
    login = f'href="/login?next={fragment.path}"'
    return (
        '<div class="acts">'
        f'<a class="act reply" {login} title="Log in to reply">{_REPLY}<span class="vh">Reply</span>{_count(counts.replies)}</a>'
        f'<a class="act boost" {login} title="Log in to boost">{_BOOST}<span class="vh">Boost</span>{_count(counts.boosts)}</a>'
        f'<a class="act favourite" {login} title="Log in to favourite">{_HEART}<span class="vh">Favourite</span>'
        f"{_count(counts.favourites)}</a></div>"
    )


def _member(fragment: PostHtml, counts: PostCounts, flags: PostFlags, variant: PostVariant) -> str:
    post = fragment.id
    boost = _toggle("boost", post, flags.boosted, counts.boosts)
    if not fragment.sharable and (variant is not PostVariant.AUTHOR or not flags.boosted):
        boost = f'<span class="act off" title="Private posts cannot be boosted">{_BOOST}</span>'
    return (
        '<div class="acts">'
        f'<a class="act reply" href="/compose?reply_to={post}" title="Reply">{_REPLY}<span class="vh">Reply</span>'
        f"{_count(counts.replies)}</a>"
        f"{boost}"
        f"{_toggle('favourite', post, flags.favourited, counts.favourites)}"
        f"{_toggle('bookmark', post, flags.bookmarked, 0)}"
        f'<details class="menu"><summary class="act" title="More">{_MORE}<span class="vh">More</span></summary>'
        f"{_menus(fragment, flags, variant)}</details></div>"
    )


def _menus(fragment: PostHtml, flags: PostFlags, variant: PostVariant) -> str:
    if variant is PostVariant.MEMBER:
        return f'<div class="sheet">{fragment.menu}</div>'
    post, (un, pin) = fragment.id, ("un", "Unpin from profile") if flags.pinned else ("", "Pin to profile")
    own = (
        f'<a href="{fragment.path}">View post</a><a href="/posts/{post}/edit">Edit</a>'
        f'<button formaction="/posts/{post}/{un}pin">{pin}</button><a href="/posts/{post}/delete">Delete…</a></div>'
    )
    if variant is PostVariant.AUTHOR:
        return f'<div class="sheet">{own}'
    return f'<div class="sheet" data-for="others">{fragment.menu}</div><div class="sheet" data-for="author" hidden>{own}'


_TOGGLES = {"boost": (_BOOST, "Boost"), "favourite": (_HEART, "Favourite"), "bookmark": (_MARK, "Bookmark")}


def _toggle(action: str, post: PostId, done: bool, count: int) -> str:
    icon, label = _TOGGLES[action]
    un, pressed = ("un", "true") if done else ("", "false")
    return (
        f'<button class="act {action}" formaction="/posts/{post}/{un}{action}" aria-pressed="{pressed}" title="{label}">'
        f'{icon}<span class="vh">{label}</span>{_count(count)}</button>'
    )


def _count(count: int) -> str:
    return f'<span class="n">{number(count)}</span>' if count > 0 else '<span class="n"></span>'
