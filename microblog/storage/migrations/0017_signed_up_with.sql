-- With which program somebody signed up: it alone may ask for another letter to a new account's address, or send it elsewhere.
-- Whoever came by the site, or before this was kept, has none.
alter table logins add column app_id bigint references apps on delete set null;
create index logins_by_app on logins (app_id) where app_id is not null;  -- foreign key
