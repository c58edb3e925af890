-- Notifications of one kind, or from one sender, however many others the account has.
create index notifications_by_kind on notifications (account_id, kind, id desc);  -- the page of some kinds
create index notifications_from on notifications (from_account_id, account_id, id desc);  -- foreign key; undo of a follow; the page of one sender
drop index notifications_by_sender;
