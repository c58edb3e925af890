"""Error pages that keep what was typed."""

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
    """Makes the page for an error out of nothing but the call: the database may be what is missing."""

    pages: Pages
    shells: PageContexts
    composers: PostForms

    def page(self, call: Request | None, status: int, sentence: str) -> bytes:
        """A sentence with a next step; the text of a post that could not be published, ready to be sent again."""
        if call is None:
            return self.pages.part("refused", site=self.shells.site, status=status, sentence=sentence).encode("utf-8")
        trouble = ErrorView(status, sentence, kept=self._kept(call), reference=call.id if status >= 500 else "", sent=call.method == "POST")
        return self.pages.trouble(self.shells.plain(call), trouble)

    def _kept(self, call: Request) -> ComposerView | None:
        if call.method != "POST" or call.route is None or call.route.path not in ("/posts", "/posts/<id:post_id>/edit"):
            return None
        try:
            composer = self.composers.returned(call)
        except Problem:  # the fields themselves cannot be read
            return None
        return composer if composer.text else None
