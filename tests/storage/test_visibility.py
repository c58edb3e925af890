"""The visibility rule in SQL equals the one in Python."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microblog.model.ids import PostId
from microblog.model.posts import Visibility
from microblog.model.visibility import ViewerRelation, may_see
from microblog.storage import posts, relationships
from microblog.storage.database import Cursor, execute
from tests import make

RELATIONS = st.builds(
    ViewerRelation,
    visibility=st.sampled_from(Visibility),
    is_author=st.booleans(),
    is_mentioned=st.booleans(),
    follows_author=st.booleans(),
    blocked_by_author=st.booleans(),
    author_gone=st.booleans(),
    deleted=st.booleans(),
)


@given(relation=RELATIONS, silent=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_the_visibility_rule_in_sql_and_in_python_agree(cursor: Cursor, relation: ViewerRelation, silent: bool) -> None:
    execute(cursor, "savepoint example")
    try:
        author = make.viewer(cursor)
        viewer = author if relation.is_author else make.viewer(cursor)
        named = f" @{viewer.account.username}" if relation.is_mentioned else ""
        post = make.post(cursor, author, f"Look{named}", visibility=relation.visibility)
        if silent:  # addressed without being named
            execute(cursor, "update mentions set silent = true")
        if relation.follows_author and not relation.is_author:
            make.follow(cursor, viewer, author)
        if relation.blocked_by_author and not relation.is_author:
            relationships.block(cursor, account=author.id, target=viewer.id, now=make.NOW)
        if relation.author_gone:
            make.suspend(cursor, author)
        if relation.deleted:
            posts.delete(cursor, post=post.id, now=make.NOW)
        assert (post.id in posts.visible(cursor, ids=[post.id], viewer=viewer.id)) == may_see(relation)
    finally:
        execute(cursor, "rollback to savepoint example")


def test_the_anonymous_viewer_sees_what_a_stranger_sees(cursor: Cursor) -> None:
    author, stranger = make.viewer(cursor), make.viewer(cursor)
    written = [make.post(cursor, author, visibility=visibility).id for visibility in Visibility]
    anonymous = posts.visible(cursor, ids=written, viewer=None)
    assert anonymous == posts.visible(cursor, ids=written, viewer=stranger.id) == set(written[:2])


def test_a_boost_is_hidden_from_accounts_that_its_original_author_blocks(cursor: Cursor) -> None:
    author, booster, blocked = make.viewer(cursor), make.viewer(cursor), make.viewer(cursor)
    boost = make.boost(cursor, booster, make.post(cursor, author))
    assert posts.visible(cursor, ids=[boost.id], viewer=blocked.id) == {boost.id}
    make.block(cursor, author, blocked)
    assert posts.visible(cursor, ids=[boost.id], viewer=blocked.id) == set()


def test_a_missing_post_is_visible_to_nobody(cursor: Cursor) -> None:
    assert posts.visible(cursor, ids=[PostId(1)], viewer=None) == set()
