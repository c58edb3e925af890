-- Cards: what pages that posts link to say about themselves. One for each address, however many posts link to it; fetched by a job, and
-- again only after a while.
create table cards (
    id bigint primary key,
    url_hash bytea not null unique,  -- sha256: addresses may be longer than an index takes
    url text not null,
    title text not null default '',  -- empty while nothing is known, or where there is nothing to show
    description text not null default '',
    language text,
    author_name text not null default '',
    author_url text not null default '',
    provider_name text not null default '',
    provider_url text not null default '',
    image text not null default '',
    image_description text not null default '',
    width integer not null default 0,
    height integer not null default 0,
    blurhash text,
    published_at timestamptz,
    fetched_at timestamptz,  -- when it was last found out, also that there is nothing
    created_at timestamptz not null
);
create index cards_by_image on cards (image) where image <> '';  -- whether a file is still needed
create index cards_by_time on cards (created_at);  -- the sweep of cards that no post shows

create table post_cards (
    post_id bigint primary key references posts on delete cascade,  -- the card of each post of a page
    card_id bigint not null references cards on delete cascade
);
create index post_cards_by_card on post_cards (card_id);  -- foreign key; whether a post shows it
