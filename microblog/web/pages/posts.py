"""Pages to write, show, edit and delete posts, and the buttons below posts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from attrs import evolve, frozen

from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import NEVER_CACHED
from microblog.domain.conversations import Conversations
from microblog.domain.interactions import Interactions
from microblog.domain.posts import Posts
from microblog.domain.rate_limits import POSTING
from microblog.domain.scheduled import Schedules
from microblog.domain.threads import PAGE, WHOLE
from microblog.model.accounts import Viewer
from microblog.model.errors import Forbidden, Invalid, NotFound, Problem
from microblog.model.ids import PostId
from microblog.model.posts import Post, PostThread
from microblog.model.scheduled import ScheduledPost
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import ComposerView, ConfirmView, EditForm, HistoryPage, ThreadPage, ThreadReply
from microblog.web.http.errors import for_people, status_of
from microblog.web.http.request import Request
from microblog.web.http.response import PUBLIC_BRIEFLY, Response
from microblog.web.http.response_cache import CacheableResponse, volatile_parts
from microblog.web.http.route import TEXT_FORM, AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.post_form import PostForms, draft_of, edit_of, moment_of, redraft_of
from microblog.web.pages.post_renderer import PostRenderer
from microblog.web.pages.uploads import FILES_FORM, FormFiles

MEMBER = RouteOptions(viewer=AccessLevel.MEMBER)
DEEPEST_REPLY = 6


@frozen
class PostPages:
    """Pages of a single post, and the composer."""

    pages: Pages
    shells: PageContexts
    articles: PostRenderer
    posts: Posts
    schedules: Schedules
    composers: PostForms
    conversations: Conversations

    @route("GET", "/@<username:username>/<id:post_id>", RouteOptions())
    async def show(self, request: Request, username: str, post_id: int) -> Response:
        """Show a post in its thread. Marks the conversation of a direct post as read."""
        return await self.articles.answers.get_or_make_page(request, lambda: self._shown(request, username, PostId(post_id)))

    async def _shown(self, request: Request, username: str, id: PostId) -> CacheableResponse:
        shell = await self.shells.of(request, stream=f"/live/posts/{id}")
        skip = request.fields.integer("skip", 0, min=0, max=WHOLE.descendants)
        thread = await self.posts.thread(request.viewer, id, evolve(PAGE, skip=skip))
        if thread.post.author.username.lower() != username.lower():
            raise NotFound
        if request.viewer and await self.conversations.mark_opened(request.viewer, thread.post):
            shell = evolve(shell, messages=max(0, shell.messages - 1))
        page = Response.html(self.pages.thread(shell, await self._thread(request.viewer, thread, skip)))
        if request.viewer:
            return CacheableResponse(page, NEVER_CACHED)
        return CacheableResponse(
            page.cached(PUBLIC_BRIEFLY), cache_keys.of_conversation(thread, id, self.posts.now()), volatile_parts(shell)
        )

    async def _thread(self, viewer: Viewer | None, thread: PostThread, skip: int) -> ThreadPage:
        opened = await self.articles.one(viewer, thread.post)
        made = (opened, *await self.articles.threaded(viewer, [*thread.ancestors, *thread.descendants]))
        first_reply = 1 + len(thread.ancestors)
        return ThreadPage(
            thread.post,
            article=made[0],
            ancestors=made[1:first_reply],
            replies=tuple(map(ThreadReply, made[first_reply:], (min(depth - 1, DEEPEST_REPLY) for depth in thread.depths))),
            composer=self.composers.reply(viewer, thread.post) if viewer else None,
            skipped=skip,
            next_skip=skip + len(thread.descendants) if thread.more else None,
        )

    @route("POST", "/posts/<id:post_id>/seen", MEMBER)
    async def seen(self, request: Request, post_id: int) -> Response:
        """Mark the conversation of a post that arrived on an open page as read. Returns the number of unread ones as JSON."""
        await self.conversations.mark_opened(request.member, await self.posts.one(request.member, PostId(post_id)))
        return Response.json({"messages": await self.conversations.unread(request.member)})

    @route("GET", "/posts/<id:post_id>", RouteOptions())
    async def permalink(self, request: Request, post_id: int) -> Response:
        """Redirect from a post's id to its page."""
        return Response.redirect(_path(await self.posts.one(request.viewer, PostId(post_id))))

    @route("GET", "/compose", MEMBER)
    async def compose(self, request: Request) -> Response:
        """Show the composer: a reply with `reply_to`, else prefilled with `text` or `mention`, and `visibility`."""
        reply_to = request.fields.id("reply_to")
        if reply_to is None:
            composer = self.composers.fresh(request.member, text=_prepared(request), visibility=request.fields.value("visibility"))
        else:
            composer = await self._reply(request.member, PostId(reply_to))
        return Response.html(self.pages.compose(await self.shells.of(request), composer))

    async def _reply(self, viewer: Viewer, parent_id: PostId) -> ComposerView:
        parent = await self.posts.one(viewer, parent_id)
        return self.composers.reply(viewer, parent, await self.articles.one(viewer, parent))

    @route("POST", "/posts", RouteOptions(viewer=AccessLevel.MEMBER, body=TEXT_FORM, files=FILES_FORM, rate=POSTING))
    async def publish(self, request: Request) -> Response:
        """Publish a post. Scripts get JSON (id, html, url); on errors, forms are shown again with their values."""
        taken = await self.composers.uploads.taken(request)
        try:
            if taken.problem:
                raise taken.problem
            at = moment_of(request)
            made = await (self.posts.publish(request.member, draft_of(request, taken)) if at is None else self._plan(request, taken, at))
        except (Invalid, NotFound, Forbidden) as problem:
            if request.wants_json:
                raise
            return await self._refused(request, problem, taken)
        if isinstance(made, ScheduledPost):
            return Response.json({"scheduled": "/scheduled"}) if request.wants_json else Response.redirect("/scheduled?notice=scheduled")
        if request.wants_json:
            return Response.json({"id": str(made.id), "html": await self.articles.one(request.viewer, made), "url": _path(made)})
        return Response.redirect(_path(made) if made.reply_to else request.next_path("/home"))

    async def _plan(self, request: Request, taken: FormFiles, at: datetime) -> ScheduledPost | Post:
        return await self.schedules.add(request.member, draft_of(request, taken), at)

    async def _refused(self, request: Request, problem: Problem, taken: FormFiles) -> Response:
        composer = await self.composers.refused(request, taken, for_people(problem))
        if composer.reply_to is not None:
            try:
                prepared = await self._reply(request.member, composer.reply_to)
                composer = evolve(composer, widest=prepared.widest, parent=prepared.parent, reply_to_name=prepared.reply_to_name)
            except NotFound:
                composer = evolve(composer, reply_to=None)  # it can still be posted on its own
        return Response.html(self.pages.compose(await self.shells.of(request), composer), status_of(problem))

    @route("GET", "/posts/<id:post_id>/edit", MEMBER)
    async def edit_form(self, request: Request, post_id: int) -> Response:
        """Show the form to edit one's own post."""
        post = await self._own(request, post_id)
        form = EditForm(post, post.text, post.spoiler, post.language, post.sensitive, media=post.media)
        return Response.html(self.pages.edit(await self.shells.of(request), form))

    @route("POST", "/posts/<id:post_id>/edit", RouteOptions(viewer=AccessLevel.MEMBER, body=TEXT_FORM, files=FILES_FORM, rate=POSTING))
    async def edit(self, request: Request, post_id: int) -> Response:
        """Save an edited post."""
        before, taken = await self._own(request, post_id), await self.composers.uploads.taken(request)
        draft = edit_of(request, before, taken)
        try:
            if taken.problem:
                raise taken.problem
            post = await self.posts.edit(request.member, PostId(post_id), draft)
        except Invalid as problem:
            media = await self.composers.uploads.shown(request.member, taken, before.media)
            form = EditForm(before, draft.text, draft.spoiler, draft.language or None, bool(draft.sensitive), for_people(problem), media)
            return Response.html(self.pages.edit(await self.shells.of(request), form), status_of(problem))
        return Response.redirect(_path(post) + "?notice=edited")

    @route("GET", "/posts/<id:post_id>/delete", MEMBER)
    async def delete_question(self, request: Request, post_id: int) -> Response:
        """Ask for confirmation before a post is deleted."""
        post = await self._own(request, post_id)
        confirm = ConfirmView(
            title="Delete this post?",
            sentence="Its boosts and favourites will be lost too. This can't be undone.",
            action=f"/posts/{post_id}/delete",
            button="Delete",
            cancel=_path(post),
            article=await self.articles.one(request.viewer, post),
            other=("Delete & redraft", "redraft", "1"),
        )
        return Response.html(self.pages.confirm(await self.shells.of(request), confirm))

    @route("POST", "/posts/<id:post_id>/delete", MEMBER)
    async def delete(self, request: Request, post_id: int) -> Response:
        """Delete one's own post. With `redraft`, show its text and files in the composer."""
        redraft = request.fields.flag("redraft")
        post = await self.posts.delete(request.member, PostId(post_id), media=not redraft)
        if request.wants_json:
            return Response.json({"id": str(post.id), "text": post.text})
        if not redraft:
            return Response.redirect("/home?notice=deleted")
        composer = redraft_of(post, self.composers.fresh(request.member, text=post.text))
        return Response.html(self.pages.compose(await self.shells.of(request), composer))

    @route("GET", "/posts/<id:post_id>/history", RouteOptions())
    async def history(self, request: Request, post_id: int) -> Response:
        """Show the edit history of a post, newest version first."""
        post, revisions = await self.posts.history(request.viewer, PostId(post_id))
        return Response.html(self.pages.history(await self.shells.of(request), HistoryPage(post, tuple(revisions[::-1]))))

    async def _own(self, request: Request, post_id: int) -> Post:
        post = await self.posts.one(request.member, PostId(post_id))
        if post.author.id != request.member.id or post.boost:
            raise NotFound
        return post


@frozen
class MarkButtons:
    """The buttons below a post. They respond to scripts with the updated post as JSON, to forms with a redirect back."""

    marks: Interactions
    articles: PostRenderer

    @route("POST", "/posts/<id:post_id>/favourite", MEMBER)
    async def favourite(self, request: Request, post_id: int) -> Response:
        """Favourite a post."""
        return await self._done(request, self.marks.favourite, post_id)

    @route("POST", "/posts/<id:post_id>/unfavourite", MEMBER)
    async def unfavourite(self, request: Request, post_id: int) -> Response:
        """Undo a favourite."""
        return await self._done(request, self.marks.unfavourite, post_id)

    @route("POST", "/posts/<id:post_id>/boost", RouteOptions(viewer=AccessLevel.MEMBER, rate=POSTING))
    async def boost(self, request: Request, post_id: int) -> Response:
        """Boost a post."""
        return await self._done(request, self.marks.boost, post_id)

    @route("POST", "/posts/<id:post_id>/unboost", MEMBER)
    async def unboost(self, request: Request, post_id: int) -> Response:
        """Undo a boost."""
        return await self._done(request, self.marks.unboost, post_id)

    @route("POST", "/posts/<id:post_id>/bookmark", MEMBER)
    async def bookmark(self, request: Request, post_id: int) -> Response:
        """Bookmark a post."""
        return await self._done(request, self.marks.bookmark, post_id)

    @route("POST", "/posts/<id:post_id>/unbookmark", MEMBER)
    async def unbookmark(self, request: Request, post_id: int) -> Response:
        """Remove a bookmark."""
        return await self._done(request, self.marks.unbookmark, post_id)

    @route("POST", "/posts/<id:post_id>/pin", MEMBER)
    async def pin(self, request: Request, post_id: int) -> Response:
        """Pin a post to one's profile."""
        return await self._done(request, self.marks.pin, post_id)

    @route("POST", "/posts/<id:post_id>/unpin", MEMBER)
    async def unpin(self, request: Request, post_id: int) -> Response:
        """Unpin a post."""
        return await self._done(request, self.marks.unpin, post_id)

    @route("POST", "/posts/<id:post_id>/mute", MEMBER)
    async def mute(self, request: Request, post_id: int) -> Response:
        """Mute the notifications of a thread."""
        return await self._done(request, self.marks.mute_thread, post_id)

    @route("POST", "/posts/<id:post_id>/unmute", MEMBER)
    async def unmute(self, request: Request, post_id: int) -> Response:
        """Unmute the notifications of a thread."""
        return await self._done(request, self.marks.unmute_thread, post_id)

    async def _done(self, request: Request, command: Callable[[Viewer, PostId], Awaitable[Post]], post_id: int) -> Response:
        post = (await command(request.member, PostId(post_id))).original
        if request.wants_json:
            return Response.json({"id": str(post.id), "html": await self.articles.one(request.viewer, post)})
        return Response.redirect(request.next_path(_path(post)))


def _prepared(request: Request) -> str:
    """Return the initial text: the parameter `text`, or a mention of `mention`."""
    mention = request.fields.value("mention", max=64)
    return f"@{mention} " if mention else request.fields.text("text", max=10_000)


def _path(post: Post) -> str:
    post = post.original
    return f"/@{post.author.username}/{post.id}"
