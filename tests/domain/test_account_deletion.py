"""Account deletion leaves no data behind, neither of the account nor in other accounts."""

from __future__ import annotations

import pytest

from microblog.domain import account_deletion
from microblog.domain.account_actions import AccountActions
from microblog.domain.account_admin import AccountAdmin
from microblog.domain.account_deletion import AccountDeletion
from microblog.domain.follows import Follows
from microblog.domain.interactions import Interactions
from microblog.domain.posts import Posts
from microblog.domain.relationships import Relationships
from microblog.model.accounts import Account, Viewer
from microblog.model.errors import NotFound
from microblog.model.moderation import ModerationAction, Sanction
from microblog.model.posts import PostDraft
from microblog.storage import posts as post_rows
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase, WallClock, quick_passwords, result_of

LEFT_OUT = {"accounts", "account_counts", "posts", "post_counts", "post_tags", "revisions", "events", "jobs", "invites"}


@pytest.fixture
def clock() -> WallClock:
    return WallClock(make.NOW)


def counts(account: Account) -> tuple[int, int, int]:
    return account.followers_count, account.following_count, account.posts_count


def test_a_deleted_account_leaves_no_rows_and_corrects_the_counters_of_others(
    db: RolledBackDatabase, cursor: Cursor, clock: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_deletion, "STEP", 2)
    ann, ben = make.viewer(cursor, "ann"), make.viewer(cursor, "ben")
    shy = make.viewer(cursor, "shy", locked=True)
    posts = Posts(db, "example.org", "https://example.org", 500, clock)
    interaction_service = Interactions(db, clock)
    follows, relations = Follows(db, clock), Relationships(db, clock)
    bens = result_of(posts.publish(ben, PostDraft("Hello @ann")))
    anns = [result_of(posts.publish(ann, PostDraft(f"moss {number} @ben", reply_to=bens.id))) for number in range(5)]
    result_of(interaction_service.boost(ann, bens.id))
    result_of(interaction_service.boost(ann, anns[0].id))
    result_of(interaction_service.boost(ben, anns[1].id))
    result_of(interaction_service.favourite(ann, bens.id))
    result_of(interaction_service.favourite(ben, anns[1].id))
    result_of(interaction_service.bookmark(ann, bens.id))
    others = [make.viewer(cursor) for _ in range(5)]
    for other in (*others, ben):
        result_of(follows.follow(ann, other.id))
        result_of(follows.follow(other, ann.id))
    result_of(follows.follow(ann, shy.id))
    result_of(relations.mute(ann, others[0].id))
    result_of(relations.block(ann, others[1].id))
    result_of(relations.note(others[0], ann.id, "gone soon"))
    sanctions = AccountActions(db, AccountAdmin(db, quick_passwords(), clock), clock)
    result_of(sanctions.impose(ben.id, ann.id, Sanction(ModerationAction.NONE, "Be kind.")))

    account_deletion.begin_deletion(cursor, ann.id, make.NOW)
    result_of(AccountDeletion(db, clock).purge(ann.id))

    assert counts(make.reload(cursor, ben)) == (0, 0, 1)
    for other in others:
        assert counts(make.reload(cursor, other)) == (0, 0, 0)
    [left] = post_rows.by_ids(cursor, [bens.id]).values()
    assert (left.replies_count, left.boosts_count, left.favourites_count) == (0, 0, 0)
    assert mentions_of(cursor, ann) == {}
    cursor.execute(
        "select count(*) from posts where deleted_at is null and (account_id = %(ann)s or boost_of is not null)", {"ann": ann.id}
    )
    assert cursor.fetchone() == (0,)
    cursor.execute("select count(*) from events where kind = 'post.deleted'")
    assert cursor.fetchone() == (len(anns) + 3,)


def mentions_of(cursor: Cursor, who: Viewer) -> dict[str, int]:
    """Count the rows that still refer to the account, by table."""
    cursor.execute(
        """select conrelid::regclass::text, attname from pg_constraint
           join pg_attribute on attrelid = conrelid and attnum = conkey[1]
           where contype = 'f' and confrelid = 'accounts'::regclass"""
    )
    found = {}
    for table, column in cursor.fetchall():
        cursor.execute(f"select count(*) from {table} where {column} = %(id)s", {"id": who.id})
        [(number,)] = cursor.fetchall()
        if number and table not in LEFT_OUT:
            found[f"{table}.{column}"] = number
    return found


def test_purging_an_account_again_does_nothing(db: RolledBackDatabase, cursor: Cursor, clock: WallClock) -> None:
    ann = make.viewer(cursor, "ann")
    account_deletion.begin_deletion(cursor, ann.id, make.NOW)
    for _ in range(2):
        result_of(AccountDeletion(db, clock).purge(ann.id))


def test_an_account_that_is_not_deleted_is_not_purged(db: RolledBackDatabase, cursor: Cursor, clock: WallClock) -> None:
    ann, ben = make.viewer(cursor, "ann"), make.account(cursor, "ben")
    make.follow(cursor, ann, ben)
    with pytest.raises(NotFound):
        result_of(AccountDeletion(db, clock).purge(ann.id))
    assert make.reload(cursor, ben).followers_count == 1


def test_an_account_cannot_be_deleted_twice(cursor: Cursor) -> None:
    ann = make.viewer(cursor, "ann")
    account_deletion.begin_deletion(cursor, ann.id, make.NOW)
    with pytest.raises(NotFound):
        account_deletion.begin_deletion(cursor, ann.id, make.NOW)
