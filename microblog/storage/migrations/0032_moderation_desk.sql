-- Acts on media and posts, appeals against strikes, and notes of moderators. New tables, and nullable columns without a default: no rewrite,
-- and the previous release can serve meanwhile. It shows no media of accounts that are marked as sensitive as such.

alter table accounts add column sensitized_at timestamptz;  -- all media of the account are shown as sensitive
create trigger invalidate_sensitized after update of sensitized_at on accounts for each row
    when (old.sensitized_at is distinct from new.sensitized_at) execute function invalidate_everything();

alter table account_warnings add column overruled_at timestamptz;  -- the act was undone: by a moderator, or after an appeal
alter table account_warnings add column marked_ids bigint[];  -- posts that the act marked as sensitive: undoing it unmarks no others

-- The appeal against a strike: one at most, approved, rejected or waiting.
create table appeals (
    warning_id bigint primary key references account_warnings on delete cascade,
    text text not null,
    created_at timestamptz not null,
    decided_at timestamptz,
    decided_by bigint references accounts on delete set null,
    approved boolean not null default false
);
create index appeals_waiting on appeals (warning_id) where decided_at is null;  -- the queue
create index appeals_by_moderator on appeals (decided_by) where decided_by is not null;  -- foreign key

-- Notes of moderators about an account, or about a report.
create table moderation_notes (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,  -- the account that it is about
    report_id bigint references reports on delete cascade,
    author_id bigint references accounts on delete set null,
    text text not null,
    created_at timestamptz not null
);
create index moderation_notes_by_account on moderation_notes (account_id, id);  -- notes about an account
create index moderation_notes_by_report on moderation_notes (report_id, id) where report_id is not null;  -- notes about a report
create index moderation_notes_by_author on moderation_notes (author_id) where author_id is not null;  -- foreign key

-- The notification about a strike shows the state of its appeal.
create function invalidate_appeal() returns trigger language plpgsql as $$
begin
    perform invalidate(array['n' || w.account_id]) from account_warnings w where w.id = new.warning_id;
    return null;
end $$;
create trigger invalidate_changed after insert or update on appeals for each row execute function invalidate_appeal();
