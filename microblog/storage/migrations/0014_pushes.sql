-- Web Push: programs that want to be told of notifications while they do not run, and what each is told.
create table push_subscriptions (
    id integer generated always as identity primary key,  -- programs keep it in 32 bits
    account_id bigint not null references accounts on delete cascade,
    token_id bigint not null unique references tokens on delete cascade,  -- one for each token; what a program asks for by its token
    endpoint text not null,
    p256dh bytea not null,
    auth bytea not null,
    standard boolean not null,
    alerts text[] not null,  -- kinds of notifications
    policy text not null,
    failures integer not null default 0,  -- in a row
    resting_until timestamptz,
    created_at timestamptz not null
);
create index push_subscriptions_by_account on push_subscriptions (account_id, id);  -- each notification; foreign key

-- A row goes in when the notification is told, and stays for a while after it was delivered or given up, so that nothing is sent twice.
-- There is no foreign key to notifications, so that deleting those costs nothing: what is gone is found to be when its turn comes.
create table pushes (
    subscription_id integer not null references push_subscriptions on delete cascade,
    notification_id bigint not null,
    settled_at timestamptz,
    primary key (subscription_id, notification_id)
);
create index pushes_waiting on pushes (subscription_id, notification_id) where settled_at is null;  -- the next one of a program
create index pushes_settled on pushes (settled_at) where settled_at is not null;  -- the sweep
