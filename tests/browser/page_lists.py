"""The pages that tests of accessibility and width open, by who may open them. Names in braces stand for what the tests create.

tests/browser/test_page_lists.py holds that every page of the site is in one of these lists, or among the exceptions.
"""

from __future__ import annotations

FOR_VISITORS = (
    "/",
    "/local",
    "/about",
    "/stats",
    "/login",
    "/signup",
    "/search",
    "/search?q=axe",
    "/nowhere",
    "/password/forgot",
    "/api/docs",
    "/emojis",
)
FOR_MEMBERS = (
    "/home",
    "/notifications",
    "/notifications?type=mention",
    "/notifications/requests",
    "/conversations",
    "/favourites",
    "/bookmarks",
    "/scheduled",
    "/compose",
    "/settings",
    "/settings/account",
    "/settings/preferences",
    "/settings/notifications",
    "/settings/notifications/people",
    "/settings/sessions",
    "/settings/apps",
    "/settings/mail",
    "/settings/filters",
    "/settings/move",
    "/settings/domains",
    "/settings/domains/block?domain=example.org",
    "/severed_relationships",
    "/disputes/strikes",
    "/lists",
    "/settings/blocks",
    "/settings/mutes",
    "/settings/requests",
    "/settings/delete",
)
FOR_MODERATORS = (
    "/admin/dashboard",
    "/admin/trends",
    "/admin/trends?of=posts",
    "/admin/trends?of=links",
    "/admin/dashboard?days=7",
    "/admin/people",
    "/admin/people?type=applied",
    "/admin/invites",
    "/admin/reports",
    "/admin/reports?type=resolved",
    "/admin/outbox",
    "/admin/jobs?state=done",
    "/admin/appeals",
    "/admin/email_domain_blocks",
    "/admin/canonical_email_blocks",
    "/admin/ip_blocks",
    "/admin/username_blocks",
    "/admin/site",
    "/admin/rules",
    "/admin/emojis",
    "/admin/emojis/import",
    "/admin/announcements",
    "/admin/announcements/new",
    "/admin/log",
    "/admin/stats",
)
OF_ACCOUNT = ("/@{name}", "/@{name}/with_replies", "/@{name}/media", "/@{name}/followers", "/@{name}/following")
OF_ACCOUNT_FOR_MEMBERS = ("/@{name}/block", "/@{name}/report", "/@{name}/lists")
OF_ACCOUNT_FOR_MODERATORS = ("/admin/people/{name}/suspend", "/admin/people/{name}/reject")
OF_ACCOUNT_ID_FOR_MODERATORS = ("/admin/accounts/{id}",)
OF_REPORT = ("/admin/reports/{report}",)
OF_IP_BLOCK = ("/admin/ip_blocks/{block}",)
OF_STRIKE = ("/disputes/strikes/{strike}",)
OF_POST = ("/@{name}/{post}", "/posts/{post}/history")
OF_OWN_POST = ("/posts/{post}/edit", "/posts/{post}/delete")
OF_EMOJI = ("/admin/emojis/{emoji}",)
OF_LIST = ("/lists/{list}", "/lists/{list}/edit", "/lists/{list}/delete")
OF_FILTER = ("/settings/filters/{filter}",)
OF_TAG = ("/tags/{tag}",)
OF_APP = ("/oauth/authorize?response_type=code&client_id={app}&redirect_uri=urn:ietf:wg:oauth:2.0:oob&scope=read",)

# Only on a site that federates. `name` is an account of the site, `far` one of another server with the post `post`.
FEDERATED_FOR_VISITORS = ("/@{name}", "/@{name}/remote_follow")
FEDERATED_FOR_MEMBERS = (
    "/federated",
    "/local",
    "/settings/move",
    "/settings/domains",
    "/settings/domains/block?domain={host}",
    "/severed_relationships",
    "/notifications",
    "/@{far}",
    "/@{far}/with_replies",
    "/@{far}/media",
    "/@{far}/followers",
    "/@{far}/following",
    "/@{far}/{post}",
    "/@{far}/block",
    "/@{far}/report",
    "/authorize_interaction?uri=https://{host}/nothing",
)
FEDERATED_FOR_ADMINISTRATORS = (
    "/admin/servers",
    "/admin/servers?type=dead",
    "/admin/servers/rule?domain={host}",
    "/admin/servers/rule/remove?domain={limited}",
    "/admin/emojis?from=others",
    "/admin/people?type=elsewhere",
    "/admin/people/{far}/suspend",
    "/admin/stats",
)

LISTS = (
    *(FOR_VISITORS, FOR_MEMBERS, FOR_MODERATORS, OF_ACCOUNT, OF_ACCOUNT_FOR_MEMBERS, OF_ACCOUNT_FOR_MODERATORS, OF_POST, OF_OWN_POST),
    *(OF_ACCOUNT_ID_FOR_MODERATORS, OF_REPORT, OF_IP_BLOCK, OF_STRIKE, OF_EMOJI),
    *(OF_LIST, OF_FILTER, OF_TAG, OF_APP, FEDERATED_FOR_VISITORS, FEDERATED_FOR_MEMBERS, FEDERATED_FOR_ADMINISTRATORS),
)

EXCEPTIONS = {
    "/posts/<id:post_id>": "redirects to the post's page",
    "/auth/sign_in": "redirects to /login",
    "/auth/sign_up": "redirects to /signup",
    "/share": "redirects to /compose",
    "/.well-known/change-password": "redirects to /settings/account",
    "/notifications/groups/<group_key>": "a part of a page, for a script",
    "/compose/emojis": "a part of a page, for a script",
    "/compose/complete": "a part of a page, for a script",
    "/pending": "only for accounts that wait for approval; the layout of /login",
    "/confirm/<secret:token>": "needs the token of an e-mail; redirects, or shows the page of an error",
    "/mail/unsubscribe/<secret:token>": "needs the token of an e-mail; the confirmation page of /posts/<id>/delete",
    "/password/reset/<secret:token>": "needs the token of an e-mail; the layout of /password/forgot",
    "/disputes/strikes/<id:strike_id>/<secret:token>": "needs the token of an e-mail; the page of /disputes/strikes/<id>",
    "/oauth/authorize/native": "needs the code of an app",
    "/admin/rules/<id:rule_id>": "the form of /admin/rules",
    "/admin/rules/<id:rule_id>/translations": "the list and the form of /admin/rules",
    "/admin/announcements/<id:announcement_id>": "the form of /admin/announcements/new",
    "/admin/announcements/drafts/<id:draft_id>": "the form of /admin/announcements/new",
    "/admin/servers/disallow": "only with an allow-list; the confirmation page of /admin/servers/rule/remove",
}
"""Pages that are in no list, with the reason."""


def status_of(path: str) -> int:
    """Return the status that a page of the lists has."""
    return 404 if path.startswith(("/nowhere", "/authorize_interaction?")) else 200


def filled(paths: tuple[str, ...], **values: object) -> tuple[str, ...]:
    """Return paths with their names replaced by these values."""
    return tuple(path.format(**values) for path in paths)
