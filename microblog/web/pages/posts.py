"""Writing posts, looking at single ones, and the buttons under them."""

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
    """One post, and what can be done with it."""

    pages: Pages
    shells: PageContexts
    articles: PostRenderer
    posts: Posts
    schedules: Schedules
    composers: PostForms
    conversations: Conversations

    @route("GET", "/@<username:username>/<id:post_id>", RouteOptions())
    async def show(self, call: Request, username: str, post_id: int) -> Response:
        """A post amid its conversation, which is read by that if it is a direct one."""
        return await self.articles.answers.get_or_make_page(call, lambda: self._shown(call, username, PostId(post_id)))

    async def _shown(self, call: Request, username: str, id: PostId) -> CacheableResponse:
        shell = await self.shells.of(call, stream=f"/live/posts/{id}")
        skip = call.fields.integer("skip", 0, min=0, max=WHOLE.descendants)
        thread = await self.posts.thread(call.viewer, id, evolve(PAGE, skip=skip))
        if thread.post.author.username.lower() != username.lower():
            raise NotFound
        if call.viewer and await self.conversations.mark_opened(call.viewer, thread.post):
            shell = evolve(shell, messages=max(0, shell.messages - 1))
        page = Response.html(self.pages.thread(shell, await self._thread(call.viewer, thread, skip)))
        if call.viewer:
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
    async def seen(self, call: Request, post_id: int) -> Response:
        """It came to an open page, and stood before somebody's eyes. JSON: how many conversations are unread now."""
        await self.conversations.mark_opened(call.member, await self.posts.one(call.member, PostId(post_id)))
        return Response.json({"messages": await self.conversations.unread(call.member)})

    @route("GET", "/posts/<id:post_id>", RouteOptions())
    async def permalink(self, call: Request, post_id: int) -> Response:
        """To the address of a post of which only the id is known."""
        return Response.redirect(_path(await self.posts.one(call.viewer, PostId(post_id))))

    @route("GET", "/compose", MEMBER)
    async def compose(self, call: Request) -> Response:
        """The form on a page of its own, for a reply with `reply_to`, else prepared with `text` or `mention`, and `visibility`."""
        reply_to = call.fields.id("reply_to")
        if reply_to is None:
            composer = self.composers.fresh(call.member, text=_prepared(call), visibility=call.fields.value("visibility"))
        else:
            composer = await self._reply(call.member, PostId(reply_to))
        return Response.html(self.pages.compose(await self.shells.of(call), composer))

    async def _reply(self, viewer: Viewer, parent_id: PostId) -> ComposerView:
        parent = await self.posts.one(viewer, parent_id)
        return self.composers.reply(viewer, parent, await self.articles.one(viewer, parent))

    @route("POST", "/posts", RouteOptions(viewer=AccessLevel.MEMBER, body=TEXT_FORM, files=FILES_FORM, rate=POSTING))
    async def publish(self, call: Request) -> Response:
        """Publish the form. JSON for our scripts: id, html, url. What is wrong is said beside the text, which is kept."""
        taken = await self.composers.uploads.taken(call)
        try:
            if taken.problem:
                raise taken.problem
            at = moment_of(call)
            made = await (self.posts.publish(call.member, draft_of(call, taken)) if at is None else self._plan(call, taken, at))
        except (Invalid, NotFound, Forbidden) as problem:
            if call.wants_json:
                raise
            return await self._refused(call, problem, taken)
        if isinstance(made, ScheduledPost):
            return Response.json({"scheduled": "/scheduled"}) if call.wants_json else Response.redirect("/scheduled?notice=scheduled")
        if call.wants_json:
            return Response.json({"id": str(made.id), "html": await self.articles.one(call.viewer, made), "url": _path(made)})
        return Response.redirect(_path(made) if made.reply_to else call.next_path("/home"))

    async def _plan(self, call: Request, taken: FormFiles, at: datetime) -> ScheduledPost | Post:
        return await self.schedules.add(call.member, draft_of(call, taken), at)

    async def _refused(self, call: Request, problem: Problem, taken: FormFiles) -> Response:
        composer = await self.composers.refused(call, taken, for_people(problem))
        if composer.reply_to is not None:
            try:
                prepared = await self._reply(call.member, composer.reply_to)
                composer = evolve(composer, widest=prepared.widest, parent=prepared.parent, reply_to_name=prepared.reply_to_name)
            except NotFound:
                composer = evolve(composer, reply_to=None)  # it can still be posted on its own
        return Response.html(self.pages.compose(await self.shells.of(call), composer), status_of(problem))

    @route("GET", "/posts/<id:post_id>/edit", MEMBER)
    async def edit_form(self, call: Request, post_id: int) -> Response:
        """The form to change one's own post."""
        post = await self._own(call, post_id)
        form = EditForm(post, post.text, post.spoiler, post.language, post.sensitive, media=post.media)
        return Response.html(self.pages.edit(await self.shells.of(call), form))

    @route("POST", "/posts/<id:post_id>/edit", RouteOptions(viewer=AccessLevel.MEMBER, body=TEXT_FORM, files=FILES_FORM, rate=POSTING))
    async def edit(self, call: Request, post_id: int) -> Response:
        """Change one's own post."""
        before, taken = await self._own(call, post_id), await self.composers.uploads.taken(call)
        draft = edit_of(call, before, taken)
        try:
            if taken.problem:
                raise taken.problem
            post = await self.posts.edit(call.member, PostId(post_id), draft)
        except Invalid as problem:
            media = await self.composers.uploads.shown(call.member, taken, before.media)
            form = EditForm(before, draft.text, draft.spoiler, draft.language or None, bool(draft.sensitive), for_people(problem), media)
            return Response.html(self.pages.edit(await self.shells.of(call), form), status_of(problem))
        return Response.redirect(_path(post) + "?notice=edited")

    @route("GET", "/posts/<id:post_id>/delete", MEMBER)
    async def delete_question(self, call: Request, post_id: int) -> Response:
        """Ask before one's own post is deleted."""
        post = await self._own(call, post_id)
        confirm = ConfirmView(
            title="Delete this post?",
            sentence="Its boosts and favourites will be lost too. This can't be undone.",
            action=f"/posts/{post_id}/delete",
            button="Delete",
            cancel=_path(post),
            article=await self.articles.one(call.viewer, post),
            other=("Delete & redraft", "redraft", "1"),
        )
        return Response.html(self.pages.confirm(await self.shells.of(call), confirm))

    @route("POST", "/posts/<id:post_id>/delete", MEMBER)
    async def delete(self, call: Request, post_id: int) -> Response:
        """Delete one's own post and its files; with `redraft`, its text and files come back in a composer."""
        redraft = call.fields.flag("redraft")
        post = await self.posts.delete(call.member, PostId(post_id), media=not redraft)
        if call.wants_json:
            return Response.json({"id": str(post.id), "text": post.text})
        if not redraft:
            return Response.redirect("/home?notice=deleted")
        composer = redraft_of(post, self.composers.fresh(call.member, text=post.text))
        return Response.html(self.pages.compose(await self.shells.of(call), composer))

    @route("GET", "/posts/<id:post_id>/history", RouteOptions())
    async def history(self, call: Request, post_id: int) -> Response:
        """What a post said over time, the newest first."""
        post, revisions = await self.posts.history(call.viewer, PostId(post_id))
        return Response.html(self.pages.history(await self.shells.of(call), HistoryPage(post, tuple(revisions[::-1]))))

    async def _own(self, call: Request, post_id: int) -> Post:
        post = await self.posts.one(call.member, PostId(post_id))
        if post.author.id != call.member.id or post.boost:
            raise NotFound
        return post


@frozen
class MarkButtons:
    """The buttons under a post. Each answers a script with the article as it is now, and a form by going back to where it was."""

    marks: Interactions
    articles: PostRenderer

    @route("POST", "/posts/<id:post_id>/favourite", MEMBER)
    async def favourite(self, call: Request, post_id: int) -> Response:
        """Like."""
        return await self._done(call, self.marks.favourite, post_id)

    @route("POST", "/posts/<id:post_id>/unfavourite", MEMBER)
    async def unfavourite(self, call: Request, post_id: int) -> Response:
        """Like no more."""
        return await self._done(call, self.marks.unfavourite, post_id)

    @route("POST", "/posts/<id:post_id>/boost", RouteOptions(viewer=AccessLevel.MEMBER, rate=POSTING))
    async def boost(self, call: Request, post_id: int) -> Response:
        """Show it to one's followers."""
        return await self._done(call, self.marks.boost, post_id)

    @route("POST", "/posts/<id:post_id>/unboost", MEMBER)
    async def unboost(self, call: Request, post_id: int) -> Response:
        """Take that back."""
        return await self._done(call, self.marks.unboost, post_id)

    @route("POST", "/posts/<id:post_id>/bookmark", MEMBER)
    async def bookmark(self, call: Request, post_id: int) -> Response:
        """Keep it for later."""
        return await self._done(call, self.marks.bookmark, post_id)

    @route("POST", "/posts/<id:post_id>/unbookmark", MEMBER)
    async def unbookmark(self, call: Request, post_id: int) -> Response:
        """Keep it no more."""
        return await self._done(call, self.marks.unbookmark, post_id)

    @route("POST", "/posts/<id:post_id>/pin", MEMBER)
    async def pin(self, call: Request, post_id: int) -> Response:
        """Show it on top of one's profile."""
        return await self._done(call, self.marks.pin, post_id)

    @route("POST", "/posts/<id:post_id>/unpin", MEMBER)
    async def unpin(self, call: Request, post_id: int) -> Response:
        """Show it there no more."""
        return await self._done(call, self.marks.unpin, post_id)

    @route("POST", "/posts/<id:post_id>/mute", MEMBER)
    async def mute(self, call: Request, post_id: int) -> Response:
        """Be told no more of its conversation."""
        return await self._done(call, self.marks.mute_thread, post_id)

    @route("POST", "/posts/<id:post_id>/unmute", MEMBER)
    async def unmute(self, call: Request, post_id: int) -> Response:
        """Be told of it again."""
        return await self._done(call, self.marks.unmute_thread, post_id)

    async def _done(self, call: Request, command: Callable[[Viewer, PostId], Awaitable[Post]], post_id: int) -> Response:
        post = (await command(call.member, PostId(post_id))).original
        if call.wants_json:
            return Response.json({"id": str(post.id), "html": await self.articles.one(call.viewer, post)})
        return Response.redirect(call.next_path(_path(post)))


def _prepared(call: Request) -> str:
    """What the address asks to begin with: a `text`, or a `mention` of somebody."""
    mention = call.fields.value("mention", max=64)
    return f"@{mention} " if mention else call.fields.text("text", max=10_000)


def _path(post: Post) -> str:
    post = post.original
    return f"/@{post.author.username}/{post.id}"
