-- Pictures, films and sound: uploaded first, then attached to a post. The files lie in the data directory, under names nobody can guess.
create table media (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    post_id bigint references posts on delete set null,
    place smallint,  -- among the media of its post, from 0; null where an edit took it away and only the history shows it
    kind text not null check (kind in ('image', 'gifv', 'video', 'audio')),
    state text not null default 'waiting' check (state in ('waiting', 'ready', 'failed')),
    original text,  -- file names
    preview text,
    width integer,
    height integer,
    preview_width integer,
    preview_height integer,
    duration double precision,  -- seconds
    frame_rate text,
    bitrate integer,
    blurhash text,
    description text not null default '',
    focus_x real,
    focus_y real,
    created_at timestamptz not null,
    loose_since timestamptz  -- set while nothing holds it; after a day it goes
);
create index media_by_post on media (post_id, place) where post_id is not null;  -- what a post shows; foreign key
create index media_posts on media (post_id desc) where place = 0;  -- timelines of posts with media
create index media_by_account on media (account_id, post_id desc) where place = 0;  -- the same of one account
create index media_accounts on media (account_id);  -- foreign key
create index media_loose on media (loose_since) where loose_since is not null;  -- the sweep
create index media_originals on media (original) where original is not null;  -- whether anybody needs a file
create index media_previews on media (preview) where preview is not null;  -- the same

create index accounts_avatars on accounts (avatar) where avatar is not null;  -- the same
create index accounts_headers on accounts (header) where header is not null;  -- the same

-- What an edition of a post showed: a list of [id, description].
alter table revisions add column media jsonb not null default '[]';
