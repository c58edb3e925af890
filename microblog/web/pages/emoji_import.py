"""The administrators' page that imports an archive of custom emoji."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import BinaryIO

from attrs import frozen

from microblog.domain.emoji_import import Archive, EmojiImport, ImportCounts
from microblog.model.emojis import ImportOptions
from microblog.model.errors import Invalid
from microblog.model.media import MAX_VIDEO_BYTES
from microblog.render.html.emoji_views import EmojiImportPage
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.web.http.errors import status_of
from microblog.web.http.params import Params
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import SMALL_FORM, AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts

PATH = "/admin/emojis/import"
MAX_BYTES = MAX_VIDEO_BYTES  # of an archive: reverse proxies are configured for the largest video
TIME_LIMIT = timedelta(seconds=45)  # reverse proxies wait a minute or longer for a response
MAX_TYPED = 300  # characters


@frozen
class EmojiImportPages:
    """The form for an archive, and the result of its import."""

    pages: Pages
    contexts: PageContexts
    imports: EmojiImport
    open_archive: Callable[[BinaryIO], Archive]

    @route("GET", PATH, RouteOptions(viewer=AccessLevel.ADMIN))
    async def form(self, request: Request) -> Response:
        """Show the form."""
        return await self._show(request, ImportOptions())

    @route("POST", PATH, RouteOptions(viewer=AccessLevel.ADMIN, files=MAX_BYTES + SMALL_FORM))
    async def run(self, request: Request) -> Response:
        """Import an archive, and show how many emoji were added. If the client leaves, the import ends after the current batch."""
        options, upload = _options(request.fields), request.fields.upload("file")
        try:
            if upload is None:
                raise Invalid({"file": "Please choose a file."})
            counts = await self.imports.run(self.open_archive(upload.file), options, request.member.id, TIME_LIMIT)
        except Invalid as problem:
            return await self._show(request, options, problem=problem)
        return await self._show(request, options, counts)

    async def _show(
        self, request: Request, options: ImportOptions, counts: ImportCounts | None = None, problem: Invalid | None = None
    ) -> Response:
        categories = tuple(await self.imports.emojis.categories())
        result, failed = ("", {}) if counts is None else (_in_words(counts, options), counts.failed)
        page = EmojiImportPage(options, categories, result, failed, problem.fields if problem else {})
        html = self.pages.page("emoji_import", await self.contexts.of(request), PageMetadata("Import custom emoji"), page=page)
        return Response.html(html, status_of(problem) if problem else 200)


def _in_words(counts: ImportCounts, options: ImportOptions) -> str:
    done = f"Created {counts.created:,}, replaced {counts.replaced:,}, skipped {counts.known:,}, failed {len(counts.failed):,}."
    if not counts.left:
        return done
    # The same file again would replace the same emoji, and end at the same place.
    advice = "import them in a smaller archive, or on the command line" if options.overwrite else "import the file again to go on"
    return f"{done} There was no time for {counts.left:,} more: {advice}."


def _options(fields: Params) -> ImportOptions:
    return ImportOptions(
        fields.text("category", max=MAX_TYPED),
        fields.text("prefix", max=MAX_TYPED).strip(),
        fields.text("suffix", max=MAX_TYPED).strip(),
        overwrite=fields.flag("overwrite"),
        is_listed=fields.flag("listed"),
    )
