"""Numbers and lists of the site are about its own people: they stay as they are when accounts and posts of other servers become known.

Every GET route is requested before and after, by a visitor and by an administrator.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import define

from microblog.application.services import now
from microblog.domain import deleted_posts
from microblog.model.accounts import Role, Viewer
from microblog.model.notifications import NotificationKind
from microblog.model.posts import Post
from microblog.storage import email_digests, interactions, notifications, posts, statistics, tags, users
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import result_of
from tests.web.api.client import new_client_for
from tests.web.crawler import fill_path, finite_get_routes
from tests.web.http_client import request
from tests.web.visitor import SiteFixture, Visitor, build_site

YESTERDAY = now() - timedelta(days=1)
TAG = "tea"
SIZE = r"(?<=>)[\d.,]+ [KMG]B(?=<)"  # of the database, which grows with all rows
ONE_TIME = re.compile(rf'name="(?:csrf|key)" value="[^"]*"|data-(?:now|position)="[^"]*"|(?<=>)[^<>]*(?=</time>)|{SIZE}')
ABOUT_EVERYBODY = {  # besides lists of who did something to one post or account
    "/api/v1/timelines/public",
    "/api/v1/timelines/tag/<name>",
    "/tags/<name>",
    "/tags/<name>.rss",
    "/api/v1/accounts/search",
    "/api/v2/search",
    "/search",
    "/api/v1/accounts/<id:account_id>/followers",
    "/@<username:username>/followers",
    "/api/v1/statuses/<id:status_id>/favourited_by",
    "/api/v1/statuses/<id:status_id>/reblogged_by",
    "/metrics",  # sizes of tables and caches
    "/settings/apps",  # when the test used its token
}
QUERIES = {
    "/api/v1/directory": ("?order=active", "?order=new&local=true"),
    "/compose/complete": ("?q=@a", "?q=@bo"),
    "/api/v1/timelines/public": ("?local=true",),
    "/api/v1/timelines/tag/<name>": ("?local=true",),
    "/api/v1/accounts/lookup": ("?acct=ada", "?acct=bo@site.test"),
    "/.well-known/webfinger": ("?resource=acct:bo@site.test",),
    "/api/v1/admin/accounts": ("", "?remote=true", "?silenced=true", "?suspended=true", "?username=a"),
    "/api/v2/admin/accounts": ("?origin=local", "?status=suspended", "?username=a"),
    "/admin/people": ("", "?q=bo", "?q=di"),
}


@define(eq=False)
class Town:
    """A site with an administrator, ada, and two members whose posts of yesterday have been favourited and boosted."""

    cursor: Cursor
    directory: Path
    admin: Viewer
    post: Post
    cookies: dict[str, str]
    token: str

    def site(self) -> SiteFixture:
        """Return the site with empty caches, on counts of today."""
        site = build_site(self.cursor, self.directory, rate_limits="off")
        tags.recount(self.cursor, after=0)
        result_of(site.domain.statistics.rebuild())
        return site

    def read(self) -> dict[str, str]:
        """Return what is read at every path that is about people here."""
        site = self.site()
        values = {"username": "ada", "name": TAG, "account_id": self.admin.id, "post_id": self.post.id, "status_id": self.post.id}
        return dict(self._read(site, values))

    def _read(self, site: SiteFixture, values: dict[str, object]) -> Iterator[tuple[str, str]]:
        visitor, admin = site.visitor(), Visitor(site.server, self.cookies)
        bearer = {"Authorization": f"Bearer {self.token}"}
        for route in finite_get_routes(site):
            queries = QUERIES.get(route.path, () if route.path in ABOUT_EVERYBODY else ("",))
            for target in (fill_path(route.path, values) + query for query in queries):
                api = route.options.api
                yield f"visitor {target}", _text(visitor.get(target).body)
                yield f"admin {target}", _text((request(site.server, "GET", target, bearer) if api else admin.get(target)).body)


def first_difference(one: str, other: str) -> tuple[str, str]:
    """Return the neighbourhood of the first difference in both texts."""
    start = max(0, next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))) - 40)
    return one[start : start + 120], other[start : start + 120]


def _text(body: bytes) -> str:
    return ONE_TIME.sub("", body.decode("utf-8", "replace"))


@pytest.fixture
def town(cursor: Cursor, tmp_path: Path) -> Town:
    site = build_site(cursor, tmp_path, rate_limits="off")
    browsers = {name: site.registered_user(name) for name in ("ada", "bo", "cleo")}
    ada, bo, cleo = map(site.viewer, ("ada", "bo", "cleo"))
    cursor.execute("update accounts set created_at = %s", [YESTERDAY - timedelta(days=1)])
    users.change_role(cursor, account=ada.id, role=Role.ADMIN)
    posted = [make.post(cursor, one, f"#{TAG} by {one.account.username}", now=YESTERDAY) for one in (bo, cleo)]
    for post in posted:
        interactions.favourite(cursor, account=ada.id, post=post.id, now=YESTERDAY)
        make.boost(cursor, ada, post, now=YESTERDAY)
    make.follow(cursor, bo, cleo)
    app = new_client_for(site, ada)
    app.get("/v1/accounts/verify_credentials")  # the page of the account shows that the app was used
    return Town(cursor, tmp_path, ada, posted[0], browsers["ada"].cookies, str(app.token))


def others_become_known(town: Town) -> list[Post]:
    """Add popular accounts of other servers with the same names and others, their posts, and what they did to posts of this site."""
    cursor, made = town.cursor, []
    for name in ("ada", "bo", "cleo", "ada.far", "bored", "di"):
        far = make.remote_account(cursor, name, display_name=f"Far {name}", now=YESTERDAY)
        made.append(make.remote_post(cursor, far, f"#{TAG} and more", tags=[TAG, "far"], now=YESTERDAY))
        made.append(make.remote_post(cursor, far, boost_of=town.post, now=YESTERDAY))
        cursor.execute("update account_counts set followers = 1000, last_post_on = current_date where account_id = %s", [far.id])
        cursor.execute("update post_counts set favourites = 100, boosts = 100 where post_id = %s", [made[-2].id])
        cursor.execute(
            "insert into favourites (id, account_id, post_id, created_at) values (new_id(%(at)s), %(far)s, %(post)s, %(at)s)",
            {"far": far.id, "post": town.post.id, "at": YESTERDAY},
        )
        cursor.execute(
            "insert into follows (id, follower_id, followee_id, created_at) values (new_id(%(at)s), %(far)s, %(ada)s, %(at)s)",
            {"far": far.id, "ada": town.admin.id, "at": YESTERDAY},
        )
    cursor.execute("update accounts set created_at = '2008-01-01' where username = 'ada.far'")  # older than the site
    cursor.execute("update accounts set suspended_at = now() where username = 'di'")
    return made


def test_numbers_and_lists_of_people_here_stay_as_they_are(town: Town) -> None:
    before = town.read()
    assert any("#tea by bo" in text or "tea" in text for name, text in before.items() if "/trends" in name)
    others_become_known(town)
    after = town.read()
    changed = {name: first_difference(before[name], after[name]) for name in before if after[name] != before[name]}
    assert changed == {}


def test_statistics_of_a_day_stay_as_they_are_when_posts_of_others_are_deleted(town: Town) -> None:
    def counted() -> list[object]:
        town.site()
        days = statistics.read(town.cursor, zone="UTC", first=(YESTERDAY - timedelta(days=30)).date(), last=YESTERDAY.date())
        report = email_digests.report(town.cursor, begin=YESTERDAY - timedelta(hours=12), end=YESTERDAY + timedelta(days=2))
        return [days, report]

    before = counted()
    made = others_become_known(town)
    assert counted() == before
    for post in made:
        posts.delete(town.cursor, post=post.id, now=YESTERDAY)
    town.cursor.execute("delete from favourites where account_id in (select id from accounts where host is not null)")
    town.cursor.execute("delete from follows where follower_id in (select id from accounts where host is not null)")
    assert deleted_posts.purge(town.cursor, before=now(), limit=100) == len(made)
    assert counted() == before


def test_accounts_of_other_servers_get_no_notifications(town: Town) -> None:
    far = make.remote_account(town.cursor)
    both = [far.id, town.post.author.id]
    notifications.add(town.cursor, accounts=both, kind=NotificationKind.UPDATE, sender=town.admin.id, now=now())
    town.cursor.execute("select account_id from notifications where kind = 'update'")
    assert town.cursor.fetchall() == [(town.post.author.id,)]
