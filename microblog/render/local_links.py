"""Links to the site's own hashtags and accounts within stored HTML.

Posts are rendered when they are stored, with the site's public URL at that time. The URL may change later, and a command may have run
without the service's settings: so the current URL is inserted whenever stored HTML is rendered. Only `domain/text/post_text.py` writes
links with these classes; links that users typed have a `target` there, and are not changed.
"""

from __future__ import annotations

import re
from html import escape

from microblog.model.accounts import Account

_OWN = re.compile(r'<a href="[^"]*?(/(?:tags/|@)[^"/]*" class="(?:mention hashtag|u-url mention)")')


def own_links(html: str, origin: str = "") -> str:
    """Return the HTML with links to this site's hashtags and accounts at `origin`, the public URL; without one, as paths."""
    if "mention" not in html:  # most texts have no such links, and a substring search is much cheaper
        return html
    return _OWN.sub(rf'<a href="{escape(origin)}\1', html)


def html_by(html: str, author: Account, origin: str = "") -> str:
    """Return the HTML that an account wrote, with `own_links`; unchanged if it comes from another server, whose links are its own."""
    return own_links(html, origin) if author.host is None else html
