-- Activities that arrived: how many of a host wait for their effect, and which ones can still be undone. Additions only: the previous
-- release can serve meanwhile. Its rows have no `waiting_host`, so they do not count as waiting.

alter table incoming_activities
    add column waiting_host text,  -- host of the signer while the activity has not had its effect
    alter column body drop not null;  -- null once it has: from then on only `key` matters
create index incoming_activities_waiting on incoming_activities (waiting_host, received_at) where waiting_host is not null;  -- limit of a host
create index favourites_by_activity on favourites (account_id, activity_uri) where activity_uri is not null;  -- Undo

-- What actors of other servers did to something that they may do again: follow, block, favourite, boost. Kept for seven days, so that an
-- Undo that arrives late does not end what was done anew meanwhile.
create table received_actions (
    actor_id bigint not null references accounts on delete cascade,
    uri text not null,
    kind text not null,  -- follow, block, favourite, boost
    target_id bigint not null,  -- account or post
    received_at timestamptz not null,
    primary key (actor_id, uri)
);
create index received_actions_by_target on received_actions (actor_id, kind, target_id);  -- other actions of the same kind
create index received_actions_by_time on received_actions (received_at);  -- cleanup

-- Keys of actors are cached by each process: y<account> is logged when one is stored, replaced or forgotten.
create function invalidate_remote_keys() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select distinct 'y' || account_id from changed_rows));
    return null;
end $$;
create trigger invalidate_inserted after insert on remote_keys
    referencing new table as changed_rows for each statement execute function invalidate_remote_keys();
create trigger invalidate_updated after update on remote_keys
    referencing new table as changed_rows for each statement execute function invalidate_remote_keys();
create trigger invalidate_moved after update on remote_keys  -- the account that a key belonged to
    referencing old table as changed_rows for each statement execute function invalidate_remote_keys();
create trigger invalidate_deleted after delete on remote_keys
    referencing old table as changed_rows for each statement execute function invalidate_remote_keys();
