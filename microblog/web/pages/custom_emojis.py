"""The custom emoji of this site: their list and picker, and pages for administrators, also of those of other servers."""

from __future__ import annotations

from urllib.parse import urlencode

from attrs import frozen

from microblog.domain.custom_emojis import MAX_BYTES, CustomEmojis
from microblog.federation.emoji_copies import EmojiCopies
from microblog.model.emojis import CustomEmoji, EmojiChange, EmojiDraft, EmojiPage, EmojiQuery
from microblog.model.errors import Invalid, NotFound, Problem
from microblog.model.ids import AccountId
from microblog.render.html.emoji_views import STATES, EmojiForm, EmojisPage, grouped
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import ConfirmView
from microblog.web.http.errors import status_of
from microblog.web.http.params import Params
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import SMALL_FORM, AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts

ADMIN = RouteOptions(viewer=AccessLevel.ADMIN)
UPLOAD = RouteOptions(viewer=AccessLevel.ADMIN, files=4 * MAX_BYTES + SMALL_FORM)  # more than is accepted, for an error that says so
PATH = "/admin/emojis"
PER_PAGE = 60
MAX_TYPED = 300  # characters
CHANGES = {
    "list": EmojiChange(is_listed=True),
    "unlist": EmojiChange(is_listed=False),
    "enable": EmojiChange(is_disabled=False),
    "disable": EmojiChange(is_disabled=True),
}


@frozen
class EmojiPickerPages:
    """The emoji that everybody may write: a page with their codes, and the picker of the composer."""

    pages: Pages
    contexts: PageContexts
    emojis: CustomEmojis

    @route("GET", "/emojis", RouteOptions())
    async def codes(self, request: Request) -> Response:
        """List the emoji with their codes, by category."""
        groups = grouped(await self.emojis.listed())
        return Response.html(self.pages.page("emoji_codes", await self.contexts.of(request), PageMetadata("Custom emoji"), groups=groups))

    @route("GET", "/compose/emojis", RouteOptions(viewer=AccessLevel.MEMBER))
    async def picker(self, request: Request) -> Response:
        """Return the content of the picker, for its script: the same as buttons."""
        del request
        return Response.html(self.pages.part("_emoji_picker", groups=grouped(await self.emojis.listed())))


@frozen
class CustomEmojiPages:
    """The list of emoji with its batch commands, and the form of each. `copies` is None without federation."""

    pages: Pages
    contexts: PageContexts
    emojis: CustomEmojis
    copies: EmojiCopies | None

    @route("GET", PATH, ADMIN)
    async def show(self, request: Request) -> Response:
        """List emoji by shortcode: of this site, or of other servers with `from=others`; filtered by `q`, `category`, `state`, `host`."""
        return await self._show(request, None)

    @route("POST", PATH, UPLOAD)
    async def add(self, request: Request) -> Response:
        """Add an emoji."""
        draft, upload = _draft(request.fields), request.fields.upload("image")
        try:
            if upload is None:
                raise Invalid({"image": "Please choose a file."})
            await self.emojis.create(draft, upload.file, request.member.id)
        except Invalid as problem:
            return await self._show(request, problem, draft)
        return Response.redirect(PATH)

    @route("POST", f"{PATH}/batch", ADMIN)
    async def batch(self, request: Request) -> Response:
        """Do `act` with the selected emoji. Deleting asks for confirmation first."""
        fields, by = request.fields, request.member.id
        ids, act = fields.ids("ids", max=PER_PAGE), fields.value("act", max=20)
        try:
            if not ids:
                raise Invalid({"ids": "Select at least one emoji."})
            if act == "delete":
                return await self._confirm(request, ids)
            await self._apply(ids, act, fields.text("new_category", max=MAX_TYPED), by)
        except Invalid as problem:
            return await self._show(request, problem)
        return Response.redirect(request.next_path(PATH))

    @route("POST", f"{PATH}/delete", ADMIN)
    async def delete(self, request: Request) -> Response:
        """Delete the selected emoji."""
        await self.emojis.delete(request.fields.ids("ids", max=PER_PAGE), request.member.id)
        return Response.redirect(request.next_path(PATH))

    @route("GET", f"{PATH}/<id:emoji_id>", ADMIN)
    async def edit(self, request: Request, emoji_id: int) -> Response:
        """Show the form of an emoji of this site."""
        emoji = await self._own(emoji_id)
        return await self._form(request, emoji, EmojiDraft(emoji.emoji.shortcode, emoji.emoji.category, emoji.emoji.is_listed), None)

    @route("POST", f"{PATH}/<id:emoji_id>", UPLOAD)
    async def save(self, request: Request, emoji_id: int) -> Response:
        """Change an emoji, and its picture if a file was chosen."""
        emoji, draft, upload = await self._own(emoji_id), _draft(request.fields), request.fields.upload("image")
        try:
            change = EmojiChange(draft.shortcode, draft.category, draft.is_listed)
            await self.emojis.edit(emoji_id, change, upload.file if upload else None, request.member.id)
        except Invalid as problem:
            return await self._form(request, emoji, draft, problem)
        return Response.redirect(PATH)

    async def _own(self, id: int) -> CustomEmoji:
        emoji = await self.emojis.one(id)
        if emoji.host is not None:
            raise NotFound
        return emoji

    async def _apply(self, ids: list[int], act: str, category: str, by: AccountId) -> None:
        if act == "copy" and self.copies is not None:
            await self._copy(self.copies, ids, category, by)
        elif act == "category":
            await self.emojis.change(ids, EmojiChange(category=category), by)
        elif act in CHANGES:
            await self.emojis.change(ids, CHANGES[act], by)
        else:
            raise NotFound

    async def _copy(self, copies: EmojiCopies, ids: list[int], category: str, by: AccountId) -> None:
        """Copy what can be copied. Raises Invalid with the reasons for the others."""
        failed = []
        for id in ids:
            try:
                await copies.copy(id, category=category, by=by)
            except Problem as problem:
                failed.append(f"{(await self.emojis.one(id)).code} ({problem.sentence.removeprefix('Validation failed: ')})")
        if failed:
            raise Invalid({"ids": f"Not copied: {', '.join(failed)}."})

    async def _confirm(self, request: Request, ids: list[int]) -> Response:
        fields = {f"ids[{place}]": str(id) for place, id in enumerate(ids)} | {"next": request.next_path(PATH)}
        number = "this emoji" if len(ids) == 1 else f"these {len(ids)} emoji"
        sentence = f"Posts and profiles show the code of {number} as text from then on, also on other servers after a while."
        view = ConfirmView(f"Delete {number}?", sentence, f"{PATH}/delete", "Delete", request.next_path(PATH), fields=fields)
        return Response.html(self.pages.confirm(await self.contexts.of(request), view))

    async def _show(self, request: Request, problem: Invalid | None, draft: EmojiDraft | None = None) -> Response:
        fields = request.fields
        query, state = _query(fields)
        found = await self.emojis.page(query, EmojiPage(PER_PAGE, fields.text("after", max=MAX_TYPED)))
        more = urlencode([*fields.pairs("from", "q", "category", "state", "host"), ("after", found[-1].sort_key)]) if found else ""
        page = EmojisPage(
            tuple(found),
            query,
            tuple(await self.emojis.categories()),
            state,
            f"{PATH}?{more}" if len(found) == PER_PAGE else None,
            draft or EmojiDraft(""),
            frozenset(fields.ids("ids")) if problem else frozenset(),
            fields.text("new_category", max=MAX_TYPED) if problem else "",
            problem.fields if problem else {},
        )
        html = self.pages.page("emojis", await self.contexts.of(request), PageMetadata("Custom emoji"), page=page)
        return Response.html(html, status_of(problem) if problem else 200)

    async def _form(self, request: Request, emoji: CustomEmoji, draft: EmojiDraft, problem: Invalid | None) -> Response:
        form = EmojiForm(emoji, draft, tuple(await self.emojis.categories()), problem.fields if problem else {})
        html = self.pages.page("emoji", await self.contexts.of(request), PageMetadata(emoji.code), form=form)
        return Response.html(html, status_of(problem) if problem else 200)


def _draft(fields: Params) -> EmojiDraft:
    """Return the emoji as submitted. Colons around the shortcode are left out."""
    shortcode = fields.text("shortcode", max=MAX_TYPED).strip().strip(":")
    return EmojiDraft(shortcode, fields.text("category", max=MAX_TYPED), fields.flag("listed"))


def _query(fields: Params) -> tuple[EmojiQuery, str]:
    """Return the criteria of a request, and the name of the wanted state."""
    state, category = fields.value("state", max=20), fields.text("category", max=MAX_TYPED)
    if state not in STATES:
        state = ""
    if fields.value("from", max=20) == "others":
        return EmojiQuery(is_here=False, host=fields.text("host", max=MAX_TYPED).strip().lower(), part=_code(fields)), ""
    disabled = {"enabled": False, "unlisted": False, "disabled": True}.get(state)
    listed = False if state == "unlisted" else None
    return EmojiQuery(is_here=True, part=_code(fields), category=category or None, is_disabled=disabled, is_listed=listed), state


def _code(fields: Params) -> str:
    return fields.text("q", max=MAX_TYPED).strip().strip(":")
