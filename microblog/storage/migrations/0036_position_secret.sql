-- What clients are told as their position in the event log is enciphered (live/position_encoding.py), because a transaction's number and a row's tell
-- how much the site writes. The key belongs to the log, so that all processes on it read each other's positions. A default: programs of before
-- add the row without it.
alter table event_log add column secret text not null default replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
