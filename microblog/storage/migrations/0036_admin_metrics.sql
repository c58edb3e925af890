-- Numbers of the moderators' dashboard that would otherwise be counted from all posts or visits of a period: kept by day (UTC), counted with
-- the other statistics of a day. New tables, and an index of a small table: the previous release serves meanwhile, without filling them; the
-- job of this release counts the days that it left out.

-- Public posts and replies, without boosts, by the server and language of their authors.
create table post_days (
    host text not null,  -- empty: this site
    day date not null,
    language text not null,  -- empty: unknown
    posts bigint not null,
    primary key (host, day, language)  -- posts of one server
);
create index post_days_by_day on post_days (day);  -- servers of a period; repeated count of a day

-- Accounts active on a day, by the day of their sign-up.
create table cohort_days (
    signed_up date not null,
    day date not null,
    people integer not null,
    first_of_month integer not null,  -- those of them whose first active day of the month it is: adds up to the people of a month
    primary key (signed_up, day)  -- retention of a period
);
create index cohort_days_by_day on cohort_days (day);  -- repeated count of a day

-- Days that were counted into both tables.
create table counted_days (day date primary key);

create index reports_by_closing on reports (closed_at) where closed_at is not null;  -- reports resolved in a period
