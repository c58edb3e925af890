"""The rules of model/visibility.py as SQL fragments, used by every query of posts. A property test compares the two.

The fragments use the post `p` and the parameter `viewer`, an account's id or null for anonymous visitors.
"""

from __future__ import annotations

# Cheap conditions come first: blocks of the viewer are read once (a hashed sub-select, no probe per row). `is not true` prevents a rewrite
# into a join, which the planner may put anywhere. Nobody blocks themselves, so the author needs no exception there. `offset 0` keeps
# probes for each post: otherwise the planner reads all suspended accounts, or all mentions of the viewer, when it meets the first one.
_ALONE = """(
    {post}.deleted_at is null
    and {post}.account_id not in (select vb.account_id from blocks vb where vb.target_id = %(viewer)s)
    and (exists (
        select from accounts va where va.id = {post}.account_id and (va.suspended_at is not null or va.deleted_at is not null)
        {per_row})) is not true
    and ({post}.visibility in ('public', 'unlisted') or {post}.account_id = %(viewer)s
         or exists (select from mentions vm where vm.post_id = {post}.id and vm.account_id = %(viewer)s offset 0)
         or ({post}.visibility = 'private' and exists (
             select from follows vf where vf.followee_id = {post}.account_id and vf.follower_id = %(viewer)s offset 0))))"""

# A boost is visible if both the boost and its original are.
_BOTH = f"""({_ALONE.format(post="p", per_row="{per_row}")} and (p.boost_of is null or exists (
    select from posts vo where vo.id = p.boost_of and {_ALONE.format(post="vo", per_row="{per_row}")})))"""
VISIBLE = _BOTH.format(per_row="offset 0")
VISIBLE_AMONG_MANY = _BOTH.format(per_row="")
"""The same for queries that check thousands of posts: for these, reading all suspended accounts once costs less."""

_BLOCKED_DOMAINS = "select vd.domain from domain_blocks vd where vd.account_id = %(viewer)s"
_BLOCKS_NO_DOMAIN = "not exists (select from domain_blocks vd where vd.account_id = %(viewer)s)"

# Not by or about accounts of domains that the viewer blocks. The first condition is one look for the whole query, and enough for most.
OF_NO_BLOCKED_DOMAIN = f"""({_BLOCKS_NO_DOMAIN} or not exists (
    select from accounts vh where vh.id in (p.account_id, p.reply_to_account, (select wb.account_id from posts wb where wb.id = p.boost_of))
    and vh.host in ({_BLOCKED_DOMAINS})))"""

IS_OF_NO_BLOCKED_DOMAIN = f"(a.host is null or a.host not in ({_BLOCKED_DOMAINS}))"
"""The same for an account `a` in a list of accounts."""

# Posts that the viewer wants in lists: none of, in reply to, or boosted from accounts that the viewer blocks or mutes, or of domains that
# the viewer blocks. Uses the parameters `viewer` and `now`. `is true` keeps the inner select as a sub-plan, which is executed once and not
# for every row.
WANTED = f"""(
    %(viewer)s is null or p.account_id = %(viewer)s or {OF_NO_BLOCKED_DOMAIN} and not exists (
        select from (values (p.account_id), (p.reply_to_account), ((select wo.account_id from posts wo where wo.id = p.boost_of))) who (id)
        where (who.id in (
            select b.target_id from blocks b where b.account_id = %(viewer)s
            union all
            select m.target_id from mutes m
            where m.account_id = %(viewer)s and (m.expires_at is null or m.expires_at > %(now)s))) is true))"""
