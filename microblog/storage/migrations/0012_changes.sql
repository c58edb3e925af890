-- What has changed, in few words, so that a process may keep what it has read for as long as it is true.
-- The rows are written by triggers: whoever changes a table, however, tells of it in the same transaction. A process reads what its last
-- snapshot had not seen (storage/invalidation_log.py). The table is logged like any other: were it emptied by a crash of the server, a process that
-- connects again would take what it has kept for true, although others had told of changes meanwhile.
--
-- The keys: p<id> a post, its counts, poll, media, card. f<id> what an account posts. t<id> a conversation. public: any public post.
-- a<id> an account as others see it. v<id> how an account sees others. n<id> what an account is told of. l<id> its login.
-- s<id> a session. o<id> an API token. news: announcements. *: everything.
create table changes (
    id bigint generated always as identity,
    xid xid8 not null default pg_current_xact_id(),
    keys text[] not null,
    at timestamptz not null default now()
);
create index changes_by_transaction on changes (xid);  -- what a snapshot has not seen
create index changes_by_time on changes (at);  -- the sweep

-- Work on very many rows makes everything be forgotten: that is less than to tell of each.
create function tell(said text[]) returns void language sql as
$$ insert into changes (keys) select case when cardinality(said) > 500 then '{*}' else said end where cardinality(said) > 0 $$;

create function tell_posts() returns trigger language plpgsql as $$
begin
    perform tell(array(select distinct unnest(array['p' || id, 'f' || account_id, 't' || thread_id]
        || case when visibility = 'public' and boost_of is null then '{public}'::text[] else '{}' end) from touched));
    return null;
end $$;
create trigger tell_inserted after insert on posts referencing new table as touched for each statement execute function tell_posts();
create trigger tell_updated after update on posts referencing new table as touched for each statement execute function tell_posts();
create trigger tell_deleted after delete on posts referencing old table as touched for each statement execute function tell_posts();

-- Tables whose rows belong to one post.
create function tell_of_post() returns trigger language plpgsql as $$
begin
    perform tell(array(select distinct 'p' || post_id from touched where post_id is not null));
    return null;
end $$;
create trigger tell_updated after update on post_counts referencing new table as touched for each statement execute function tell_of_post();
create trigger tell_inserted after insert on polls referencing new table as touched for each statement execute function tell_of_post();
create trigger tell_updated after update on polls referencing new table as touched for each statement execute function tell_of_post();
create trigger tell_deleted after delete on polls referencing old table as touched for each statement execute function tell_of_post();
create trigger tell_inserted after insert on media referencing new table as touched for each statement execute function tell_of_post();
create trigger tell_updated after update on media referencing new table as touched for each statement execute function tell_of_post();
create trigger tell_left after update on media referencing old table as touched for each statement execute function tell_of_post();
create trigger tell_deleted after delete on media referencing old table as touched for each statement execute function tell_of_post();
create trigger tell_inserted after insert on post_cards referencing new table as touched for each statement execute function tell_of_post();
create trigger tell_updated after update on post_cards referencing new table as touched for each statement execute function tell_of_post();
create trigger tell_deleted after delete on post_cards referencing old table as touched for each statement execute function tell_of_post();

create function tell_cards() returns trigger language plpgsql as $$
begin
    perform tell(array(select 'p' || s.post_id from touched c join post_cards s on s.card_id = c.id));
    return null;
end $$;
create trigger tell_updated after update on cards referencing new table as touched for each statement execute function tell_cards();

-- Tables that say how an account sees others, by whose they are.
create function tell_viewer() returns trigger language plpgsql as $$
begin
    perform tell(array(select distinct 'v' || account_id from touched));
    return null;
end $$;
create function tell_follower() returns trigger language plpgsql as $$
begin
    perform tell(array(select distinct 'v' || follower_id from touched));
    return null;
end $$;
create trigger tell_inserted after insert on follows referencing new table as touched for each statement execute function tell_follower();
create trigger tell_updated after update on follows referencing new table as touched for each statement execute function tell_follower();
create trigger tell_deleted after delete on follows referencing old table as touched for each statement execute function tell_follower();

create function tell_both() returns trigger language plpgsql as $$
begin
    perform tell(array(select distinct unnest(array['v' || account_id, 'v' || target_id]) from touched));
    return null;
end $$;
create trigger tell_inserted after insert on blocks referencing new table as touched for each statement execute function tell_both();
create trigger tell_deleted after delete on blocks referencing old table as touched for each statement execute function tell_both();

do $$
declare
    owned text;
begin
    foreach owned in array '{mutes,thread_mutes,favourites,bookmarks,pins,votes,lists,list_members,filters,followed_tags,announcement_reads}'::text[]
    loop
        execute format('create trigger tell_inserted after insert on %I referencing new table as touched for each statement
            execute function tell_viewer()', owned);
        execute format('create trigger tell_deleted after delete on %I referencing old table as touched for each statement
            execute function tell_viewer()', owned);
    end loop;
    foreach owned in array '{mutes,lists,filters}'::text[] loop
        execute format('create trigger tell_updated after update on %I referencing new table as touched for each statement
            execute function tell_viewer()', owned);
    end loop;
end $$;

create function tell_filter() returns trigger language plpgsql as $$
begin
    perform tell(array(select distinct 'v' || f.account_id from touched t join filters f on f.id = t.filter_id));
    return null;
end $$;
create trigger tell_inserted after insert on filter_keywords referencing new table as touched for each statement execute function tell_filter();
create trigger tell_updated after update on filter_keywords referencing new table as touched for each statement execute function tell_filter();
create trigger tell_deleted after delete on filter_keywords referencing old table as touched for each statement execute function tell_filter();
create trigger tell_inserted after insert on filter_posts referencing new table as touched for each statement execute function tell_filter();
create trigger tell_deleted after delete on filter_posts referencing old table as touched for each statement execute function tell_filter();

-- What an account is told of.
create function tell_receiver() returns trigger language plpgsql as $$
begin
    perform tell(array(select distinct 'n' || account_id from touched));
    return null;
end $$;
create trigger tell_inserted after insert on notifications referencing new table as touched for each statement execute function tell_receiver();
create trigger tell_updated after update on notifications referencing new table as touched for each statement execute function tell_receiver();
create trigger tell_deleted after delete on notifications referencing old table as touched for each statement execute function tell_receiver();
create trigger tell_inserted after insert on markers referencing new table as touched for each statement execute function tell_receiver();
create trigger tell_updated after update on markers referencing new table as touched for each statement execute function tell_receiver();
create trigger tell_deleted after delete on markers referencing old table as touched for each statement execute function tell_receiver();
create trigger tell_inserted after insert on conversations referencing new table as touched for each statement execute function tell_receiver();
create trigger tell_updated after update on conversations referencing new table as touched for each statement execute function tell_receiver();
create trigger tell_deleted after delete on conversations referencing old table as touched for each statement execute function tell_receiver();

create function tell_asked() returns trigger language plpgsql as $$
begin
    perform tell(array(select distinct 'n' || followee_id from touched));
    return null;
end $$;
create trigger tell_inserted after insert on follow_requests referencing new table as touched for each statement execute function tell_asked();
create trigger tell_deleted after delete on follow_requests referencing old table as touched for each statement execute function tell_asked();

-- Accounts, and by what they come in. Where one appears or disappears as a whole, so does what it wrote, answered and boosted, anywhere.
create function tell_accounts() returns trigger language plpgsql as $$
begin
    perform tell(array(select 'a' || id from touched));
    return null;
end $$;
create trigger tell_updated after update on accounts referencing new table as touched for each statement execute function tell_accounts();

create function tell_everything() returns trigger language plpgsql as $$
begin
    perform tell('{*}');
    return null;
end $$;
create trigger tell_state after update on accounts for each row
    when ((old.suspended_at, old.limited_at, old.deleted_at, old.username) is distinct from
          (new.suspended_at, new.limited_at, new.deleted_at, new.username)) execute function tell_everything();
create trigger tell_deleted after delete on accounts for each row execute function tell_everything();
create trigger tell_updated after update on apps for each statement execute function tell_everything();

create function tell_counted() returns trigger language plpgsql as $$
begin
    perform tell(array(select 'a' || account_id from touched));
    return null;
end $$;
create trigger tell_updated after update on account_counts referencing new table as touched for each statement execute function tell_counted();

create function tell_logins() returns trigger language plpgsql as $$
begin
    perform tell(array(select 'l' || account_id from touched));
    return null;
end $$;
create trigger tell_updated after update on logins referencing new table as touched for each statement execute function tell_logins();
create trigger tell_deleted after delete on logins referencing old table as touched for each statement execute function tell_logins();

create function tell_sessions() returns trigger language plpgsql as $$
begin
    perform tell(array(select 's' || id from touched));
    return null;
end $$;
create trigger tell_updated after update on sessions referencing new table as touched for each statement execute function tell_sessions();
create trigger tell_deleted after delete on sessions referencing old table as touched for each statement execute function tell_sessions();

create function tell_tokens() returns trigger language plpgsql as $$
begin
    perform tell(array(select 'o' || id from touched));
    return null;
end $$;
create trigger tell_updated after update on tokens referencing new table as touched for each statement execute function tell_tokens();
create trigger tell_deleted after delete on tokens referencing old table as touched for each statement execute function tell_tokens();

create function tell_news() returns trigger language plpgsql as $$
begin
    perform tell('{news}');
    return null;
end $$;
create trigger tell_changed after insert or update or delete on announcements for each statement execute function tell_news();
