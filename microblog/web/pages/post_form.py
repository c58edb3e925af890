"""The composer: preparing the form, reading it, and restoring it after an error."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from attrs import evolve, frozen

from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid
from microblog.model.ids import PostId
from microblog.model.media import Media
from microblog.model.polls import MAX_OPTIONS, Poll, PollDraft
from microblog.model.posts import Post, PostDraft, Visibility
from microblog.render.html.view_models import ComposerView
from microblog.web.http.params import Params
from microblog.web.http.request import Request
from microblog.web.pages.uploads import FormFiles, Uploads

DAY = 24 * 3600


@frozen
class PostForms:
    """Prepares composers. Each has an idempotency key, so that sending it repeatedly creates one post."""

    uploads: Uploads
    key: Callable[[], str] = lambda: secrets.token_urlsafe(18)

    def new(self, viewer: Viewer, *, text: str = "", visibility: str = "") -> ComposerView:
        """Build an empty form with the viewer's defaults; `visibility` overrides theirs."""
        return ComposerView(
            self.key(),
            visibility=_visibility(visibility) or Visibility(viewer.preferences.visibility),
            language=viewer.preferences.language,
            sensitive=viewer.preferences.sensitive,
            text=text,
        )

    def of_draft(self, viewer: Viewer, draft: PostDraft, media: tuple[Media, ...]) -> ComposerView:
        """Build a form from a draft."""
        return evolve(
            self.new(viewer, text=draft.text),
            visibility=draft.visibility or Visibility.PUBLIC,
            spoiler=draft.spoiler,
            language=draft.language,
            sensitive=bool(draft.sensitive),
            reply_to=draft.reply_to,
            media=media,
            poll=draft.poll,
            unsaved=True,
        )

    def reply(self, viewer: Viewer, parent: Post, article: str = "") -> ComposerView:
        """Build a reply to `parent` that mentions all participants. Its visibility is at most that of `parent`."""
        parent = parent.original
        mentioned = dict.fromkeys([parent.author.acct, *(mention.acct for mention in parent.mentions)])
        mentioned.pop(viewer.account.acct, None)
        return ComposerView(
            self.key(),
            visibility=parent.visibility.narrower(Visibility(viewer.preferences.visibility)),
            widest=parent.visibility,
            text="".join(f"@{name} " for name in mentioned),
            spoiler=parent.spoiler,
            language=parent.language or viewer.preferences.language,
            reply_to=parent.id,
            reply_to_name=parent.author.name,
            parent=article,
        )

    def submitted(self, request: Request, error: str = "") -> ComposerView:
        """Restore the submitted form. Invalid values are left empty."""
        fields = request.fields
        reply_to = fields.value("reply_to")
        return ComposerView(
            fields.value("key")[:255] or self.key(),
            visibility=_visibility(fields.value("visibility")) or Visibility.PUBLIC,
            text=fields.text("text"),
            spoiler=fields.text("spoiler"),
            language=fields.value("language") or None,
            sensitive=fields.flag("sensitive"),
            reply_to=PostId(int(reply_to)) if reply_to.isascii() and reply_to.isdigit() else None,
            error=error,
            poll=poll_of(fields),
            at=fields.value("at"),
            unsaved=True,
        )

    async def rejected(self, request: Request, files: FormFiles, error: str) -> ComposerView:
        """Restore the submitted form with its files."""
        return evolve(self.submitted(request, error), media=await self.uploads.media_for(request.member, files))


def redraft_of(post: Post, new: ComposerView) -> ComposerView:
    """Build a form from a deleted post."""
    return evolve(
        new,
        visibility=post.visibility,
        spoiler=post.spoiler,
        language=post.language,
        sensitive=post.sensitive,
        reply_to=post.reply_to,
        media=post.media,
        poll=_poll_draft(post.poll, DAY),
        unsaved=True,
    )


def edit_of(request: Request, before: Post, files: FormFiles) -> PostDraft:
    """Read the form to edit a post. The poll cannot be changed."""
    fields = request.fields
    return PostDraft(
        fields.text("text"),
        spoiler=fields.text("spoiler"),
        sensitive=fields.flag("sensitive"),
        language=fields.value("language"),
        media=files.ids,
        changes=files.changes,
        poll=_poll_draft(before.poll, None),
    )


def _poll_draft(poll: Poll | None, seconds: int | None) -> PollDraft | None:
    return None if poll is None else PollDraft(poll.options, seconds, poll.multiple, poll.hide_totals)


def poll_of(fields: Params) -> PollDraft | None:
    """Read the poll; None if it has no options."""
    options = tuple(option for option in (fields.text(f"option_{n}") for n in range(MAX_OPTIONS)) if option.strip())
    if not options:
        return None
    seconds = fields.integer("poll_seconds", DAY)
    return PollDraft(options, seconds, fields.flag("poll_multiple"), fields.flag("poll_hide_totals"))


def publication_time(request: Request) -> datetime | None:
    """Read the time of publication, given in the viewer's time zone. Raises Invalid if it is malformed."""
    text = request.fields.value("at", max=40).strip()
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(request.member.preferences.time_zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid({"at": "This is not a valid date and time."}) from error


def draft_of(request: Request, files: FormFiles) -> PostDraft:
    """Read the form of a new post. Raises Invalid for an unknown visibility and for media together with a poll."""
    fields, poll = request.fields, poll_of(request.fields)
    chosen, reply_to = fields.value("visibility"), fields.id("reply_to")
    visibility = _visibility(chosen)
    if chosen and visibility is None:
        raise Invalid({"visibility": "Visibility is not included in the list"})
    if poll is not None and files.ids:
        raise Invalid({"poll": "A post can have media or a poll, but not both."})
    return PostDraft(
        text=fields.text("text"),
        visibility=visibility,
        spoiler=fields.text("spoiler"),
        sensitive=fields.flag("sensitive", None),
        language=fields.value("language") or None,
        reply_to=None if reply_to is None else PostId(reply_to),
        key=fields.value("key") or None,
        never_wider=True,
        media=files.ids,
        changes=files.changes,
        poll=poll,
    )


def _visibility(value: str) -> Visibility | None:
    return Visibility(value) if value in set(Visibility) else None
