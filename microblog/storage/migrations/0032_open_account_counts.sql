-- Direct posts count nowhere that others can read: neither among the posts of their author, nor as the day of the last one.
-- The rows are locked first, in the order in which everybody locks them, so that the count sees all that was committed before.
select from account_counts where account_id in (select account_id from posts where visibility = 'direct')
order by account_id for no key update;

update account_counts c
set posts = (select count(*) from posts p where p.account_id = c.account_id and p.deleted_at is null and p.visibility <> 'direct'),
    last_post_on = (select max(p.created_at at time zone 'UTC')::date from posts p where p.account_id = c.account_id and p.visibility <> 'direct')
where c.account_id in (select account_id from posts where visibility = 'direct');
