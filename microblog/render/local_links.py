"""Links to the site's own tags and people within stored HTML.

What people write is rendered when it is stored, with the site's public URL of that moment. The URL may change afterwards, and a command may
have run without the service's settings: so the current URL is put in whenever stored HTML is rendered. Only `domain/text/post_text.py`
writes links with these classes; links that people typed have a `target` there, and stay.
"""

from __future__ import annotations

import re
from html import escape

_OWN = re.compile(r'<a href="[^"]*?(/(?:tags/|@)[^"/]*" class="(?:mention hashtag|u-url mention)")')


def own_links(html: str, origin: str = "") -> str:
    """The HTML with links to this site's tags and people at `origin`, the public URL; without one, from the site's root on."""
    if "mention" not in html:  # most texts have no such links, and looking for a word is much cheaper
        return html
    return _OWN.sub(rf'<a href="{escape(origin)}\1', html)
