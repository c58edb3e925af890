"""Writing posts, looking at single ones, and the buttons under them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from attrs import evolve, frozen

from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import NEVER_KEPT
from microblog.domain.conversations import Conversations
from microblog.domain.interactions import Marks
from microblog.domain.posts import Posts
from microblog.domain.rate_limits import POSTING
from microblog.domain.scheduled import Schedules
from microblog.domain.threads import PAGE, WHOLE
from microblog.model.accounts import Viewer
from microblog.model.errors import Forbidden, Invalid, NotFound, Problem
from microblog.model.ids import PostId
from microblog.model.posts import Post, Thread
from microblog.model.scheduled import Scheduled
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import Composer, Confirm, EditForm, HistoryPage, Reply, ThreadPage
from microblog.web.http.errors import for_people, status_of
from microblog.web.http.request import Call
from microblog.web.http.response import PUBLIC_BRIEFLY, Answer
from microblog.web.http.response_cache import Made, once
from microblog.web.http.route import TEXT_FORM, Needs, Who, route
from microblog.web.pages.page_context import Shells
from microblog.web.pages.post_form import Composers, draft_of, edit_of, moment_of, redraft_of
from microblog.web.pages.post_renderer import Articles
from microblog.web.pages.uploads import FILES_FORM, Taken

MEMBER = Needs(viewer=Who.MEMBER)
DEEPEST_REPLY = 6


@frozen
class PostPages:
    """One post, and what can be done with it."""

    pages: Pages
    shells: Shells
    articles: Articles
    posts: Posts
    schedules: Schedules
    composers: Composers
    conversations: Conversations

    @route("GET", "/@<username:username>/<id:post_id>", Needs())
    async def show(self, call: Call, username: str, post_id: int) -> Answer:
        """A post amid its conversation, which is read by that if it is a direct one."""
        return await self.articles.answers.page(call, lambda: self._shown(call, username, PostId(post_id)))

    async def _shown(self, call: Call, username: str, id: PostId) -> Made:
        shell = await self.shells.of(call, stream=f"/live/posts/{id}")
        skip = call.fields.integer("skip", 0, min=0, max=WHOLE.descendants)
        thread = await self.posts.thread(call.viewer, id, evolve(PAGE, skip=skip))
        if thread.post.author.username.lower() != username.lower():
            raise NotFound
        if call.viewer and await self.conversations.opened(call.viewer, thread.post):
            shell = evolve(shell, messages=max(0, shell.messages - 1))
        page = Answer.html(self.pages.thread(shell, await self._thread(call.viewer, thread, skip)))
        if call.viewer:
            return Made(page, NEVER_KEPT)
        return Made(page.cached(PUBLIC_BRIEFLY), cache_keys.of_conversation(thread, id, self.posts.now()), once(shell))

    async def _thread(self, viewer: Viewer | None, thread: Thread, skip: int) -> ThreadPage:
        opened = await self.articles.one(viewer, thread.post)
        made = (opened, *await self.articles.threaded(viewer, [*thread.ancestors, *thread.descendants]))
        first_reply = 1 + len(thread.ancestors)
        return ThreadPage(
            thread.post,
            article=made[0],
            ancestors=made[1:first_reply],
            replies=tuple(map(Reply, made[first_reply:], (min(depth - 1, DEEPEST_REPLY) for depth in thread.depths))),
            composer=self.composers.reply(viewer, thread.post) if viewer else None,
            skipped=skip,
            next_skip=skip + len(thread.descendants) if thread.more else None,
        )

    @route("POST", "/posts/<id:post_id>/seen", MEMBER)
    async def seen(self, call: Call, post_id: int) -> Answer:
        """It came to an open page, and stood before somebody's eyes. JSON: how many conversations are unread now."""
        await self.conversations.opened(call.member, await self.posts.one(call.member, PostId(post_id)))
        return Answer.json({"messages": await self.conversations.unread(call.member)})

    @route("GET", "/posts/<id:post_id>", Needs())
    async def permalink(self, call: Call, post_id: int) -> Answer:
        """To the address of a post of which only the id is known."""
        return Answer.redirect(_path(await self.posts.one(call.viewer, PostId(post_id))))

    @route("GET", "/compose", MEMBER)
    async def compose(self, call: Call) -> Answer:
        """The form on a page of its own, for a reply with `reply_to`, else prepared with `text` or `mention`, and `visibility`."""
        reply_to = call.fields.id("reply_to")
        if reply_to is None:
            composer = self.composers.fresh(call.member, text=_prepared(call), visibility=call.fields.value("visibility"))
        else:
            composer = await self._reply(call.member, PostId(reply_to))
        return Answer.html(self.pages.compose(await self.shells.of(call), composer))

    async def _reply(self, viewer: Viewer, parent_id: PostId) -> Composer:
        parent = await self.posts.one(viewer, parent_id)
        return self.composers.reply(viewer, parent, await self.articles.one(viewer, parent))

    @route("POST", "/posts", Needs(viewer=Who.MEMBER, body=TEXT_FORM, files=FILES_FORM, rate=POSTING))
    async def publish(self, call: Call) -> Answer:
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
        if isinstance(made, Scheduled):
            return Answer.json({"scheduled": "/scheduled"}) if call.wants_json else Answer.redirect("/scheduled?notice=scheduled")
        if call.wants_json:
            return Answer.json({"id": str(made.id), "html": await self.articles.one(call.viewer, made), "url": _path(made)})
        return Answer.redirect(_path(made) if made.reply_to else call.next_path("/home"))

    async def _plan(self, call: Call, taken: Taken, at: datetime) -> Scheduled | Post:
        return await self.schedules.add(call.member, draft_of(call, taken), at)

    async def _refused(self, call: Call, problem: Problem, taken: Taken) -> Answer:
        composer = await self.composers.refused(call, taken, for_people(problem))
        if composer.reply_to is not None:
            try:
                prepared = await self._reply(call.member, composer.reply_to)
                composer = evolve(composer, widest=prepared.widest, parent=prepared.parent, reply_to_name=prepared.reply_to_name)
            except NotFound:
                composer = evolve(composer, reply_to=None)  # it can still be posted on its own
        return Answer.html(self.pages.compose(await self.shells.of(call), composer), status_of(problem))

    @route("GET", "/posts/<id:post_id>/edit", MEMBER)
    async def edit_form(self, call: Call, post_id: int) -> Answer:
        """The form to change one's own post."""
        post = await self._own(call, post_id)
        form = EditForm(post, post.text, post.spoiler, post.language, post.sensitive, media=post.media)
        return Answer.html(self.pages.edit(await self.shells.of(call), form))

    @route("POST", "/posts/<id:post_id>/edit", Needs(viewer=Who.MEMBER, body=TEXT_FORM, files=FILES_FORM, rate=POSTING))
    async def edit(self, call: Call, post_id: int) -> Answer:
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
            return Answer.html(self.pages.edit(await self.shells.of(call), form), status_of(problem))
        return Answer.redirect(_path(post) + "?notice=edited")

    @route("GET", "/posts/<id:post_id>/delete", MEMBER)
    async def delete_question(self, call: Call, post_id: int) -> Answer:
        """Ask before one's own post is deleted."""
        post = await self._own(call, post_id)
        confirm = Confirm(
            title="Delete this post?",
            sentence="It disappears for everybody, with its boosts and favourites. This cannot be undone.",
            action=f"/posts/{post_id}/delete",
            button="Delete",
            cancel=_path(post),
            article=await self.articles.one(call.viewer, post),
            other=("Delete and write it anew", "redraft", "1"),
        )
        return Answer.html(self.pages.confirm(await self.shells.of(call), confirm))

    @route("POST", "/posts/<id:post_id>/delete", MEMBER)
    async def delete(self, call: Call, post_id: int) -> Answer:
        """Delete one's own post and its files; with `redraft`, its text and files come back in a composer."""
        redraft = call.fields.flag("redraft")
        post = await self.posts.delete(call.member, PostId(post_id), media=not redraft)
        if call.wants_json:
            return Answer.json({"id": str(post.id), "text": post.text})
        if not redraft:
            return Answer.redirect("/home?notice=deleted")
        composer = redraft_of(post, self.composers.fresh(call.member, text=post.text))
        return Answer.html(self.pages.compose(await self.shells.of(call), composer))

    @route("GET", "/posts/<id:post_id>/history", Needs())
    async def history(self, call: Call, post_id: int) -> Answer:
        """What a post said over time, the newest first."""
        post, revisions = await self.posts.history(call.viewer, PostId(post_id))
        return Answer.html(self.pages.history(await self.shells.of(call), HistoryPage(post, tuple(revisions[::-1]))))

    async def _own(self, call: Call, post_id: int) -> Post:
        post = await self.posts.one(call.member, PostId(post_id))
        if post.author.id != call.member.id or post.boost:
            raise NotFound
        return post


@frozen
class MarkButtons:
    """The buttons under a post. Each answers a script with the article as it is now, and a form by going back to where it was."""

    marks: Marks
    articles: Articles

    @route("POST", "/posts/<id:post_id>/favourite", MEMBER)
    async def favourite(self, call: Call, post_id: int) -> Answer:
        """Like."""
        return await self._done(call, self.marks.favourite, post_id)

    @route("POST", "/posts/<id:post_id>/unfavourite", MEMBER)
    async def unfavourite(self, call: Call, post_id: int) -> Answer:
        """Like no more."""
        return await self._done(call, self.marks.unfavourite, post_id)

    @route("POST", "/posts/<id:post_id>/boost", Needs(viewer=Who.MEMBER, rate=POSTING))
    async def boost(self, call: Call, post_id: int) -> Answer:
        """Show it to one's followers."""
        return await self._done(call, self.marks.boost, post_id)

    @route("POST", "/posts/<id:post_id>/unboost", MEMBER)
    async def unboost(self, call: Call, post_id: int) -> Answer:
        """Take that back."""
        return await self._done(call, self.marks.unboost, post_id)

    @route("POST", "/posts/<id:post_id>/bookmark", MEMBER)
    async def bookmark(self, call: Call, post_id: int) -> Answer:
        """Keep it for later."""
        return await self._done(call, self.marks.bookmark, post_id)

    @route("POST", "/posts/<id:post_id>/unbookmark", MEMBER)
    async def unbookmark(self, call: Call, post_id: int) -> Answer:
        """Keep it no more."""
        return await self._done(call, self.marks.unbookmark, post_id)

    @route("POST", "/posts/<id:post_id>/pin", MEMBER)
    async def pin(self, call: Call, post_id: int) -> Answer:
        """Show it on top of one's profile."""
        return await self._done(call, self.marks.pin, post_id)

    @route("POST", "/posts/<id:post_id>/unpin", MEMBER)
    async def unpin(self, call: Call, post_id: int) -> Answer:
        """Show it there no more."""
        return await self._done(call, self.marks.unpin, post_id)

    @route("POST", "/posts/<id:post_id>/mute", MEMBER)
    async def mute(self, call: Call, post_id: int) -> Answer:
        """Be told no more of its conversation."""
        return await self._done(call, self.marks.mute_thread, post_id)

    @route("POST", "/posts/<id:post_id>/unmute", MEMBER)
    async def unmute(self, call: Call, post_id: int) -> Answer:
        """Be told of it again."""
        return await self._done(call, self.marks.unmute_thread, post_id)

    async def _done(self, call: Call, command: Callable[[Viewer, PostId], Awaitable[Post]], post_id: int) -> Answer:
        post = (await command(call.member, PostId(post_id))).original
        if call.wants_json:
            return Answer.json({"id": str(post.id), "html": await self.articles.one(call.viewer, post)})
        return Answer.redirect(call.next_path(_path(post)))


def _prepared(call: Call) -> str:
    """What the address asks to begin with: a `text`, or a `mention` of somebody."""
    mention = call.fields.value("mention", max=64)
    return f"@{mention} " if mention else call.fields.text("text", max=10_000)


def _path(post: Post) -> str:
    post = post.original
    return f"/@{post.author.username}/{post.id}"
