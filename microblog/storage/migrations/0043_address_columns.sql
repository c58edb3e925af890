-- Network addresses that accounts sign up from and that their apps use, beside those of sessions, so that moderators find the other accounts
-- of a network. And what is stored of a suspended account of this site is deleted thirty days after the suspension. Columns that are null: no
-- rewrite, so that the tables are locked for a moment only, and the previous release serves meanwhile, without filling them.

alter table users
    add column sign_up_address inet,  -- null: unknown, or old
    add column kept_until timestamptz;  -- if suspended, not deleted before, however long it has been; null: no such time
alter table tokens add column address inet;  -- where the token was last used from; null: unknown, or long ago
