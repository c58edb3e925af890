-- The low bits of an id were a plain sequence: the difference of two of one's own ids told how much the whole site had written between them,
-- private messages too. They begin now in each millisecond at a number that only this site can work out, as Mastodon's do:
-- two ids of one millisecond still have different ones, and rise, but those of different milliseconds cannot be compared.
-- The time of an id is not later than the database's clock: what a process made whose clock is ahead would stay on top for as long.
-- The salt is in the function, so that a dump brings it along. In plpgsql, because an SQL function that is not inlined costs twice as much.
do $$
begin
    execute format($made$
        create or replace function new_id(at timestamptz) returns bigint language plpgsql volatile as
        $body$
        declare
            ms bigint := floor(extract(epoch from case when at > clock_timestamp() then clock_timestamp() else at end) * 1000);
        begin
            return (ms << 16) | ((('x' || left(md5(%L || ms), 4))::bit(16)::bigint + nextval('id_sequence')) & 65535);
        end
        $body$
    $made$, replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''));
end $$;
