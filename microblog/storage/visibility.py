"""The rules of model/visibility.py as SQL fragments, used by every query of posts. A property test compares the two.

The fragments speak of the post `p` and take the parameter `viewer`, an account's id or null for nobody.
"""

from __future__ import annotations

# What is asked of every row stands first and costs little: whom the viewer is blocked by is read once (a hashed sub-select, no probe per
# row), who is gone is found in a tiny index. `is not true` keeps that from becoming a join, which the planner may put anywhere. Nobody
# blocks themselves, so the author needs no exception there.
_ALONE = """(
    {post}.deleted_at is null
    and {post}.account_id not in (select vb.account_id from blocks vb where vb.target_id = %(viewer)s)
    and (exists (
        select from accounts va where va.id = {post}.account_id and (va.suspended_at is not null or va.deleted_at is not null))) is not true
    and ({post}.visibility in ('public', 'unlisted') or {post}.account_id = %(viewer)s
         or exists (select from mentions vm where vm.post_id = {post}.id and vm.account_id = %(viewer)s)
         or ({post}.visibility = 'private' and exists (
             select from follows vf where vf.followee_id = {post}.account_id and vf.follower_id = %(viewer)s))))"""

# A boost is seen by whoever may see both the boost and what it boosts.
VISIBLE = (
    "("
    + _ALONE.format(post="p")
    + " and (p.boost_of is null or exists (select from posts vo where vo.id = p.boost_of and "
    + _ALONE.format(post="vo")
    + ")))"
)

# What a viewer who may see a post does not want in lists: people whom they block or mute, also when those are answered or boosted.
# Takes `viewer` and `now`. `is true` keeps the inner select whole, so that it is read once and not for every row.
WANTED = """(
    %(viewer)s is null or p.account_id = %(viewer)s or not exists (
        select from (values (p.account_id), (p.reply_to_account), ((select wo.account_id from posts wo where wo.id = p.boost_of))) who (id)
        where (who.id in (
            select b.target_id from blocks b where b.account_id = %(viewer)s
            union all
            select m.target_id from mutes m
            where m.account_id = %(viewer)s and (m.expires_at is null or m.expires_at > %(now)s))) is true))"""
