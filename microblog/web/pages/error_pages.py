"""Error pages that keep the text that was typed."""

from __future__ import annotations

from attrs import frozen

from microblog.model.errors import Problem
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import ComposerView, ErrorView
from microblog.web.http.request import Request
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.post_form import PostForms


@frozen
class ErrorPages:
    """Renders error pages from the request alone, since the database may be unavailable."""

    pages: Pages
    contexts: PageContexts
    forms: PostForms

    def page(self, request: Request | None, status: int, sentence: str) -> bytes:
        """Render an error page, with the composer if a post could not be published."""
        if request is None:
            return self.pages.part("refused", site=self.contexts.site, status=status, sentence=sentence).encode("utf-8")
        error = ErrorView(
            status,
            sentence,
            composer=self._composer(request),
            reference=request.id if status >= 500 else "",
            submitted=request.method == "POST",
        )
        return self.pages.error(self.contexts.plain(request), error)

    def _composer(self, request: Request) -> ComposerView | None:
        if request.method != "POST" or request.route is None or request.route.path not in ("/posts", "/posts/<id:post_id>/edit"):
            return None
        try:
            composer = self.forms.submitted(request)
        except Problem:  # the fields themselves cannot be read
            return None
        return composer if composer.text else None
