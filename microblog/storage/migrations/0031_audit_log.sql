-- The audit log: what moderators, administrators and the command line did. Names are those of that time, and nothing refers to other tables,
-- so that a row outlives the accounts, reports and rules that it is about. A new table: the previous release serves meanwhile, without
-- writing to it.

create table audit_log (
    id bigint primary key,
    created_at timestamptz not null,
    actor_id bigint,  -- null: the command line
    actor text not null,
    action text not null,
    target text not null,
    target_id bigint,
    account_id bigint,  -- the account that the act is about
    text text not null default '',
    facts json not null default '{}'
);
create index audit_log_by_actor on audit_log (lower(actor), id desc);  -- acts of one person
create index audit_log_by_action on audit_log (action, id desc);  -- acts of one kind
create index audit_log_by_account on audit_log (account_id, id desc) where account_id is not null;  -- history of an account
