"""Error pages that keep what was typed."""

from __future__ import annotations

from attrs import frozen

from microblog.model.errors import Problem
from microblog.render.pages import Pages
from microblog.render.views import Composer, Trouble
from microblog.web.call import Call
from microblog.web.composers import Composers
from microblog.web.shells import Shells


@frozen
class Troubles:
    """Makes the page for an error out of nothing but the call: the database may be what is missing."""

    pages: Pages
    shells: Shells
    composers: Composers

    def page(self, call: Call | None, status: int, sentence: str) -> bytes:
        """A sentence with a next step; the text of a post that could not be published, ready to be sent again."""
        if call is None:
            return self.pages.part("refused", site=self.shells.site, status=status, sentence=sentence).encode("utf-8")
        trouble = Trouble(status, sentence, kept=self._kept(call), reference=call.id if status >= 500 else "", sent=call.method == "POST")
        return self.pages.trouble(self.shells.plain(call), trouble)

    def _kept(self, call: Call) -> Composer | None:
        if call.method != "POST" or call.route is None or call.route.path not in ("/posts", "/posts/<id:post_id>/edit"):
            return None
        try:
            composer = self.composers.returned(call)
        except Problem:  # the fields themselves cannot be read
            return None
        return composer if composer.text else None
