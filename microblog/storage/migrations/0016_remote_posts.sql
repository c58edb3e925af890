-- Posts of other servers: parents that are not known yet, addressees without a mention, and media that stay where they are. No rewrite of a
-- table. The previous release can serve meanwhile: it writes only posts of this site, for which the new columns are empty.

-- The parent of a reply whose parent is not known here; null once it is. Such a post is a reply to somebody, and so is not shown where
-- replies to others are not. `reply_to_other` cannot be a generated column any more: changing the expression would rewrite the table.
alter table posts
    add column reply_to_uri text check (length(reply_to_uri) <= 2048),
    alter column reply_to_other drop expression;
alter table posts alter column reply_to_other set default false;
create index posts_by_missing_parent on posts (reply_to_uri) where reply_to_uri is not null;  -- what to attach when the parent arrives

create function set_reply_to_other() returns trigger language plpgsql as $$
begin
    new.reply_to_other := new.reply_to_uri is not null or (new.reply_to_account is not null and new.reply_to_account <> new.account_id);
    return new;
end $$;
create trigger set_reply_to_other before insert on posts for each row
    when (new.reply_to_account is not null or new.reply_to_uri is not null) execute function set_reply_to_other();
create trigger change_reply_to_other before update of reply_to_account, reply_to_uri on posts for each row
    execute function set_reply_to_other();
alter table posts enable always trigger set_reply_to_other, enable always trigger change_reply_to_other;  -- part of the row, not an effect

-- A silent mention: the post was addressed to the account without naming it. The account may see the post, and is not told of it.
alter table mentions add column silent boolean not null default false;

-- Attachments of posts of other servers, as their documents describe them. Nothing here was checked or fetched.
create table remote_media (
    post_id bigint not null references posts on delete cascade,
    place smallint not null,
    kind text not null,  -- type in the document: Document, Image, Video, Audio, Link
    url text not null,
    media_type text not null,
    description text not null,
    blurhash text,
    focus_x real,
    focus_y real,
    width integer,
    height integer,
    preview_url text,
    primary key (post_id, place)
);

-- The planner knows nothing of new columns until autovacuum comes by.
analyze posts (reply_to_uri);
analyze mentions (silent);
