-- The software of other servers with its version, for the administrators' list of servers. A new table only: the previous release, which
-- does not know it, can serve meanwhile.

create table host_software (
    host text primary key,
    name text not null,  -- empty: the server did not tell
    version text not null,
    read_at timestamptz not null
);
