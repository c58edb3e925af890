"""Pages to write, show, edit and delete posts, and the buttons below posts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from attrs import evolve, frozen

from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import NEVER_CACHED, CacheDependencies
from microblog.domain.conversations import Conversations
from microblog.domain.interactions import Interactions
from microblog.domain.posts import Posts
from microblog.domain.rate_limits import POSTING
from microblog.domain.remote_views import RemoteViews
from microblog.domain.scheduled import Schedules
from microblog.domain.thread_cache import ThreadCache
from microblog.domain.threads import PAGE, WHOLE
from microblog.domain.timelines import Timelines
from microblog.model.accounts import Viewer
from microblog.model.errors import Forbidden, Invalid, NotFound, Problem
from microblog.model.ids import PostId
from microblog.model.posts import Post, PostThread, Visibility
from microblog.model.scheduled import ScheduledPost
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import ComposerView, ConfirmView, EditForm, HistoryPage, ThreadPage, ThreadReply
from microblog.web.http.errors import page_message, status_of
from microblog.web.http.request import Request
from microblog.web.http.response import PUBLIC_BRIEFLY, Response
from microblog.web.http.response_cache import CacheableResponse
from microblog.web.http.route import TEXT_FORM, AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.post_form import PostForms, draft_of, edit_of, publication_time, redraft_of
from microblog.web.pages.post_renderer import PostRenderer
from microblog.web.pages.uploads import FILES_FORM, FormFiles

MEMBER = RouteOptions(viewer=AccessLevel.MEMBER)
MAX_DEPTH = 6


@frozen
class PostPages:
    """Pages of a single post, and the composer."""

    pages: Pages
    contexts: PageContexts
    renderer: PostRenderer
    posts: Posts
    threads: ThreadCache
    timelines: Timelines
    schedules: Schedules
    forms: PostForms
    conversations: Conversations
    views: RemoteViews

    @route("GET", "/@<username:username>/<id:post_id>", RouteOptions(document="/users/{username}/statuses/{post_id}"))
    async def show(self, request: Request, username: str, post_id: int) -> Response:
        """Show a post in its thread. Marks the conversation of a direct post as read."""
        return await self.renderer.responses.get_or_make_page(request, lambda: self._build_page(request, username, PostId(post_id)))

    async def _build_page(self, request: Request, username: str, id: PostId) -> CacheableResponse:
        viewer, context = request.viewer, await self.contexts.of(request, stream=f"/live/posts/{id}")
        skip = request.fields.integer("skip", 0, min=0, max=WHOLE.descendants)
        thread = await self.threads.of(viewer, id, evolve(PAGE, skip=skip))
        if thread.post.author.acct.lower() != username.lower():
            raise NotFound
        if original := self._original(viewer, thread.post):
            return CacheableResponse(Response.redirect(original, 302), cache_keys.of_keys(cache_keys.of_post(id)))
        if viewer and await self.conversations.mark_opened(viewer, thread.post):
            context = evolve(context, messages=max(0, context.messages - 1))
        until = CacheDependencies(until=await self.views.thread(viewer, thread.post))
        html = self.pages.thread(context, await self._thread(viewer, thread, skip))
        page = Response.html(bytes(html))
        if thread.post.visibility is Visibility.DIRECT:  # it is marked as read each time
            return CacheableResponse(page, NEVER_CACHED)
        posts = [thread.post, *thread.ancestors, *thread.descendants]
        keys = cache_keys.of_post(id), cache_keys.of_thread(thread.id)
        dependencies = await self.timelines.dependencies(viewer, posts, *keys) | self.contexts.dependencies(context) | until
        return CacheableResponse(page if viewer else page.cached(PUBLIC_BRIEFLY), dependencies, html)

    def _original(self, viewer: Viewer | None, post: Post) -> str | None:
        """Return the address on its own server to which the viewer is sent; None if the post is shown here."""
        return (post.url or post.uri) if self.contexts.site.hides_others_from(viewer) else None

    async def _thread(self, viewer: Viewer | None, thread: PostThread, skip: int) -> ThreadPage:
        opened = await self.renderer.one(viewer, thread.post)
        created = (opened, *await self.renderer.threaded(viewer, [*thread.ancestors, *thread.descendants]))
        first_reply = 1 + len(thread.ancestors)
        return ThreadPage(
            thread.post,
            article=created[0],
            ancestors=created[1:first_reply],
            replies=tuple(map(ThreadReply, created[first_reply:], (min(depth - 1, MAX_DEPTH) for depth in thread.depths))),
            composer=self.forms.reply(viewer, thread.post) if viewer else None,
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
            composer = self.forms.new(request.member, text=_initial_text(request), visibility=request.fields.value("visibility"))
        else:
            composer = await self._reply(request.member, PostId(reply_to))
        return Response.html(self.pages.compose(await self.contexts.of(request), composer))

    async def _reply(self, viewer: Viewer, parent_id: PostId) -> ComposerView:
        parent = await self.posts.one(viewer, parent_id)
        return self.forms.reply(viewer, parent, await self.renderer.one(viewer, parent))

    @route("POST", "/posts", RouteOptions(viewer=AccessLevel.MEMBER, body=TEXT_FORM, files=FILES_FORM, rate=POSTING))
    async def publish(self, request: Request) -> Response:
        """Publish a post. Scripts get JSON (id, html, url); on errors, forms are shown again with their values."""
        files = await self.forms.uploads.read(request)
        try:
            if files.problem:
                raise files.problem
            at = publication_time(request)
            created = await (
                self.posts.publish(request.member, draft_of(request, files)) if at is None else self._schedule(request, files, at)
            )
        except (Invalid, NotFound, Forbidden) as problem:
            if request.wants_json:
                raise
            return await self._rejected(request, problem, files)
        if isinstance(created, ScheduledPost):
            return Response.json({"scheduled": "/scheduled"}) if request.wants_json else Response.redirect("/scheduled?notice=scheduled")
        if request.wants_json:
            return Response.json({"id": str(created.id), "html": await self.renderer.one(request.viewer, created), "url": _path(created)})
        return Response.redirect(_path(created) if created.reply_to else request.next_path("/home"))

    async def _schedule(self, request: Request, files: FormFiles, at: datetime) -> ScheduledPost | Post:
        return await self.schedules.add(request.member, draft_of(request, files), at)

    async def _rejected(self, request: Request, problem: Problem, files: FormFiles) -> Response:
        composer = await self.forms.rejected(request, files, page_message(problem))
        if composer.reply_to is not None:
            try:
                prepared = await self._reply(request.member, composer.reply_to)
                composer = evolve(composer, widest=prepared.widest, parent=prepared.parent, reply_to_name=prepared.reply_to_name)
            except NotFound:
                composer = evolve(composer, reply_to=None)  # it can still be posted on its own
        return Response.html(self.pages.compose(await self.contexts.of(request), composer), status_of(problem))

    @route("GET", "/posts/<id:post_id>/edit", MEMBER)
    async def edit_form(self, request: Request, post_id: int) -> Response:
        """Show the form to edit one's own post."""
        post = await self._own(request, post_id)
        form = EditForm(post, post.text, post.spoiler, post.language, post.sensitive, media=post.media)
        return Response.html(self.pages.edit(await self.contexts.of(request), form))

    @route("POST", "/posts/<id:post_id>/edit", RouteOptions(viewer=AccessLevel.MEMBER, body=TEXT_FORM, files=FILES_FORM, rate=POSTING))
    async def edit(self, request: Request, post_id: int) -> Response:
        """Save an edited post."""
        before, files = await self._own(request, post_id), await self.forms.uploads.read(request)
        draft = edit_of(request, before, files)
        try:
            if files.problem:
                raise files.problem
            post = await self.posts.edit(request.member, PostId(post_id), draft)
        except Invalid as problem:
            media = await self.forms.uploads.media_for(request.member, files, before.media)
            form = EditForm(before, draft.text, draft.spoiler, draft.language or None, bool(draft.sensitive), page_message(problem), media)
            return Response.html(self.pages.edit(await self.contexts.of(request), form), status_of(problem))
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
            article=await self.renderer.one(request.viewer, post),
            alternative=("Delete & redraft", "redraft", "1"),
        )
        return Response.html(self.pages.confirm(await self.contexts.of(request), confirm))

    @route("POST", "/posts/<id:post_id>/delete", MEMBER)
    async def delete(self, request: Request, post_id: int) -> Response:
        """Delete one's own post. With `redraft`, show its text and files in the composer."""
        redraft = request.fields.flag("redraft")
        post = await self.posts.delete(request.member, PostId(post_id), media=not redraft)
        if request.wants_json:
            return Response.json({"id": str(post.id), "text": post.text})
        if not redraft:
            return Response.redirect("/home?notice=deleted")
        composer = redraft_of(post, self.forms.new(request.member, text=post.text))
        return Response.html(self.pages.compose(await self.contexts.of(request), composer))

    @route("GET", "/posts/<id:post_id>/history", RouteOptions())
    async def history(self, request: Request, post_id: int) -> Response:
        """Show the edit history of a post, newest version first."""
        post, revisions = await self.posts.history(request.viewer, PostId(post_id))
        if original := self._original(request.viewer, post):
            return Response.redirect(original, 302)
        return Response.html(self.pages.history(await self.contexts.of(request), HistoryPage(post, tuple(revisions[::-1]))))

    async def _own(self, request: Request, post_id: int) -> Post:
        post = await self.posts.one(request.member, PostId(post_id))
        if post.author.id != request.member.id or post.boost:
            raise NotFound
        return post


@frozen
class InteractionButtons:
    """The buttons below a post. They respond to scripts with the updated post as JSON, to forms with a redirect back."""

    interactions: Interactions
    renderer: PostRenderer

    @route("POST", "/posts/<id:post_id>/favourite", MEMBER)
    async def favourite(self, request: Request, post_id: int) -> Response:
        """Favourite a post."""
        return await self._done(request, self.interactions.favourite, post_id)

    @route("POST", "/posts/<id:post_id>/unfavourite", MEMBER)
    async def unfavourite(self, request: Request, post_id: int) -> Response:
        """Undo a favourite."""
        return await self._done(request, self.interactions.unfavourite, post_id)

    @route("POST", "/posts/<id:post_id>/boost", RouteOptions(viewer=AccessLevel.MEMBER, rate=POSTING))
    async def boost(self, request: Request, post_id: int) -> Response:
        """Boost a post."""
        return await self._done(request, self.interactions.boost, post_id)

    @route("POST", "/posts/<id:post_id>/unboost", MEMBER)
    async def unboost(self, request: Request, post_id: int) -> Response:
        """Undo a boost."""
        return await self._done(request, self.interactions.unboost, post_id)

    @route("POST", "/posts/<id:post_id>/bookmark", MEMBER)
    async def bookmark(self, request: Request, post_id: int) -> Response:
        """Bookmark a post."""
        return await self._done(request, self.interactions.bookmark, post_id)

    @route("POST", "/posts/<id:post_id>/unbookmark", MEMBER)
    async def unbookmark(self, request: Request, post_id: int) -> Response:
        """Remove a bookmark."""
        return await self._done(request, self.interactions.unbookmark, post_id)

    @route("POST", "/posts/<id:post_id>/pin", MEMBER)
    async def pin(self, request: Request, post_id: int) -> Response:
        """Pin a post to one's profile."""
        return await self._done(request, self.interactions.pin, post_id)

    @route("POST", "/posts/<id:post_id>/unpin", MEMBER)
    async def unpin(self, request: Request, post_id: int) -> Response:
        """Unpin a post."""
        return await self._done(request, self.interactions.unpin, post_id)

    @route("POST", "/posts/<id:post_id>/mute", MEMBER)
    async def mute(self, request: Request, post_id: int) -> Response:
        """Mute the notifications of a thread."""
        return await self._done(request, self.interactions.mute_thread, post_id)

    @route("POST", "/posts/<id:post_id>/unmute", MEMBER)
    async def unmute(self, request: Request, post_id: int) -> Response:
        """Unmute the notifications of a thread."""
        return await self._done(request, self.interactions.unmute_thread, post_id)

    async def _done(self, request: Request, command: Callable[[Viewer, PostId], Awaitable[Post]], post_id: int) -> Response:
        post = (await command(request.member, PostId(post_id))).original
        if request.wants_json:
            return Response.json({"id": str(post.id), "html": await self.renderer.one(request.viewer, post)})
        return Response.redirect(request.next_path(_path(post)))


def _initial_text(request: Request) -> str:
    """Return the initial text: the parameter `text`, or a mention of `mention`."""
    mention = request.fields.value("mention", max=64)
    return f"@{mention} " if mention else request.fields.text("text", max=10_000)


def _path(post: Post) -> str:
    post = post.original
    return f"/@{post.author.acct}/{post.id}"
