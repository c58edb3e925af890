SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';

CREATE FUNCTION public.invalidate(changed_keys text[]) RETURNS void
    LANGUAGE sql
    AS $$ insert into invalidation_log (keys)
   select case when cardinality(changed_keys) > 500 then '{*}' else changed_keys end where cardinality(changed_keys) > 0 $$;

CREATE FUNCTION public.invalidate_account_counts() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform invalidate(array(select 'a' || account_id from changed_rows));
    return null;
end $$;

CREATE FUNCTION public.invalidate_accounts() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform invalidate(array(select 'a' || id from changed_rows));
    return null;
end $$;

CREATE FUNCTION public.invalidate_announcements() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform invalidate('{news}');
    return null;
end $$;

CREATE FUNCTION public.invalidate_both_accounts() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform invalidate(array(select distinct unnest(array['v' || account_id, 'v' || target_id]) from changed_rows));
    return null;
end $$;

CREATE FUNCTION public.invalidate_cards() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform invalidate(array(select 'p' || s.post_id from changed_rows c join post_cards s on s.card_id = c.id));
    return null;
end $$;

CREATE FUNCTION public.invalidate_everything() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform invalidate('{*}');
    return null;
end $$;

CREATE FUNCTION public.invalidate_filter_owner() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform invalidate(array(select distinct 'v' || f.account_id from changed_rows t join filters f on f.id = t.filter_id));
    return null;
end $$;

CREATE FUNCTION public.invalidate_follow_requests() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform invalidate(array(select distinct 'n' || followee_id from changed_rows));
    return null;
end $$;

CREATE FUNCTION public.invalidate_follower() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform invalidate(array(select distinct 'v' || follower_id from changed_rows));
    return null;
end $$;

CREATE FUNCTION public.invalidate_notifications() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform invalidate(array(select distinct 'n' || account_id from changed_rows));
    return null;
end $$;

CREATE FUNCTION public.invalidate_post_parts() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform invalidate(array(select distinct 'p' || post_id from changed_rows where post_id is not null));
    return null;
end $$;

CREATE FUNCTION public.invalidate_posts() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform invalidate(array(select distinct unnest(array['p' || id, 'f' || account_id, 't' || thread_id]
        || case when visibility = 'public' and boost_of is null then '{public}'::text[] else '{}' end) from changed_rows));
    return null;
end $$;

CREATE FUNCTION public.invalidate_sessions() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform invalidate(array(select 's' || id from changed_rows));
    return null;
end $$;

CREATE FUNCTION public.invalidate_tokens() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform invalidate(array(select 'o' || id from changed_rows));
    return null;
end $$;

CREATE FUNCTION public.invalidate_users() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform invalidate(array(select 'l' || account_id from changed_rows));
    return null;
end $$;

CREATE FUNCTION public.invalidate_viewer() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform invalidate(array(select distinct 'v' || account_id from changed_rows));
    return null;
end $$;

CREATE FUNCTION public.log_deleted_accounts() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into statistics_log (kind, at, account_id) select 'account', created_at, id from deleted_rows;
    return null;
end $$;

CREATE FUNCTION public.log_deleted_favourites() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into statistics_log (kind, at, account_id, subject_id, public, open)
    select 'favourite', g.created_at, g.account_id, g.post_id, p.visibility = 'public', p.visibility in ('public', 'unlisted')
    from deleted_rows g join posts p on p.id = g.post_id;
    return null;
end $$;

CREATE FUNCTION public.log_deleted_follows() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into statistics_log (kind, at, account_id, subject_id) select 'follow', created_at, follower_id, followee_id from deleted_rows;
    return null;
end $$;

CREATE FUNCTION public.log_deleted_post() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into statistics_log (kind, at, account_id, subject_id, public, open)
    select 'boost', old.created_at, old.account_id, o.id, o.visibility = 'public', old.visibility in ('public', 'unlisted')
    from posts o where o.id = old.boost_of;
    if old.boost_of is null then
        insert into statistics_log (kind, at, account_id, subject_id, public, open)
        select case when old.thread_id <> old.id then 'reply' else 'post' end, old.created_at, old.account_id, old.id,
               old.visibility = 'public', old.visibility in ('public', 'unlisted')
        union all
        select 'boost', b.created_at, b.account_id, old.id, old.visibility = 'public', b.visibility in ('public', 'unlisted')
        from posts b where b.boost_of = old.id
        union all
        select 'favourite', f.created_at, f.account_id, old.id, old.visibility = 'public', old.visibility in ('public', 'unlisted')
        from favourites f where f.post_id = old.id;
        insert into statistics_log (kind, at, account_id, subject_id, tag_id, public)
        select 'tag', coalesce(t.used_at, old.created_at), old.account_id, old.id, t.tag_id, true
        from post_tags t where t.post_id = old.id and old.visibility = 'public';
    end if;
    return old;
end $$;

CREATE FUNCTION public.log_deleted_tags() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into statistics_log (kind, at, account_id, subject_id, tag_id, public)
    select 'tag', coalesce(g.used_at, p.created_at), p.account_id, g.post_id, g.tag_id, true
    from deleted_rows g join posts p on p.id = g.post_id where p.visibility = 'public';
    return null;
end $$;

CREATE FUNCTION public.log_email() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into statistics_log (kind, at)
    values (case when new.state in ('sent', 'kept') then 'mail.sent' else 'mail.failed' end, coalesce(new.settled_at, now()));
    return null;
end $$;

CREATE FUNCTION public.new_id(at timestamp with time zone) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
        declare
            ms bigint := floor(extract(epoch from case when at > clock_timestamp() then clock_timestamp() else at end) * 1000);
        begin
            return (ms << 16) | ((('x' || left(md5('0000000000000000000000000000000000000000000000000000000000000000' || ms), 4))::bit(16)::bigint + nextval('id_sequence')) & 65535);
        end
        $$;

CREATE FUNCTION public.record_session_visit() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform record_visit(new.account_id, new.seen_at);
    return null;
end $$;

CREATE FUNCTION public.record_token_visit() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform record_visit(new.account_id, new.used_at);
    return null;
end $$;

CREATE FUNCTION public.record_visit(account bigint, at timestamp with time zone) RETURNS void
    LANGUAGE sql
    AS $$
    insert into visits as v (day, account_id, first_at, last_at) values ((at at time zone 'UTC')::date, account, at, at)
    on conflict (day, account_id) do update set first_at = least(v.first_at, excluded.first_at), last_at = greatest(v.last_at, excluded.last_at)
$$;

CREATE FUNCTION public.search_fold(said text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    select case when octet_length(said) = length(said) then lower(said) else
        replace(replace(replace(replace(translate(
            lower(normalize(regexp_replace(normalize(said, NFKD), '[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670]+', '', 'g'), NFKC)),
            'øđðħıĸłŋŧς', 'oddhiklntσ'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th') end
$$;

CREATE FUNCTION public.search_said(spoiler text, said text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    select regexp_replace(search_fold(spoiler || ' ' || said), '[\u0001-\u0020\u0085\u1680\u2028\u2029]+', ' ', 'g')
$$;

CREATE FUNCTION public.search_spans(post_id bigint, words tsvector) RETURNS tsvector
    LANGUAGE sql IMMUTABLE COST 1000 PARALLEL SAFE
    AS $$
    select array_to_tsvector(array(select (post_id >> 45) || ':' || word from unnest(tsvector_to_array(words)) word))
$$;

CREATE FUNCTION public.search_terms(spoiler text, said text) RETURNS tsvector
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
declare
    links text[];
    plain text;
    words text[];
begin
    if position('://' in said) > 0 then
        links := array(select left(rtrim(search_fold(link[1]), '.,;:!?)'), 128) from regexp_matches(said, 'https?://(\S+)', 'gi') link);
        said := regexp_replace(said, 'https?://([^\s/?#]+)\S*', '\1', 'gi');
    end if;
    plain := regexp_replace(search_fold(spoiler || ' ' || said), '[\u0001-\u002f\u003a-\u0040\u005b-\u005e\u0060\u007b-\u00bf\u00d7\u00f7\u02c2-\u02c5\u02d2-\u02eb\u02ed\u02ef-\u02ff\u0375\u03f6\u0482\u055a-\u055f\u0589-\u058f\u05be\u05c0\u05c3\u05c6\u05f3-\u060f\u061b-\u061f\u066a-\u066d\u06d4\u06dd-\u06de\u06e9\u06fd-\u06fe\u0700-\u070f\u07f6-\u07f9\u07fe-\u07ff\u0830-\u083e\u085e\u0888\u0890-\u0891\u08e2\u0964-\u0965\u0970\u09f2-\u09f3\u09fa-\u09fb\u09fd\u0a76\u0af0-\u0af1\u0b70\u0bf3-\u0bfa\u0c77\u0c7f\u0c84\u0d4f\u0d79\u0df4\u0e3f\u0e4f\u0e5a-\u0e5b\u0f01-\u0f17\u0f1a-\u0f1f\u0f34\u0f36\u0f38\u0f3a-\u0f3d\u0f85\u0fbe-\u0fc5\u0fc7-\u0fda\u104a-\u104f\u109e-\u109f\u10fb\u1360-\u1368\u1390-\u1399\u1400\u166d-\u166e\u1680\u169b-\u169c\u16eb-\u16ed\u1735-\u1736\u17d4-\u17d6\u17d8-\u17db\u1800-\u180a\u180e\u1940-\u1945\u19de-\u19ff\u1a1e-\u1a1f\u1aa0-\u1aa6\u1aa8-\u1aad\u1b5a-\u1b6a\u1b74-\u1b7e\u1bfc-\u1bff\u1c3b-\u1c3f\u1c7e-\u1c7f\u1cc0-\u1cc7\u1cd3\u200b-\u20c0\u2104-\u212e\u213a-\u214d\u214f\u218a-\u244a\u2500-\u2775\u2794-\u2bff\u2ce5-\u2cea\u2cf9-\u2cfc\u2cfe-\u2cff\u2d70\u2e00-\u2e2e\u2e30-\u3004\u3008-\u3020\u3030\u3037\u303d-\u303f\u30a0\u30fb\u3190-\u3191\u31c0-\u31e3\u327f\u4dc0-\u4dff\ua490-\ua4c6\ua4fe-\ua4ff\ua60d-\ua60f\ua673\ua67e\ua6f2-\ua716\ua720-\ua721\ua789-\ua78a\ua828-\ua82b\ua836-\ua839\ua874-\ua877\ua8ce-\ua8cf\ua8f8-\ua8fa\ua8fc\ua92e-\ua92f\ua95f\ua9c1-\ua9cd\ua9de-\ua9df\uaa5c-\uaa5f\uaa77-\uaa79\uaade-\uaadf\uaaf0-\uaaf1\uab5b\uab6a-\uab6b\uabeb\ue000-\uf8ff\ufbb2-\ufdff\ufe45-\ufe46\ufeff-\ufffd\U00010100-\U00010102\U00010137-\U0001013f\U00010179-\U00010189\U0001018c-\U000101fc\U0001039f\U000103d0\U0001056f\U00010857\U00010877-\U00010878\U0001091f\U0001093f\U00010a50-\U00010a58\U00010a7f\U00010ac8\U00010af0-\U00010af6\U00010b39-\U00010b3f\U00010b99-\U00010b9c\U00010ead\U00010f55-\U00010f59\U00010f86-\U00010f89\U00011047-\U0001104d\U000110bb-\U000110c1\U000110cd\U00011140-\U00011143\U00011174-\U00011175\U000111c5-\U000111c8\U000111cd\U000111db\U000111dd-\U000111df\U00011238-\U0001123d\U000112a9\U0001144b-\U0001144f\U0001145a-\U0001145d\U000114c6\U000115c1-\U000115d7\U00011641-\U00011643\U00011660-\U0001166c\U000116b9\U0001173c-\U0001173f\U0001183b\U00011944-\U00011946\U000119e2\U00011a3f-\U00011a46\U00011a9a-\U00011a9c\U00011a9e-\U00011aa2\U00011c41-\U00011c45\U00011c70-\U00011c71\U00011ef7-\U00011ef8\U00011fd5-\U00011fff\U00012470-\U00012474\U00012ff1-\U00012ff2\U00013430-\U00013438\U00016a6e-\U00016a6f\U00016af5\U00016b37-\U00016b3f\U00016b44-\U00016b45\U00016e97-\U00016e9a\U00016fe2\U0001bc9c\U0001bc9f-\U0001bca3\U0001cf50-\U0001d15d\U0001d16a-\U0001d16c\U0001d173-\U0001d17a\U0001d183-\U0001d184\U0001d18c-\U0001d1a9\U0001d1ae-\U0001d241\U0001d245\U0001d300-\U0001d356\U0001d800-\U0001d9ff\U0001da37-\U0001da3a\U0001da6d-\U0001da74\U0001da76-\U0001da83\U0001da85-\U0001da8b\U0001e14f\U0001e2ff\U0001e95e-\U0001e95f\U0001ecac\U0001ecb0\U0001ed2e\U0001eef0-\U0001f0f5\U0001f10d-\U0001fbca\U000e0001-\U000e007f\U000f0000-\U0010fffd]+', ' ', 'g');
    if position('_' in plain) > 0 then
        plain := plain || ' ' || replace(plain, '_', ' ');
    end if;
    if plain ~ '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]' then
        plain := regexp_replace(plain, '([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]{1,2})', ' \1 ', 'g') || ' ' ||
            regexp_replace(regexp_replace(regexp_replace(plain, '[^\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+', ' ', 'g'), '(^| )[^ ]', ' ', 'g'), '([^ ]{1,2})', '\1 ', 'g');
    end if;
    words := array_remove(string_to_array(plain, ' '), '');
    if octet_length(plain) > 2000 then
        words := array(select left(word, 128) from unnest(words) word);
    end if;
    return array_to_tsvector(words || array_remove(links, ''));
end $$;

CREATE FUNCTION public.update_post_words() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if tg_op = 'UPDATE' and new.deleted_at is not null then
        delete from post_words where post_id = new.id;
    else
        insert into post_words values (new.id, search_terms(new.spoiler, new.text))
        on conflict (post_id) do update set words = excluded.words;
    end if;
    return null;
end $$;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public.account_counts (
    account_id bigint NOT NULL,
    followers integer DEFAULT 0 NOT NULL,
    following integer DEFAULT 0 NOT NULL,
    posts integer DEFAULT 0 NOT NULL,
    last_post_on date
)
WITH (fillfactor='70');

CREATE TABLE public.account_notes (
    account_id bigint NOT NULL,
    target_id bigint NOT NULL,
    note text NOT NULL
);

CREATE TABLE public.account_warnings (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    moderator_id bigint,
    report_id bigint,
    action text NOT NULL,
    text text NOT NULL,
    post_ids bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.accounts (
    id bigint NOT NULL,
    username text NOT NULL,
    display_name text DEFAULT ''::text NOT NULL,
    bio text DEFAULT ''::text NOT NULL,
    bio_html text DEFAULT ''::text NOT NULL,
    fields jsonb DEFAULT '[]'::jsonb NOT NULL,
    locked boolean DEFAULT false NOT NULL,
    bot boolean DEFAULT false NOT NULL,
    discoverable boolean DEFAULT true NOT NULL,
    indexable boolean DEFAULT true NOT NULL,
    hide_relations boolean DEFAULT false NOT NULL,
    avatar text,
    header text,
    created_at timestamp with time zone NOT NULL,
    suspended_at timestamp with time zone,
    limited_at timestamp with time zone,
    deleted_at timestamp with time zone,
    CONSTRAINT accounts_username_check CHECK ((username ~ '^[A-Za-z0-9_]{1,30}$'::text))
);

CREATE TABLE public.announcement_reactions (
    announcement_id bigint NOT NULL,
    account_id bigint NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.announcement_reads (
    announcement_id bigint NOT NULL,
    account_id bigint NOT NULL
);

CREATE TABLE public.announcements (
    id bigint NOT NULL,
    text text NOT NULL,
    html text NOT NULL,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    all_day boolean DEFAULT false NOT NULL,
    published_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

CREATE TABLE public.apps (
    id bigint NOT NULL,
    client_id text NOT NULL,
    secret_hash bytea NOT NULL,
    name text NOT NULL,
    website text,
    redirect_uris text[] NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.blocks (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    target_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT blocks_check CHECK ((account_id <> target_id))
);

CREATE TABLE public.bookmarks (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    post_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.cards (
    id bigint NOT NULL,
    url_hash bytea NOT NULL,
    url text NOT NULL,
    title text DEFAULT ''::text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    language text,
    author_name text DEFAULT ''::text NOT NULL,
    author_url text DEFAULT ''::text NOT NULL,
    provider_name text DEFAULT ''::text NOT NULL,
    provider_url text DEFAULT ''::text NOT NULL,
    image text DEFAULT ''::text NOT NULL,
    image_description text DEFAULT ''::text NOT NULL,
    width integer DEFAULT 0 NOT NULL,
    height integer DEFAULT 0 NOT NULL,
    blurhash text,
    published_at timestamp with time zone,
    fetched_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.connection_samples (
    slot timestamp with time zone NOT NULL,
    process text NOT NULL,
    peak integer NOT NULL
);

CREATE TABLE public.conversations (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    thread_id bigint NOT NULL,
    participants bigint[] NOT NULL,
    last_post_id bigint,
    unread boolean NOT NULL
);

CREATE TABLE public.dismissed_suggestions (
    account_id bigint NOT NULL,
    target_id bigint NOT NULL
);

CREATE TABLE public.domain_blocks (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    domain text NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.emails (
    id bigint NOT NULL,
    kind text NOT NULL,
    account_id bigint,
    recipient text NOT NULL,
    about bigint,
    key text,
    data jsonb DEFAULT '{}'::jsonb NOT NULL,
    message_id text,
    state text DEFAULT 'waiting'::text NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    answer text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT emails_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'sent'::text, 'deferred'::text, 'refused'::text, 'kept'::text, 'cancelled'::text, 'failed'::text])))
);

CREATE TABLE public.endorsements (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    target_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.event_log (
    only_row boolean DEFAULT true NOT NULL,
    epoch text NOT NULL,
    cluster bigint NOT NULL,
    secret text DEFAULT replace(((gen_random_uuid())::text || (gen_random_uuid())::text), '-'::text, ''::text) NOT NULL,
    CONSTRAINT event_log_only_row_check CHECK (only_row)
);

CREATE TABLE public.events (
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL,
    account_id bigint,
    subject_id bigint,
    post_id bigint,
    data jsonb DEFAULT '{}'::jsonb NOT NULL,
    at timestamp with time zone NOT NULL
);

ALTER TABLE public.events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.favourites (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    post_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.featured_tags (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    tag_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.filter_keywords (
    id bigint NOT NULL,
    filter_id bigint NOT NULL,
    keyword text NOT NULL,
    whole_word boolean NOT NULL
);

CREATE TABLE public.filter_posts (
    id bigint NOT NULL,
    filter_id bigint NOT NULL,
    post_id bigint NOT NULL
);

CREATE TABLE public.filters (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    title text NOT NULL,
    contexts text[] NOT NULL,
    action text DEFAULT 'warn'::text NOT NULL,
    expires_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT filters_action_check CHECK ((action = ANY (ARRAY['warn'::text, 'hide'::text, 'blur'::text]))),
    CONSTRAINT filters_contexts_check CHECK (((contexts <> '{}'::text[]) AND (contexts <@ '{home,notifications,public,thread,account}'::text[])))
);

CREATE TABLE public.follow_requests (
    id bigint NOT NULL,
    follower_id bigint NOT NULL,
    followee_id bigint NOT NULL,
    boosts boolean DEFAULT true NOT NULL,
    notify boolean DEFAULT false NOT NULL,
    languages text[],
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT follow_requests_check CHECK ((follower_id <> followee_id))
);

CREATE TABLE public.followed_tags (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    tag_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.follows (
    id bigint NOT NULL,
    follower_id bigint NOT NULL,
    followee_id bigint NOT NULL,
    boosts boolean DEFAULT true NOT NULL,
    notify boolean DEFAULT false NOT NULL,
    languages text[],
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT follows_check CHECK ((follower_id <> followee_id))
);

CREATE SEQUENCE public.id_sequence
    START WITH 0
    INCREMENT BY 1
    MINVALUE 0
    MAXVALUE 65535
    CACHE 1
    CYCLE;

CREATE TABLE public.idempotency_keys (
    account_id bigint NOT NULL,
    key text NOT NULL,
    post_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.invalidation_log (
    id bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    keys text[] NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.invalidation_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.invalidation_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.invites (
    id bigint NOT NULL,
    code text NOT NULL,
    created_by bigint,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    uses integer DEFAULT 0 NOT NULL,
    max_uses integer
);

CREATE TABLE public.jobs (
    id bigint NOT NULL,
    kind text NOT NULL,
    key text,
    payload jsonb DEFAULT '{}'::jsonb NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    lease_until timestamp with time zone,
    worker text,
    last_error text DEFAULT ''::text NOT NULL,
    CONSTRAINT jobs_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'running'::text, 'done'::text, 'dead'::text])))
);

CREATE TABLE public.known_browsers (
    account_id bigint NOT NULL,
    token_hash bytea NOT NULL,
    seen_at timestamp with time zone NOT NULL
);

CREATE TABLE public.list_members (
    id bigint NOT NULL,
    list_id bigint NOT NULL,
    account_id bigint NOT NULL,
    member_id bigint NOT NULL
);

CREATE TABLE public.lists (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    title text NOT NULL,
    replies_policy text DEFAULT 'list'::text NOT NULL,
    exclusive boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT lists_replies_policy_check CHECK ((replies_policy = ANY (ARRAY['followed'::text, 'list'::text, 'none'::text])))
);

CREATE TABLE public.markers (
    account_id bigint NOT NULL,
    timeline text NOT NULL,
    last_read_id bigint NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT markers_timeline_check CHECK ((timeline = ANY (ARRAY['home'::text, 'notifications'::text])))
);

CREATE TABLE public.media (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    post_id bigint,
    place smallint,
    kind text NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    original text,
    preview text,
    width integer,
    height integer,
    preview_width integer,
    preview_height integer,
    duration double precision,
    frame_rate text,
    bitrate integer,
    blurhash text,
    description text DEFAULT ''::text NOT NULL,
    focus_x real,
    focus_y real,
    created_at timestamp with time zone NOT NULL,
    unattached_since timestamp with time zone,
    scheduled_id bigint,
    problem text,
    CONSTRAINT media_kind_check CHECK ((kind = ANY (ARRAY['image'::text, 'gifv'::text, 'video'::text, 'audio'::text]))),
    CONSTRAINT media_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'ready'::text, 'failed'::text])))
);

CREATE TABLE public.mentions (
    post_id bigint NOT NULL,
    account_id bigint NOT NULL
);

CREATE TABLE public.migrations (
    number integer NOT NULL,
    name text NOT NULL,
    digest text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.mutes (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    target_id bigint NOT NULL,
    notifications boolean DEFAULT true NOT NULL,
    expires_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT mutes_check CHECK ((account_id <> target_id))
);

CREATE TABLE public.notification_permissions (
    account_id bigint NOT NULL,
    from_account_id bigint NOT NULL
);

CREATE TABLE public.notification_policies (
    account_id bigint NOT NULL,
    not_following text DEFAULT 'accept'::text NOT NULL,
    not_followers text DEFAULT 'accept'::text NOT NULL,
    new_accounts text DEFAULT 'accept'::text NOT NULL,
    private_mentions text DEFAULT 'filter'::text NOT NULL,
    limited_accounts text DEFAULT 'filter'::text NOT NULL,
    CONSTRAINT notification_policies_limited_accounts_check CHECK ((limited_accounts = ANY (ARRAY['accept'::text, 'filter'::text, 'drop'::text]))),
    CONSTRAINT notification_policies_new_accounts_check CHECK ((new_accounts = ANY (ARRAY['accept'::text, 'filter'::text, 'drop'::text]))),
    CONSTRAINT notification_policies_not_followers_check CHECK ((not_followers = ANY (ARRAY['accept'::text, 'filter'::text, 'drop'::text]))),
    CONSTRAINT notification_policies_not_following_check CHECK ((not_following = ANY (ARRAY['accept'::text, 'filter'::text, 'drop'::text]))),
    CONSTRAINT notification_policies_private_mentions_check CHECK ((private_mentions = ANY (ARRAY['accept'::text, 'filter'::text, 'drop'::text])))
);

CREATE TABLE public.notification_requests (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    from_account_id bigint NOT NULL,
    last_post_id bigint,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

CREATE TABLE public.notifications (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    kind text NOT NULL,
    from_account_id bigint NOT NULL,
    post_id bigint,
    group_key text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    filtered boolean DEFAULT false NOT NULL,
    report_id bigint,
    warning_id bigint
);

CREATE TABLE public.oauth_codes (
    code_hash bytea NOT NULL,
    app_id bigint NOT NULL,
    account_id bigint NOT NULL,
    redirect_uri text NOT NULL,
    scopes text[] NOT NULL,
    challenge text,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    token_id bigint
);

CREATE TABLE public.pins (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    post_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.polls (
    id bigint NOT NULL,
    post_id bigint NOT NULL,
    options text[] NOT NULL,
    counts integer[] NOT NULL,
    voters integer DEFAULT 0 NOT NULL,
    multiple boolean NOT NULL,
    hide_totals boolean NOT NULL,
    expires_at timestamp with time zone NOT NULL
)
WITH (fillfactor='70');

CREATE TABLE public.post_cards (
    post_id bigint NOT NULL,
    card_id bigint NOT NULL
);

CREATE TABLE public.post_counts (
    post_id bigint NOT NULL,
    replies integer DEFAULT 0 NOT NULL,
    boosts integer DEFAULT 0 NOT NULL,
    favourites integer DEFAULT 0 NOT NULL
)
WITH (fillfactor='70');

CREATE TABLE public.post_tags (
    tag_id bigint NOT NULL,
    post_id bigint NOT NULL,
    used_at timestamp with time zone
);

CREATE TABLE public.post_words (
    post_id bigint NOT NULL,
    words tsvector NOT NULL
);

CREATE TABLE public.posts (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    text text NOT NULL,
    html text NOT NULL,
    visibility text NOT NULL,
    spoiler text DEFAULT ''::text NOT NULL,
    sensitive boolean DEFAULT false NOT NULL,
    language text,
    reply_to bigint,
    reply_to_account bigint,
    reply_to_other boolean GENERATED ALWAYS AS (((reply_to_account IS NOT NULL) AND (reply_to_account <> account_id))) STORED NOT NULL,
    thread_id bigint NOT NULL,
    boost_of bigint,
    application text,
    created_at timestamp with time zone NOT NULL,
    edited_at timestamp with time zone,
    deleted_at timestamp with time zone,
    application_website text,
    CONSTRAINT posts_visibility_check CHECK ((visibility = ANY (ARRAY['public'::text, 'unlisted'::text, 'private'::text, 'direct'::text])))
)
WITH (autovacuum_vacuum_insert_scale_factor='0.01');

CREATE TABLE public.push_deliveries (
    subscription_id integer NOT NULL,
    notification_id bigint NOT NULL,
    settled_at timestamp with time zone
);

CREATE TABLE public.push_subscriptions (
    id integer NOT NULL,
    account_id bigint NOT NULL,
    token_id bigint NOT NULL,
    endpoint text NOT NULL,
    p256dh bytea NOT NULL,
    auth bytea NOT NULL,
    standard boolean NOT NULL,
    alerts text[] NOT NULL,
    policy text NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    resting_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE public.push_subscriptions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.push_subscriptions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.reports (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    target_id bigint NOT NULL,
    post_ids bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    comment text DEFAULT ''::text NOT NULL,
    category text DEFAULT 'other'::text NOT NULL,
    forwarded boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    closed_by bigint,
    rules text[] DEFAULT '{}'::text[] NOT NULL,
    assigned_to bigint,
    CONSTRAINT reports_category_check CHECK ((category = ANY (ARRAY['spam'::text, 'legal'::text, 'violation'::text, 'other'::text])))
);

CREATE TABLE public.revisions (
    post_id bigint NOT NULL,
    id bigint NOT NULL,
    text text NOT NULL,
    html text NOT NULL,
    spoiler text NOT NULL,
    sensitive boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    media jsonb DEFAULT '[]'::jsonb NOT NULL,
    options text[]
);

CREATE TABLE public.scheduled_posts (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    scheduled_at timestamp with time zone NOT NULL,
    draft jsonb NOT NULL,
    key text,
    problem text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.sessions (
    id bigint NOT NULL,
    token_hash bytea NOT NULL,
    account_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    address text DEFAULT ''::text NOT NULL,
    user_agent text DEFAULT ''::text NOT NULL
);

CREATE TABLE public.statistics (
    zone text NOT NULL,
    day date NOT NULL,
    measure text NOT NULL,
    value bigint NOT NULL,
    detail jsonb DEFAULT '[]'::jsonb NOT NULL
);

CREATE TABLE public.statistics_log (
    kind text NOT NULL,
    at timestamp with time zone NOT NULL,
    account_id bigint,
    subject_id bigint,
    tag_id bigint,
    public boolean DEFAULT false NOT NULL,
    open boolean DEFAULT true NOT NULL,
    CONSTRAINT statistics_log_kind_check CHECK ((kind = ANY (ARRAY['account'::text, 'post'::text, 'reply'::text, 'boost'::text, 'favourite'::text, 'follow'::text, 'tag'::text, 'mail.sent'::text, 'mail.failed'::text])))
);

CREATE TABLE public.tags (
    id bigint NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    uses integer DEFAULT 0 NOT NULL
);

CREATE TABLE public.thread_mutes (
    account_id bigint NOT NULL,
    thread_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.timer_runs (
    timer text NOT NULL,
    tick timestamp with time zone NOT NULL
);

CREATE TABLE public.tokens (
    id bigint NOT NULL,
    token_hash bytea NOT NULL,
    app_id bigint NOT NULL,
    account_id bigint,
    scopes text[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    revoked_at timestamp with time zone
);

CREATE TABLE public.users (
    account_id bigint NOT NULL,
    email text NOT NULL,
    password_hash text NOT NULL,
    role text DEFAULT 'user'::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    confirmed_at timestamp with time zone,
    approved_at timestamp with time zone,
    disabled_at timestamp with time zone,
    reason text DEFAULT ''::text NOT NULL,
    preferences jsonb DEFAULT '{}'::jsonb NOT NULL,
    invite_id bigint,
    new_email text,
    app_id bigint,
    CONSTRAINT users_role_check CHECK ((role = ANY (ARRAY['user'::text, 'moderator'::text, 'admin'::text])))
);

CREATE TABLE public.visits (
    day date NOT NULL,
    account_id bigint NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL
)
WITH (fillfactor='80');

CREATE TABLE public.votes (
    poll_id bigint NOT NULL,
    account_id bigint NOT NULL,
    choice smallint NOT NULL,
    created_at timestamp with time zone NOT NULL
);

INSERT INTO public.account_counts VALUES
	(117701374091869831, 0, 0, 0, NULL),
	(117701374436343114, 0, 0, 0, NULL),
	(117701373441293311, 1, 0, 1, '2026-11-29'),
	(117701373735866893, 0, 1, 2, '2026-11-29');

INSERT INTO public.accounts VALUES
	(117701373441293311, 'ann', '', '', '', '[]', false, false, true, true, false, NULL, NULL, '2026-11-29 19:27:09.707684+00', NULL, NULL, NULL),
	(117701373735866893, 'ben', '', '', '', '[]', false, false, true, true, false, NULL, NULL, '2026-11-29 19:27:14.202737+00', NULL, NULL, NULL),
	(117701374091869831, 'cem', '', '', '', '[]', false, false, true, true, false, NULL, NULL, '2026-11-29 19:27:19.634515+00', NULL, NULL, NULL),
	(117701374436343114, 'dia', '', '', '', '[]', false, false, true, true, false, NULL, NULL, '2026-11-29 19:27:24.890156+00', NULL, NULL, NULL);

INSERT INTO public.announcements VALUES
	(117701375609480164, 'Welcome!', '<p>Welcome!</p>', NULL, NULL, false, '2026-11-29 19:27:42.791409+00', '2026-11-29 19:27:42.791409+00');

INSERT INTO public.apps VALUES
	(117701374783873845, 'v-kYA1skFHHkAvllFXfXaoJIJdBroq27vV_4y6N2oCk', '\x3d79fb15f13e144913e3572202ce69f8862e5a7640d1f0a2879e45f9db1b71ca', 'Script', NULL, '{}', '{read,write,push,admin:read,admin:write}', '2026-11-29 19:27:30.193632+00'),
	(117701375131425613, 'p7iztn-W3Ma7s4zV8TITzv7VnxKHlejFEzKAqrZTwVI', '\xe469c69cf97891499c974c4eb94aa5a95b6f80df707f30f7835074f2a1d2332b', 'Script', NULL, '{}', '{read,write,push,admin:read,admin:write}', '2026-11-29 19:27:35.496962+00');

INSERT INTO public.blocks VALUES
	(117701375249489354, 117701373735866893, 117701374091869831, '2026-11-29 19:27:37.298213+00');

INSERT INTO public.bookmarks VALUES
	(117701375232170526, 117701373735866893, 117701375214437162, '2026-11-29 19:27:37.033691+00');

INSERT INTO public.conversations VALUES
	(117701375224675557, 117701373441293311, 117701375224675555, '{117701373735866893}', 117701375224675555, true),
	(117701375224675558, 117701373735866893, 117701375224675555, '{117701373441293311}', 117701375224675555, false);

INSERT INTO public.emails VALUES
	(117701375271440709, 'mention', 117701373441293311, 'ann@example.org', 117701375226631343, '117701375224675555', '{}', NULL, 'waiting', 0, '', '2026-11-29 19:27:37.633166+00', NULL),
	(117701375271440711, 'follow', 117701373441293311, 'ann@example.org', 117701375245803487, '117701373735866893', '{}', NULL, 'waiting', 0, '', '2026-11-29 19:27:37.633276+00', NULL),
	(117701375271440713, 'mention', 117701373441293311, 'ann@example.org', 117701375227208263, '117701375222206458', '{}', NULL, 'waiting', 0, '', '2026-11-29 19:27:37.633241+00', NULL);

INSERT INTO public.endorsements VALUES
	(117701375248274803, 117701373735866893, 117701373441293311, '2026-11-29 19:27:37.279714+00');

INSERT INTO public.event_log VALUES
	(true, '8f1185b3d695', 7713677168972007034, 'd9e0ee0387814bfbbd91a382a7eb55cc1004b35f1c944de5838ebb8277ef0fa8');

INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES
	('784', 1, 'post.published', 117701373441293311, NULL, 117701375214437162, '{"tags": ["tea"], "thread": 117701375214437162, "boost_of": null, "language": null, "mentions": [], "reply_to": null, "visibility": "public", "boost_author": null, "reply_to_account": null}', '2026-11-29 19:27:36.763419+00'),
	('787', 2, 'post.published', 117701373735866893, NULL, 117701375222206458, '{"tags": [], "thread": 117701375214437162, "boost_of": null, "language": null, "mentions": [117701373441293311], "reply_to": 117701375214437162, "visibility": "public", "boost_author": null, "reply_to_account": 117701373441293311}', '2026-11-29 19:27:36.881335+00'),
	('789', 3, 'conversation.changed', 117701373441293311, NULL, 117701375224675555, '{"mentions": [117701373735866893], "conversation": "117701375224675557"}', '2026-11-29 19:27:36.919235+00'),
	('789', 4, 'conversation.changed', 117701373735866893, NULL, 117701375224675555, '{"mentions": [117701373441293311], "conversation": "117701375224675558"}', '2026-11-29 19:27:36.919235+00'),
	('789', 5, 'post.published', 117701373735866893, NULL, 117701375224675555, '{"tags": [], "thread": 117701375224675555, "boost_of": null, "language": null, "mentions": [117701373441293311], "reply_to": null, "visibility": "direct", "boost_author": null, "reply_to_account": null}', '2026-11-29 19:27:36.919235+00'),
	('792', 6, 'notified', 117701373441293311, 117701373735866893, 117701375224675555, '{"kind": "mention", "notification": "117701375226631343"}', '2026-11-29 19:27:36.949904+00'),
	('790', 7, 'notified', 117701373441293311, 117701373735866893, 117701375222206458, '{"kind": "mention", "notification": "117701375227208263"}', '2026-11-29 19:27:36.958546+00'),
	('793', 8, 'notified', 117701373441293311, 117701373735866893, 117701375214437162, '{"kind": "favourite", "notification": "117701375227355750"}', '2026-11-29 19:27:36.960051+00'),
	('797', 9, 'notified', 117701373441293311, 117701373735866893, 117701375214437162, '{"kind": "reblog", "notification": "117701375233331786"}', '2026-11-29 19:27:37.051801+00'),
	('797', 10, 'post.published', 117701373735866893, NULL, 117701375233113695, '{"tags": [], "thread": 117701375233113695, "boost_of": 117701375214437162, "language": null, "mentions": [], "reply_to": null, "visibility": "public", "boost_author": 117701373441293311, "reply_to_account": null}', '2026-11-29 19:27:37.048637+00'),
	('801', 11, 'followed', 117701373735866893, 117701373441293311, NULL, '{"boosts": true, "languages": null}', '2026-11-29 19:27:37.226927+00'),
	('801', 12, 'notified', 117701373441293311, 117701373735866893, NULL, '{"kind": "follow", "notification": "117701375245803487"}', '2026-11-29 19:27:37.241096+00'),
	('803', 13, 'blocked', 117701373735866893, 117701374091869831, NULL, '{}', '2026-11-29 19:27:37.298213+00'),
	('804', 14, 'muted', 117701373735866893, 117701374436343114, NULL, '{"until": "2029-08-25T19:27:37.313008+00:00"}', '2026-11-29 19:27:37.317024+00'),
	('805', 15, 'list.changed', 117701373735866893, NULL, NULL, '{"list": "117701375252279011", "added": [], "policy": "list", "removed": [], "exclusive": false}', '2026-11-29 19:27:37.342537+00'),
	('806', 16, 'list.changed', 117701373735866893, NULL, NULL, '{"list": "117701375252279011", "added": [117701373441293311], "policy": "list", "removed": [], "exclusive": false}', '2026-11-29 19:27:37.353024+00'),
	('807', 17, 'filters.changed', 117701373735866893, NULL, NULL, '{}', '2026-11-29 19:27:37.392931+00'),
	('808', 18, 'tag.followed', 117701373735866893, NULL, NULL, '{"tag": "tea"}', '2026-11-29 19:27:37.416002+00'),
	('810', 19, 'notified', 117701373441293311, 117701373735866893, NULL, '{"kind": "admin.report", "notification": "117701375260034297"}', '2026-11-29 19:27:37.459891+00'),
	('810', 20, 'notified', 117701374436343114, 117701373735866893, NULL, '{"kind": "admin.report", "notification": "117701375260034298"}', '2026-11-29 19:27:37.459891+00'),
	('819', 21, 'announced', NULL, NULL, NULL, '{"announcement": "117701375609480164"}', '2026-11-29 19:27:42.812928+00');

INSERT INTO public.favourites VALUES
	(117701375227055488, 117701373735866893, 117701375214437162, '2026-11-29 19:27:36.955969+00');

INSERT INTO public.featured_tags VALUES
	(117701375259163335, 117701373735866893, 117701375214437163, '2026-11-29 19:27:37.445414+00');

INSERT INTO public.filter_keywords VALUES
	(117701375255222257, 117701375254494063, 'spoiler', true);

INSERT INTO public.filters VALUES
	(117701375254494063, 117701373735866893, 'Spoilers', '{home}', 'warn', NULL, '2026-11-29 19:27:37.374939+00');

INSERT INTO public.followed_tags VALUES
	(117701375257188579, 117701373735866893, 117701375214437163, '2026-11-29 19:27:37.415446+00');

INSERT INTO public.follows VALUES
	(117701375244795132, 117701373735866893, 117701373441293311, true, false, NULL, '2026-11-29 19:27:37.226927+00');

INSERT INTO public.invalidation_log OVERRIDING SYSTEM VALUE VALUES
	(1, '783', '{o117701374783873846}', '2026-11-29 19:27:36.756877+00'),
	(2, '784', '{f117701373441293311,p117701375214437162,public,t117701375214437162}', '2026-11-29 19:27:36.765056+00'),
	(3, '784', '{a117701373441293311}', '2026-11-29 19:27:36.765056+00'),
	(4, '784', '{p117701375214437162}', '2026-11-29 19:27:36.765056+00'),
	(5, '785', '{o117701375131425614}', '2026-11-29 19:27:36.812445+00'),
	(6, '786', '{v117701373735866893}', '2026-11-29 19:27:36.812431+00'),
	(7, '786', '{p117701375214437162}', '2026-11-29 19:27:36.812431+00'),
	(8, '787', '{f117701373735866893,p117701375222206458,public,t117701375214437162}', '2026-11-29 19:27:36.879519+00'),
	(9, '787', '{a117701373735866893}', '2026-11-29 19:27:36.879519+00'),
	(10, '787', '{p117701375214437162}', '2026-11-29 19:27:36.879519+00'),
	(11, '789', '{f117701373735866893,p117701375224675555,t117701375224675555}', '2026-11-29 19:27:36.919313+00'),
	(12, '789', '{n117701373441293311,n117701373735866893}', '2026-11-29 19:27:36.919313+00'),
	(13, '793', '{v117701373735866893}', '2026-11-29 19:27:36.955116+00'),
	(14, '792', '{n117701373441293311}', '2026-11-29 19:27:36.949513+00'),
	(15, '793', '{p117701375214437162}', '2026-11-29 19:27:36.955116+00'),
	(16, '790', '{n117701373441293311}', '2026-11-29 19:27:36.937223+00'),
	(17, '793', '{n117701373441293311}', '2026-11-29 19:27:36.955116+00'),
	(18, '796', '{v117701373735866893}', '2026-11-29 19:27:37.017165+00'),
	(19, '797', '{f117701373735866893,p117701375233113695,t117701375233113695}', '2026-11-29 19:27:37.047708+00'),
	(20, '797', '{a117701373735866893}', '2026-11-29 19:27:37.047708+00'),
	(21, '797', '{p117701375214437162}', '2026-11-29 19:27:37.047708+00'),
	(22, '797', '{n117701373441293311}', '2026-11-29 19:27:37.047708+00'),
	(23, '798', '{v117701373735866893}', '2026-11-29 19:27:37.08137+00'),
	(24, '799', '{v117701373441293311}', '2026-11-29 19:27:37.134887+00'),
	(25, '801', '{v117701373735866893}', '2026-11-29 19:27:37.211684+00'),
	(26, '801', '{a117701373441293311,a117701373735866893}', '2026-11-29 19:27:37.211684+00'),
	(27, '801', '{n117701373441293311}', '2026-11-29 19:27:37.211684+00'),
	(28, '803', '{v117701373735866893,v117701374091869831}', '2026-11-29 19:27:37.297051+00'),
	(29, '804', '{v117701373735866893}', '2026-11-29 19:27:37.316781+00'),
	(30, '805', '{v117701373735866893}', '2026-11-29 19:27:37.33839+00'),
	(31, '806', '{v117701373735866893}', '2026-11-29 19:27:37.348227+00'),
	(32, '807', '{v117701373735866893}', '2026-11-29 19:27:37.372792+00'),
	(33, '807', '{v117701373735866893}', '2026-11-29 19:27:37.372792+00'),
	(34, '808', '{v117701373735866893}', '2026-11-29 19:27:37.414618+00'),
	(35, '810', '{n117701373441293311,n117701374436343114}', '2026-11-29 19:27:37.457951+00'),
	(36, '811', '{n117701373735866893}', '2026-11-29 19:27:37.486073+00'),
	(37, '819', '{news}', '2026-11-29 19:27:42.79369+00');

INSERT INTO public.invites VALUES
	(117701376032755915, 'QLwCygz89uXg', NULL, '2026-11-29 19:27:49.249079+00', NULL, 0, NULL);

INSERT INTO public.jobs VALUES
	(117701375214437165, 'poll.close', '117701375214437164 2026-12-06T19:27:36.763419+00:00', '{"poll": "117701375214437164"}', 'waiting', 0, '2026-12-06 19:27:36.763419+00', '2026-11-29 19:27:36.763419+00', NULL, NULL, NULL, NULL, ''),
	(117701375224675556, 'post.notify', NULL, '{"post": "117701375224675555"}', 'done', 1, '2026-11-29 19:27:36.919235+00', '2026-11-29 19:27:36.919235+00', '2026-11-29 19:27:36.945054+00', '2026-11-29 19:27:36.965696+00', NULL, 'vm.9710.29f639c7', ''),
	(117701375222206459, 'post.notify', NULL, '{"post": "117701375222206458"}', 'done', 1, '2026-11-29 19:27:36.881335+00', '2026-11-29 19:27:36.881335+00', '2026-11-29 19:27:36.902007+00', '2026-11-29 19:27:36.998434+00', NULL, 'vm.9710.29f639c7', ''),
	(117701375240908238, 'post.publish_scheduled', '117701375240706606 2027-11-29T19:27:37.157605+00:00', '{"scheduled": "117701375240706606"}', 'waiting', 0, '2027-11-29 19:27:37.157605+00', '2026-11-29 19:27:37.16737+00', NULL, NULL, NULL, NULL, ''),
	(117701375271440710, 'email.send', '117701375271440709', '{"email": "117701375271440709"}', 'waiting', 0, '2026-11-29 19:28:36.949904+00', '2026-11-29 19:27:37.633166+00', NULL, NULL, NULL, NULL, ''),
	(117701375271440712, 'email.send', '117701375271440711', '{"email": "117701375271440711"}', 'waiting', 0, '2026-11-29 19:28:37.241096+00', '2026-11-29 19:27:37.633276+00', NULL, NULL, NULL, NULL, ''),
	(117701375271440714, 'email.send', '117701375271440713', '{"email": "117701375271440713"}', 'waiting', 0, '2026-11-29 19:28:36.958546+00', '2026-11-29 19:27:37.633241+00', NULL, NULL, NULL, NULL, ''),
	(117701375226631344, 'email.notification', NULL, '{"notifications": ["117701375226631343"]}', 'done', 1, '2026-11-29 19:27:36.949904+00', '2026-11-29 19:27:36.949904+00', '2026-11-29 19:27:37.629884+00', '2026-11-29 19:27:37.637825+00', NULL, 'vm.9710.fc888a59', ''),
	(117701375245803488, 'email.notification', NULL, '{"notifications": ["117701375245803487"]}', 'done', 1, '2026-11-29 19:27:37.241096+00', '2026-11-29 19:27:37.241096+00', '2026-11-29 19:27:37.629884+00', '2026-11-29 19:27:37.638672+00', NULL, 'vm.9710.fc888a59', ''),
	(117701375227208264, 'email.notification', NULL, '{"notifications": ["117701375227208263"]}', 'done', 1, '2026-11-29 19:27:36.958546+00', '2026-11-29 19:27:36.958546+00', '2026-11-29 19:27:37.629884+00', '2026-11-29 19:27:37.638934+00', NULL, 'vm.9710.fc888a59', '');

INSERT INTO public.list_members VALUES
	(117701375252927746, 117701375252279011, 117701373735866893, 117701373441293311);

INSERT INTO public.lists VALUES
	(117701375252279011, 117701373735866893, 'Friends', 'list', false, '2026-11-29 19:27:37.340162+00');

INSERT INTO public.markers VALUES
	(117701373735866893, 'home', 1, 1, '2026-11-29 19:27:37.48584+00');

INSERT INTO public.mentions VALUES
	(117701375222206458, 117701373441293311),
	(117701375224675555, 117701373441293311);

INSERT INTO public.migrations VALUES
	(1, '0001_initial.sql', 'b3450a8224f2c9392dabc2b14adfe8f1e65f654c58f9b27f384621df9ca5595f', '2026-11-29 19:27:05.642383+00');

INSERT INTO public.mutes VALUES
	(117701375250751606, 117701373735866893, 117701374436343114, true, '2029-08-25 19:27:37.313008+00', '2026-11-29 19:27:37.317024+00');

INSERT INTO public.notifications VALUES
	(117701375226631343, 117701373441293311, 'mention', 117701373735866893, 117701375224675555, '', '2026-11-29 19:27:36.949904+00', false, NULL, NULL),
	(117701375227208263, 117701373441293311, 'mention', 117701373735866893, 117701375222206458, '', '2026-11-29 19:27:36.958546+00', false, NULL, NULL),
	(117701375227355750, 117701373441293311, 'favourite', 117701373735866893, 117701375214437162, 'favourite-117701375214437162-498883', '2026-11-29 19:27:36.960051+00', false, NULL, NULL),
	(117701375233331786, 117701373441293311, 'reblog', 117701373735866893, 117701375214437162, 'reblog-117701375214437162-498883', '2026-11-29 19:27:37.051801+00', false, NULL, NULL),
	(117701375245803487, 117701373441293311, 'follow', 117701373735866893, NULL, 'follow-498883', '2026-11-29 19:27:37.241096+00', false, NULL, NULL),
	(117701375260034297, 117701373441293311, 'admin.report', 117701373735866893, NULL, '', '2026-11-29 19:27:37.459891+00', false, 117701375260022630, NULL),
	(117701375260034298, 117701374436343114, 'admin.report', 117701373735866893, NULL, '', '2026-11-29 19:27:37.459891+00', false, 117701375260022630, NULL);

INSERT INTO public.pins VALUES
	(117701375238979119, 117701373441293311, 117701375214437162, '2026-11-29 19:27:37.137767+00');

INSERT INTO public.polls VALUES
	(117701375214437164, 117701375214437162, '{Tea,Coffee}', '{1,0}', 1, false, false, '2026-12-06 19:27:36.763419+00');

INSERT INTO public.post_counts VALUES
	(117701375222206458, 0, 0, 0),
	(117701375224675555, 0, 0, 0),
	(117701375233113695, 0, 0, 0),
	(117701375214437162, 1, 1, 1);

INSERT INTO public.post_tags VALUES
	(117701375214437163, 117701375214437162, NULL);

INSERT INTO public.post_words VALUES
	(117701375214437162, '''coffee'' ''or'' ''tea'''),
	(117701375222206458, '''ann'' ''hello'''),
	(117701375224675555, '''ann'' ''only'' ''you''');

INSERT INTO public.posts VALUES
	(117701375214437162, 117701373441293311, 'Tea or coffee? #tea', '<p>Tea or coffee? <a href="http://127.0.0.1:18984/tags/tea" class="mention hashtag" rel="tag">#<span>tea</span></a></p>', 'public', '', false, NULL, NULL, NULL, DEFAULT, 117701375214437162, NULL, 'Script', '2026-11-29 19:27:36.763419+00', NULL, NULL, NULL),
	(117701375222206458, 117701373735866893, '@ann Hello', '<p><span class="h-card" translate="no"><a href="http://127.0.0.1:18984/@ann" class="u-url mention">@<span>ann</span></a></span> Hello</p>', 'public', '', false, NULL, 117701375214437162, 117701373441293311, DEFAULT, 117701375214437162, NULL, 'Script', '2026-11-29 19:27:36.881335+00', NULL, NULL, NULL),
	(117701375224675555, 117701373735866893, '@ann Only you', '<p><span class="h-card" translate="no"><a href="http://127.0.0.1:18984/@ann" class="u-url mention">@<span>ann</span></a></span> Only you</p>', 'direct', '', false, NULL, NULL, NULL, DEFAULT, 117701375224675555, NULL, 'Script', '2026-11-29 19:27:36.919235+00', NULL, NULL, NULL),
	(117701375233113695, 117701373735866893, '', '', 'public', '', false, NULL, NULL, NULL, DEFAULT, 117701375233113695, 117701375214437162, NULL, '2026-11-29 19:27:37.048637+00', NULL, NULL, NULL);

INSERT INTO public.reports VALUES
	(117701375260022630, 117701373735866893, 117701374436343114, '{}', 'Spam', 'other', false, '2026-11-29 19:27:37.458133+00', NULL, NULL, '{}', NULL);

INSERT INTO public.scheduled_posts VALUES
	(117701375240706606, 117701373441293311, '2027-11-29 19:27:37.157605+00', '{"poll": null, "text": "Later", "media": [], "allowed": null, "spoiler": "", "website": null, "language": null, "reply_to": null, "sensitive": null, "visibility": "public", "application": "Script", "never_wider": false}', NULL, '', '2026-11-29 19:27:37.164833+00');

INSERT INTO public.tags VALUES
	(117701375214437163, 'tea', 'tea', 0);

INSERT INTO public.thread_mutes VALUES
	(117701373735866893, 117701375214437162, '2026-11-29 19:27:37.082718+00');

INSERT INTO public.timer_runs VALUES
	('cleanup.sessions', '2026-11-29 19:00:00+00'),
	('cleanup.invalidation_log', '2026-11-29 19:00:00+00'),
	('cleanup.events', '2026-11-29 19:00:00+00'),
	('cleanup.idempotency_keys', '2026-11-29 19:00:00+00'),
	('cleanup.oauth_codes', '2026-11-29 19:00:00+00'),
	('cleanup.oauth_tokens', '2026-11-29 03:30:00+00'),
	('cleanup.oauth_apps', '2026-11-29 03:40:00+00'),
	('cleanup.jobs', '2026-11-29 19:00:00+00'),
	('cleanup.timer_ticks', '2026-11-29 03:10:00+00'),
	('cleanup.deleted_posts', '2026-11-29 03:20:00+00'),
	('cleanup.media', '2026-11-29 19:00:00+00'),
	('cleanup.link_previews', '2026-11-29 03:40:00+00'),
	('cleanup.push_notifications', '2026-11-29 19:00:00+00'),
	('cleanup.emails', '2026-11-29 19:00:00+00'),
	('cleanup.known_browsers', '2026-11-29 03:50:00+00'),
	('mute.expire', '2026-11-29 19:27:00+00'),
	('tag.update_counts', '2026-11-29 19:20:00+00'),
	('clock.check', '2026-11-29 19:20:00+00'),
	('statistics.utc_day', '2026-11-29 00:15:00+00'),
	('email.daily_reports', '2026-11-29 06:00:00+00'),
	('email.digests', '2026-11-29 07:00:00+00');

INSERT INTO public.tokens VALUES
	(117701374783873846, '\x591e1aedce9d517e8b7e745adef2f0834719e7afee4cbaed474e4884f7602a5d', 117701374783873845, 117701373441293311, '{read,write,push,admin:read,admin:write}', '2026-11-29 19:27:30.193632+00', '2026-11-29 19:27:36.75089+00', NULL),
	(117701375131425614, '\x509646919935190123767fb8a260d73a57d68545d0a1050c9b1c1209841d0e95', 117701375131425613, 117701373735866893, '{read,write,push,admin:read,admin:write}', '2026-11-29 19:27:35.496962+00', '2026-11-29 19:27:36.812019+00', NULL);

INSERT INTO public.users VALUES
	(117701373441293311, 'ann@example.org', '$argon2id$v=19$m=19456,t=2,p=1$huX5TjjX0qlJvh6bsPweXw$yKJbd0c5ug3s9Px6DNTaWCdLGV9umCP/9ysG6ws5eu0', 'admin', '2026-11-29 19:27:09.707684+00', '2026-11-29 19:27:09.707684+00', '2026-11-29 19:27:09.707684+00', NULL, '', '{"theme": "auto", "locale": "en", "language": null, "sensitive": false, "shortcuts": true, "time_zone": "UTC", "mail_login": true, "visibility": "public", "mail_digest": "weekly", "mail_follow": true, "mail_report": true, "mail_mention": true, "attribution_domains": [], "mail_follow_request": true}', NULL, NULL, NULL),
	(117701373735866893, 'ben@example.org', '$argon2id$v=19$m=19456,t=2,p=1$x/Re1xZHmpuEvAvtl+f49Q$a2GCbGnFumMsBb8ASjZZPW2IfhRPqURdpEbQ9BBxSHI', 'admin', '2026-11-29 19:27:14.202737+00', '2026-11-29 19:27:14.202737+00', '2026-11-29 19:27:14.202737+00', NULL, '', '{"theme": "auto", "locale": "en", "language": null, "sensitive": false, "shortcuts": true, "time_zone": "UTC", "mail_login": true, "visibility": "public", "mail_digest": "weekly", "mail_follow": true, "mail_report": true, "mail_mention": true, "attribution_domains": [], "mail_follow_request": true}', NULL, NULL, NULL),
	(117701374091869831, 'cem@example.org', '$argon2id$v=19$m=19456,t=2,p=1$J/ILX8v/GfJxmFBEWmL79A$ZEofmw+1OGcneRaDvC/Lvh46pDtKN6mVAGvqXfxlZrw', 'admin', '2026-11-29 19:27:19.634515+00', '2026-11-29 19:27:19.634515+00', '2026-11-29 19:27:19.634515+00', NULL, '', '{"theme": "auto", "locale": "en", "language": null, "sensitive": false, "shortcuts": true, "time_zone": "UTC", "mail_login": true, "visibility": "public", "mail_digest": "weekly", "mail_follow": true, "mail_report": true, "mail_mention": true, "attribution_domains": [], "mail_follow_request": true}', NULL, NULL, NULL),
	(117701374436343114, 'dia@example.org', '$argon2id$v=19$m=19456,t=2,p=1$XoO2Pk7lJyssAMJ5EiVnsQ$UgiSxVfsLNtYd/Rmf9SJl73XZFczXGAlsAH7RCsJMhE', 'admin', '2026-11-29 19:27:24.890156+00', '2026-11-29 19:27:24.890156+00', '2026-11-29 19:27:24.890156+00', NULL, '', '{"theme": "auto", "locale": "en", "language": null, "sensitive": false, "shortcuts": true, "time_zone": "UTC", "mail_login": true, "visibility": "public", "mail_digest": "weekly", "mail_follow": true, "mail_report": true, "mail_mention": true, "attribution_domains": [], "mail_follow_request": true}', NULL, NULL, NULL);

INSERT INTO public.visits VALUES
	('2026-11-29', 117701373441293311, '2026-11-29 19:27:36.75089+00', '2026-11-29 19:27:36.75089+00'),
	('2026-11-29', 117701373735866893, '2026-11-29 19:27:36.812019+00', '2026-11-29 19:27:36.812019+00');

INSERT INTO public.votes VALUES
	(117701375214437164, 117701373735866893, 0, '2026-11-29 19:27:36.854441+00');

SELECT pg_catalog.setval('public.events_id_seq', 21, true);

SELECT pg_catalog.setval('public.id_sequence', 54, true);

SELECT pg_catalog.setval('public.invalidation_log_id_seq', 37, true);

SELECT pg_catalog.setval('public.push_subscriptions_id_seq', 1, false);

ALTER TABLE ONLY public.account_counts
    ADD CONSTRAINT account_counts_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY public.account_notes
    ADD CONSTRAINT account_notes_pkey PRIMARY KEY (account_id, target_id);

ALTER TABLE ONLY public.account_warnings
    ADD CONSTRAINT account_warnings_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.announcement_reactions
    ADD CONSTRAINT announcement_reactions_pkey PRIMARY KEY (announcement_id, name, account_id);

ALTER TABLE ONLY public.announcement_reads
    ADD CONSTRAINT announcement_reads_pkey PRIMARY KEY (account_id, announcement_id);

ALTER TABLE ONLY public.announcements
    ADD CONSTRAINT announcements_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.apps
    ADD CONSTRAINT apps_client_id_key UNIQUE (client_id);

ALTER TABLE ONLY public.apps
    ADD CONSTRAINT apps_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.blocks
    ADD CONSTRAINT blocks_account_id_target_id_key UNIQUE (account_id, target_id);

ALTER TABLE ONLY public.blocks
    ADD CONSTRAINT blocks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.bookmarks
    ADD CONSTRAINT bookmarks_account_id_post_id_key UNIQUE (account_id, post_id);

ALTER TABLE ONLY public.bookmarks
    ADD CONSTRAINT bookmarks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.cards
    ADD CONSTRAINT cards_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.cards
    ADD CONSTRAINT cards_url_hash_key UNIQUE (url_hash);

ALTER TABLE ONLY public.connection_samples
    ADD CONSTRAINT connection_samples_pkey PRIMARY KEY (slot, process);

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_account_id_thread_id_participants_key UNIQUE (account_id, thread_id, participants);

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.dismissed_suggestions
    ADD CONSTRAINT dismissed_suggestions_pkey PRIMARY KEY (account_id, target_id);

ALTER TABLE ONLY public.domain_blocks
    ADD CONSTRAINT domain_blocks_account_id_domain_key UNIQUE (account_id, domain);

ALTER TABLE ONLY public.domain_blocks
    ADD CONSTRAINT domain_blocks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.emails
    ADD CONSTRAINT emails_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.endorsements
    ADD CONSTRAINT endorsements_account_id_target_id_key UNIQUE (account_id, target_id);

ALTER TABLE ONLY public.endorsements
    ADD CONSTRAINT endorsements_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.event_log
    ADD CONSTRAINT event_log_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (xid, id);

ALTER TABLE ONLY public.favourites
    ADD CONSTRAINT favourites_account_id_post_id_key UNIQUE (account_id, post_id);

ALTER TABLE ONLY public.favourites
    ADD CONSTRAINT favourites_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.featured_tags
    ADD CONSTRAINT featured_tags_account_id_tag_id_key UNIQUE (account_id, tag_id);

ALTER TABLE ONLY public.featured_tags
    ADD CONSTRAINT featured_tags_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.filter_keywords
    ADD CONSTRAINT filter_keywords_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.filter_posts
    ADD CONSTRAINT filter_posts_filter_id_post_id_key UNIQUE (filter_id, post_id);

ALTER TABLE ONLY public.filter_posts
    ADD CONSTRAINT filter_posts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.filters
    ADD CONSTRAINT filters_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.follow_requests
    ADD CONSTRAINT follow_requests_follower_id_followee_id_key UNIQUE (follower_id, followee_id);

ALTER TABLE ONLY public.follow_requests
    ADD CONSTRAINT follow_requests_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.followed_tags
    ADD CONSTRAINT followed_tags_account_id_tag_id_key UNIQUE (account_id, tag_id);

ALTER TABLE ONLY public.followed_tags
    ADD CONSTRAINT followed_tags_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.follows
    ADD CONSTRAINT follows_follower_id_followee_id_boosts_languages_key UNIQUE (follower_id, followee_id) INCLUDE (boosts, languages);

ALTER TABLE ONLY public.follows
    ADD CONSTRAINT follows_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (account_id, key);

ALTER TABLE ONLY public.invites
    ADD CONSTRAINT invites_code_key UNIQUE (code);

ALTER TABLE ONLY public.invites
    ADD CONSTRAINT invites_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.known_browsers
    ADD CONSTRAINT known_browsers_pkey PRIMARY KEY (account_id, token_hash);

ALTER TABLE ONLY public.list_members
    ADD CONSTRAINT list_members_list_id_member_id_key UNIQUE (list_id, member_id);

ALTER TABLE ONLY public.list_members
    ADD CONSTRAINT list_members_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.lists
    ADD CONSTRAINT lists_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.markers
    ADD CONSTRAINT markers_pkey PRIMARY KEY (account_id, timeline);

ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.mentions
    ADD CONSTRAINT mentions_pkey PRIMARY KEY (post_id, account_id);

ALTER TABLE ONLY public.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.mutes
    ADD CONSTRAINT mutes_account_id_target_id_key UNIQUE (account_id, target_id);

ALTER TABLE ONLY public.mutes
    ADD CONSTRAINT mutes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.notification_permissions
    ADD CONSTRAINT notification_permissions_pkey PRIMARY KEY (account_id, from_account_id);

ALTER TABLE ONLY public.notification_policies
    ADD CONSTRAINT notification_policies_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY public.notification_requests
    ADD CONSTRAINT notification_requests_account_id_from_account_id_key UNIQUE (account_id, from_account_id);

ALTER TABLE ONLY public.notification_requests
    ADD CONSTRAINT notification_requests_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.oauth_codes
    ADD CONSTRAINT oauth_codes_pkey PRIMARY KEY (code_hash);

ALTER TABLE ONLY public.pins
    ADD CONSTRAINT pins_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.pins
    ADD CONSTRAINT pins_post_id_key UNIQUE (post_id);

ALTER TABLE ONLY public.polls
    ADD CONSTRAINT polls_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.polls
    ADD CONSTRAINT polls_post_id_key UNIQUE (post_id);

ALTER TABLE ONLY public.post_cards
    ADD CONSTRAINT post_cards_pkey PRIMARY KEY (post_id);

ALTER TABLE ONLY public.post_counts
    ADD CONSTRAINT post_counts_pkey PRIMARY KEY (post_id);

ALTER TABLE ONLY public.post_tags
    ADD CONSTRAINT post_tags_pkey PRIMARY KEY (tag_id, post_id);

ALTER TABLE ONLY public.post_words
    ADD CONSTRAINT post_words_pkey PRIMARY KEY (post_id);

ALTER TABLE ONLY public.posts
    ADD CONSTRAINT posts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.push_deliveries
    ADD CONSTRAINT push_deliveries_pkey PRIMARY KEY (subscription_id, notification_id);

ALTER TABLE ONLY public.push_subscriptions
    ADD CONSTRAINT push_subscriptions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.push_subscriptions
    ADD CONSTRAINT push_subscriptions_token_id_key UNIQUE (token_id);

ALTER TABLE ONLY public.reports
    ADD CONSTRAINT reports_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.revisions
    ADD CONSTRAINT revisions_pkey PRIMARY KEY (post_id, id);

ALTER TABLE ONLY public.scheduled_posts
    ADD CONSTRAINT scheduled_posts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY public.statistics
    ADD CONSTRAINT statistics_pkey PRIMARY KEY (zone, day, measure);

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_key_key UNIQUE (key);

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.thread_mutes
    ADD CONSTRAINT thread_mutes_pkey PRIMARY KEY (account_id, thread_id);

ALTER TABLE ONLY public.timer_runs
    ADD CONSTRAINT timer_runs_pkey PRIMARY KEY (timer, tick);

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY public.visits
    ADD CONSTRAINT visits_pkey PRIMARY KEY (day, account_id);

ALTER TABLE ONLY public.votes
    ADD CONSTRAINT votes_pkey PRIMARY KEY (poll_id, account_id, choice);

CREATE INDEX account_counts_by_followers ON public.account_counts USING btree (followers DESC, account_id);

CREATE INDEX account_notes_by_target ON public.account_notes USING btree (target_id);

CREATE INDEX account_warnings_by_account ON public.account_warnings USING btree (account_id, id DESC);

CREATE INDEX account_warnings_by_moderator ON public.account_warnings USING btree (moderator_id) WHERE (moderator_id IS NOT NULL);

CREATE INDEX account_warnings_by_report ON public.account_warnings USING btree (report_id) WHERE (report_id IS NOT NULL);

CREATE INDEX accounts_avatars ON public.accounts USING btree (avatar) WHERE (avatar IS NOT NULL);

CREATE INDEX accounts_by_time ON public.accounts USING btree (created_at);

CREATE UNIQUE INDEX accounts_by_username ON public.accounts USING btree (lower(username));

CREATE INDEX accounts_folded_names ON public.accounts USING gin (public.search_fold(display_name) public.gin_trgm_ops);

CREATE INDEX accounts_gone ON public.accounts USING btree (id) WHERE ((suspended_at IS NOT NULL) OR (deleted_at IS NOT NULL));

CREATE INDEX accounts_headers ON public.accounts USING btree (header) WHERE (header IS NOT NULL);

CREATE INDEX accounts_limited ON public.accounts USING btree (id) WHERE (limited_at IS NOT NULL);

CREATE INDEX accounts_prefix ON public.accounts USING btree (lower(username) text_pattern_ops);

CREATE INDEX accounts_usernames ON public.accounts USING gin (lower(username) public.gin_trgm_ops);

CREATE INDEX announcement_reactions_by_account ON public.announcement_reactions USING btree (account_id);

CREATE INDEX announcement_reads_by_announcement ON public.announcement_reads USING btree (announcement_id);

CREATE INDEX apps_by_time ON public.apps USING btree (created_at);

CREATE INDEX blocks_by_account ON public.blocks USING btree (account_id, id DESC);

CREATE INDEX blocks_by_target ON public.blocks USING btree (target_id, account_id);

CREATE INDEX bookmarks_by_account ON public.bookmarks USING btree (account_id, id DESC);

CREATE INDEX bookmarks_by_post ON public.bookmarks USING btree (post_id);

CREATE INDEX cards_by_image ON public.cards USING btree (image) WHERE (image <> ''::text);

CREATE INDEX cards_by_time ON public.cards USING btree (created_at);

CREATE INDEX conversations_by_account ON public.conversations USING btree (account_id, last_post_id DESC) WHERE (last_post_id IS NOT NULL);

CREATE INDEX conversations_by_post ON public.conversations USING btree (last_post_id) WHERE (last_post_id IS NOT NULL);

CREATE INDEX conversations_by_thread ON public.conversations USING btree (thread_id);

CREATE INDEX dismissed_suggestions_by_target ON public.dismissed_suggestions USING btree (target_id);

CREATE INDEX domain_blocks_by_account ON public.domain_blocks USING btree (account_id, id DESC);

CREATE INDEX emails_by_account ON public.emails USING btree (account_id, id DESC);

CREATE INDEX emails_by_state ON public.emails USING btree (state, id DESC);

CREATE UNIQUE INDEX emails_once ON public.emails USING btree (account_id, kind, key) WHERE (key IS NOT NULL);

CREATE INDEX emails_settled ON public.emails USING btree (settled_at) WHERE (settled_at IS NOT NULL);

CREATE INDEX endorsements_by_account ON public.endorsements USING btree (account_id, id DESC);

CREATE INDEX events_by_time ON public.events USING btree (at);

CREATE INDEX favourites_by_account ON public.favourites USING btree (account_id, id DESC);

CREATE INDEX favourites_by_post ON public.favourites USING btree (post_id, id DESC);

CREATE INDEX featured_tags_by_tag ON public.featured_tags USING btree (tag_id);

CREATE INDEX filter_keywords_by_filter ON public.filter_keywords USING btree (filter_id, id);

CREATE INDEX filter_posts_by_post ON public.filter_posts USING btree (post_id);

CREATE INDEX filters_by_account ON public.filters USING btree (account_id, id);

CREATE INDEX follow_requests_incoming ON public.follow_requests USING btree (followee_id, id DESC);

CREATE INDEX followed_tags_by_account ON public.followed_tags USING btree (account_id, id DESC);

CREATE INDEX followed_tags_by_tag ON public.followed_tags USING btree (tag_id);

CREATE INDEX follows_followers ON public.follows USING btree (followee_id, id DESC);

CREATE INDEX follows_following ON public.follows USING btree (follower_id, id DESC);

CREATE INDEX follows_notified ON public.follows USING btree (followee_id) WHERE notify;

CREATE INDEX idempotency_keys_by_post ON public.idempotency_keys USING btree (post_id);

CREATE INDEX idempotency_keys_by_time ON public.idempotency_keys USING btree (created_at);

CREATE INDEX invalidation_log_by_time ON public.invalidation_log USING btree (at);

CREATE INDEX invalidation_log_by_transaction ON public.invalidation_log USING btree (xid);

CREATE INDEX invites_by_creator ON public.invites USING btree (created_by);

CREATE INDEX jobs_due ON public.jobs USING btree (due_at, id) WHERE (state = 'waiting'::text);

CREATE INDEX jobs_finished ON public.jobs USING btree (finished_at) WHERE (state = ANY (ARRAY['done'::text, 'dead'::text]));

CREATE INDEX jobs_leases ON public.jobs USING btree (lease_until) WHERE (state = 'running'::text);

CREATE UNIQUE INDEX jobs_one_running ON public.jobs USING btree (kind, key) WHERE ((state = 'running'::text) AND (key IS NOT NULL));

CREATE UNIQUE INDEX jobs_one_waiting ON public.jobs USING btree (kind, key) WHERE ((state = 'waiting'::text) AND (key IS NOT NULL));

CREATE INDEX known_browsers_by_time ON public.known_browsers USING btree (seen_at);

CREATE INDEX list_members_by_follow ON public.list_members USING btree (account_id, member_id);

CREATE INDEX list_members_by_list ON public.list_members USING btree (list_id, id DESC);

CREATE INDEX lists_by_account ON public.lists USING btree (account_id, id);

CREATE INDEX media_accounts ON public.media USING btree (account_id);

CREATE INDEX media_by_account ON public.media USING btree (account_id, post_id DESC) WHERE (place = 0);

CREATE INDEX media_by_post ON public.media USING btree (post_id, place) WHERE (post_id IS NOT NULL);

CREATE INDEX media_by_scheduled ON public.media USING btree (scheduled_id, place) WHERE (scheduled_id IS NOT NULL);

CREATE INDEX media_originals ON public.media USING btree (original) WHERE (original IS NOT NULL);

CREATE INDEX media_posts ON public.media USING btree (post_id DESC) WHERE (place = 0);

CREATE INDEX media_previews ON public.media USING btree (preview) WHERE (preview IS NOT NULL);

CREATE INDEX media_unattached ON public.media USING btree (unattached_since) WHERE (unattached_since IS NOT NULL);

CREATE INDEX mentions_by_account ON public.mentions USING btree (account_id, post_id DESC);

CREATE INDEX mutes_by_account ON public.mutes USING btree (account_id, id DESC);

CREATE INDEX mutes_by_target ON public.mutes USING btree (target_id);

CREATE INDEX mutes_ending ON public.mutes USING btree (expires_at) WHERE (expires_at IS NOT NULL);

CREATE INDEX notification_permissions_by_sender ON public.notification_permissions USING btree (from_account_id);

CREATE INDEX notification_requests_by_account ON public.notification_requests USING btree (account_id, id DESC);

CREATE INDEX notification_requests_by_post ON public.notification_requests USING btree (last_post_id) WHERE (last_post_id IS NOT NULL);

CREATE INDEX notification_requests_by_sender ON public.notification_requests USING btree (from_account_id);

CREATE INDEX notifications_by_account ON public.notifications USING btree (account_id, id DESC);

CREATE INDEX notifications_by_group ON public.notifications USING btree (account_id, group_key, id DESC) WHERE (group_key <> ''::text);

CREATE INDEX notifications_by_kind ON public.notifications USING btree (account_id, kind, id DESC);

CREATE INDEX notifications_by_post ON public.notifications USING btree (post_id) WHERE (post_id IS NOT NULL);

CREATE INDEX notifications_by_report ON public.notifications USING btree (report_id) WHERE (report_id IS NOT NULL);

CREATE INDEX notifications_by_warning ON public.notifications USING btree (warning_id) WHERE (warning_id IS NOT NULL);

CREATE INDEX notifications_filtered ON public.notifications USING btree (account_id, from_account_id) WHERE filtered;

CREATE INDEX notifications_from ON public.notifications USING btree (from_account_id, account_id, id DESC);

CREATE UNIQUE INDEX notifications_once ON public.notifications USING btree (account_id, kind, from_account_id, post_id, report_id, warning_id) NULLS NOT DISTINCT;

CREATE INDEX oauth_codes_by_account ON public.oauth_codes USING btree (account_id);

CREATE INDEX oauth_codes_by_app ON public.oauth_codes USING btree (app_id);

CREATE INDEX oauth_codes_by_token ON public.oauth_codes USING btree (token_id) WHERE (token_id IS NOT NULL);

CREATE INDEX oauth_codes_expired ON public.oauth_codes USING btree (expires_at);

CREATE INDEX pins_by_account ON public.pins USING btree (account_id, id DESC);

CREATE INDEX post_cards_by_card ON public.post_cards USING btree (card_id);

CREATE INDEX post_tags_by_post ON public.post_tags USING btree (post_id);

CREATE INDEX post_words_by_span ON public.post_words USING gin (public.search_spans(post_id, words));

CREATE UNIQUE INDEX posts_boosts ON public.posts USING btree (boost_of, account_id) WHERE ((boost_of IS NOT NULL) AND (deleted_at IS NULL));

CREATE INDEX posts_boosts_all ON public.posts USING btree (boost_of) WHERE (boost_of IS NOT NULL);

CREATE INDEX posts_by_author ON public.posts USING btree (account_id, id DESC) INCLUDE (visibility, language, reply_to_account, reply_to_other, boost_of) WHERE (deleted_at IS NULL);

CREATE INDEX posts_by_thread ON public.posts USING btree (thread_id, id) WHERE ((boost_of IS NULL) AND (deleted_at IS NULL));

CREATE INDEX posts_by_time ON public.posts USING brin (created_at) WITH (pages_per_range='32', autosummarize='on');

CREATE INDEX posts_deleted ON public.posts USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);

CREATE INDEX posts_direct ON public.posts USING btree (thread_id, id DESC) WHERE ((visibility = 'direct'::text) AND (boost_of IS NULL) AND (deleted_at IS NULL));

CREATE INDEX posts_public ON public.posts USING btree (id DESC) WHERE ((visibility = 'public'::text) AND (boost_of IS NULL) AND (NOT reply_to_other) AND (deleted_at IS NULL));

CREATE INDEX posts_replies ON public.posts USING btree (reply_to) WHERE (reply_to IS NOT NULL);

CREATE INDEX posts_reply_accounts ON public.posts USING btree (reply_to_account) WHERE (reply_to_account IS NOT NULL);

CREATE INDEX push_deliveries_settled ON public.push_deliveries USING btree (settled_at) WHERE (settled_at IS NOT NULL);

CREATE INDEX push_deliveries_waiting ON public.push_deliveries USING btree (subscription_id, notification_id) WHERE (settled_at IS NULL);

CREATE INDEX push_subscriptions_by_account ON public.push_subscriptions USING btree (account_id, id);

CREATE INDEX reports_by_account ON public.reports USING btree (account_id);

CREATE INDEX reports_by_assignee ON public.reports USING btree (assigned_to) WHERE (assigned_to IS NOT NULL);

CREATE INDEX reports_by_moderator ON public.reports USING btree (closed_by) WHERE (closed_by IS NOT NULL);

CREATE INDEX reports_by_target ON public.reports USING btree (target_id);

CREATE INDEX reports_open ON public.reports USING btree (id DESC) WHERE (closed_at IS NULL);

CREATE INDEX scheduled_posts_by_account ON public.scheduled_posts USING btree (account_id, id DESC);

CREATE UNIQUE INDEX scheduled_posts_keys ON public.scheduled_posts USING btree (account_id, key) WHERE (key IS NOT NULL);

CREATE INDEX sessions_by_account ON public.sessions USING btree (account_id, id DESC);

CREATE INDEX sessions_expired ON public.sessions USING btree (expires_at);

CREATE INDEX statistics_log_by_time ON public.statistics_log USING btree (at);

CREATE INDEX tags_completion ON public.tags USING btree (key text_pattern_ops) INCLUDE (uses);

CREATE INDEX tokens_by_account ON public.tokens USING btree (account_id, app_id, id DESC);

CREATE INDEX tokens_by_app ON public.tokens USING btree (app_id, id DESC);

CREATE INDEX tokens_revoked ON public.tokens USING btree (revoked_at) WHERE (revoked_at IS NOT NULL);

CREATE INDEX users_by_app ON public.users USING btree (app_id) WHERE (app_id IS NOT NULL);

CREATE UNIQUE INDEX users_by_email ON public.users USING btree (lower(email));

CREATE INDEX users_pending ON public.users USING btree (created_at) WHERE (approved_at IS NULL);

CREATE INDEX users_staff ON public.users USING btree (account_id) WHERE (role <> 'user'::text);

CREATE INDEX votes_by_account ON public.votes USING btree (account_id);

CREATE TRIGGER invalidate_changed AFTER INSERT OR DELETE OR UPDATE ON public.announcements FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_announcements();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.accounts FOR EACH ROW EXECUTE FUNCTION public.invalidate_everything();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.announcement_reads REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.blocks REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_both_accounts();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.bookmarks REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.conversations REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_notifications();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.favourites REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.filter_keywords REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_filter_owner();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.filter_posts REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_filter_owner();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.filters REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.follow_requests REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_follow_requests();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.followed_tags REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.follows REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_follower();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.list_members REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.lists REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.markers REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_notifications();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.media REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_post_parts();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.mutes REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.notifications REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_notifications();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.pins REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.polls REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_post_parts();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.post_cards REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_post_parts();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.posts REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_posts();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.sessions REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_sessions();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.thread_mutes REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.tokens REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_tokens();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.users REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_users();

CREATE TRIGGER invalidate_deleted AFTER DELETE ON public.votes REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_detached AFTER UPDATE ON public.media REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_post_parts();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.announcement_reads REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.blocks REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_both_accounts();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.bookmarks REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.conversations REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_notifications();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.favourites REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.filter_keywords REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_filter_owner();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.filter_posts REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_filter_owner();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.filters REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.follow_requests REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_follow_requests();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.followed_tags REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.follows REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_follower();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.list_members REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.lists REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.markers REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_notifications();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.media REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_post_parts();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.mutes REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.notifications REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_notifications();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.pins REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.polls REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_post_parts();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.post_cards REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_post_parts();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.posts REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_posts();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.thread_mutes REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_inserted AFTER INSERT ON public.votes REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_state AFTER UPDATE ON public.accounts FOR EACH ROW WHEN (((((old.suspended_at IS DISTINCT FROM new.suspended_at) OR (old.limited_at IS DISTINCT FROM new.limited_at)) OR (old.deleted_at IS DISTINCT FROM new.deleted_at)) OR (old.username IS DISTINCT FROM new.username))) EXECUTE FUNCTION public.invalidate_everything();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.account_counts REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_account_counts();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.accounts REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_accounts();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.apps FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_everything();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.cards REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_cards();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.conversations REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_notifications();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.filter_keywords REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_filter_owner();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.filters REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.follows REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_follower();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.lists REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.markers REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_notifications();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.media REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_post_parts();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.mutes REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_viewer();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.notifications REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_notifications();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.polls REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_post_parts();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.post_cards REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_post_parts();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.post_counts REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_post_parts();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.posts REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_posts();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.sessions REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_sessions();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.tokens REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_tokens();

CREATE TRIGGER invalidate_updated AFTER UPDATE ON public.users REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION public.invalidate_users();

CREATE TRIGGER log_deleted_accounts AFTER DELETE ON public.accounts REFERENCING OLD TABLE AS deleted_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_deleted_accounts();

CREATE TRIGGER log_deleted_favourites AFTER DELETE ON public.favourites REFERENCING OLD TABLE AS deleted_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_deleted_favourites();

CREATE TRIGGER log_deleted_follows AFTER DELETE ON public.follows REFERENCING OLD TABLE AS deleted_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_deleted_follows();

CREATE TRIGGER log_deleted_post BEFORE DELETE ON public.posts FOR EACH ROW EXECUTE FUNCTION public.log_deleted_post();

CREATE TRIGGER log_deleted_tags AFTER DELETE ON public.post_tags REFERENCING OLD TABLE AS deleted_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_deleted_tags();

CREATE TRIGGER log_email_inserted AFTER INSERT ON public.emails FOR EACH ROW WHEN ((new.state = ANY (ARRAY['sent'::text, 'kept'::text, 'refused'::text, 'failed'::text]))) EXECUTE FUNCTION public.log_email();

CREATE TRIGGER log_email_settled AFTER UPDATE OF state ON public.emails FOR EACH ROW WHEN (((new.state = ANY (ARRAY['sent'::text, 'kept'::text, 'refused'::text, 'failed'::text])) AND (new.state IS DISTINCT FROM old.state))) EXECUTE FUNCTION public.log_email();

CREATE TRIGGER post_words_inserted AFTER INSERT ON public.posts FOR EACH ROW WHEN (((new.boost_of IS NULL) AND (new.deleted_at IS NULL))) EXECUTE FUNCTION public.update_post_words();

CREATE TRIGGER post_words_updated AFTER UPDATE OF spoiler, text, deleted_at ON public.posts FOR EACH ROW WHEN (((new.boost_of IS NULL) AND (((old.spoiler IS DISTINCT FROM new.spoiler) OR (old.text IS DISTINCT FROM new.text)) OR (old.deleted_at IS DISTINCT FROM new.deleted_at)))) EXECUTE FUNCTION public.update_post_words();

CREATE TRIGGER record_session_visit AFTER INSERT OR UPDATE OF seen_at ON public.sessions FOR EACH ROW EXECUTE FUNCTION public.record_session_visit();

CREATE TRIGGER record_token_visit AFTER UPDATE OF used_at ON public.tokens FOR EACH ROW WHEN (((new.account_id IS NOT NULL) AND (new.used_at IS NOT NULL))) EXECUTE FUNCTION public.record_token_visit();

ALTER TABLE ONLY public.account_counts
    ADD CONSTRAINT account_counts_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.account_notes
    ADD CONSTRAINT account_notes_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.account_notes
    ADD CONSTRAINT account_notes_target_id_fkey FOREIGN KEY (target_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.account_warnings
    ADD CONSTRAINT account_warnings_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.account_warnings
    ADD CONSTRAINT account_warnings_moderator_id_fkey FOREIGN KEY (moderator_id) REFERENCES public.accounts(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.account_warnings
    ADD CONSTRAINT account_warnings_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.reports(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.announcement_reactions
    ADD CONSTRAINT announcement_reactions_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.announcement_reactions
    ADD CONSTRAINT announcement_reactions_announcement_id_fkey FOREIGN KEY (announcement_id) REFERENCES public.announcements(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.announcement_reads
    ADD CONSTRAINT announcement_reads_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.announcement_reads
    ADD CONSTRAINT announcement_reads_announcement_id_fkey FOREIGN KEY (announcement_id) REFERENCES public.announcements(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.blocks
    ADD CONSTRAINT blocks_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.blocks
    ADD CONSTRAINT blocks_target_id_fkey FOREIGN KEY (target_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.bookmarks
    ADD CONSTRAINT bookmarks_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.bookmarks
    ADD CONSTRAINT bookmarks_post_id_fkey FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_last_post_id_fkey FOREIGN KEY (last_post_id) REFERENCES public.posts(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.dismissed_suggestions
    ADD CONSTRAINT dismissed_suggestions_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.dismissed_suggestions
    ADD CONSTRAINT dismissed_suggestions_target_id_fkey FOREIGN KEY (target_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.domain_blocks
    ADD CONSTRAINT domain_blocks_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.emails
    ADD CONSTRAINT emails_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.endorsements
    ADD CONSTRAINT endorsements_account_id_target_id_fkey FOREIGN KEY (account_id, target_id) REFERENCES public.follows(follower_id, followee_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.favourites
    ADD CONSTRAINT favourites_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.favourites
    ADD CONSTRAINT favourites_post_id_fkey FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.featured_tags
    ADD CONSTRAINT featured_tags_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.featured_tags
    ADD CONSTRAINT featured_tags_tag_id_fkey FOREIGN KEY (tag_id) REFERENCES public.tags(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.filter_keywords
    ADD CONSTRAINT filter_keywords_filter_id_fkey FOREIGN KEY (filter_id) REFERENCES public.filters(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.filter_posts
    ADD CONSTRAINT filter_posts_filter_id_fkey FOREIGN KEY (filter_id) REFERENCES public.filters(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.filter_posts
    ADD CONSTRAINT filter_posts_post_id_fkey FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.filters
    ADD CONSTRAINT filters_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.follow_requests
    ADD CONSTRAINT follow_requests_followee_id_fkey FOREIGN KEY (followee_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.follow_requests
    ADD CONSTRAINT follow_requests_follower_id_fkey FOREIGN KEY (follower_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.followed_tags
    ADD CONSTRAINT followed_tags_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.followed_tags
    ADD CONSTRAINT followed_tags_tag_id_fkey FOREIGN KEY (tag_id) REFERENCES public.tags(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.follows
    ADD CONSTRAINT follows_followee_id_fkey FOREIGN KEY (followee_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.follows
    ADD CONSTRAINT follows_follower_id_fkey FOREIGN KEY (follower_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_post_id_fkey FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.invites
    ADD CONSTRAINT invites_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.accounts(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.known_browsers
    ADD CONSTRAINT known_browsers_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.list_members
    ADD CONSTRAINT list_members_account_id_member_id_fkey FOREIGN KEY (account_id, member_id) REFERENCES public.follows(follower_id, followee_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.list_members
    ADD CONSTRAINT list_members_list_id_fkey FOREIGN KEY (list_id) REFERENCES public.lists(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.lists
    ADD CONSTRAINT lists_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.markers
    ADD CONSTRAINT markers_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_post_id_fkey FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_scheduled_id_fkey FOREIGN KEY (scheduled_id) REFERENCES public.scheduled_posts(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.mentions
    ADD CONSTRAINT mentions_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.mentions
    ADD CONSTRAINT mentions_post_id_fkey FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.mutes
    ADD CONSTRAINT mutes_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.mutes
    ADD CONSTRAINT mutes_target_id_fkey FOREIGN KEY (target_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.notification_permissions
    ADD CONSTRAINT notification_permissions_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.notification_permissions
    ADD CONSTRAINT notification_permissions_from_account_id_fkey FOREIGN KEY (from_account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.notification_policies
    ADD CONSTRAINT notification_policies_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.notification_requests
    ADD CONSTRAINT notification_requests_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.notification_requests
    ADD CONSTRAINT notification_requests_from_account_id_fkey FOREIGN KEY (from_account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.notification_requests
    ADD CONSTRAINT notification_requests_last_post_id_fkey FOREIGN KEY (last_post_id) REFERENCES public.posts(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_from_account_id_fkey FOREIGN KEY (from_account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_post_id_fkey FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.reports(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_warning_id_fkey FOREIGN KEY (warning_id) REFERENCES public.account_warnings(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.oauth_codes
    ADD CONSTRAINT oauth_codes_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.oauth_codes
    ADD CONSTRAINT oauth_codes_app_id_fkey FOREIGN KEY (app_id) REFERENCES public.apps(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.oauth_codes
    ADD CONSTRAINT oauth_codes_token_id_fkey FOREIGN KEY (token_id) REFERENCES public.tokens(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.pins
    ADD CONSTRAINT pins_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.pins
    ADD CONSTRAINT pins_post_id_fkey FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.polls
    ADD CONSTRAINT polls_post_id_fkey FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.post_cards
    ADD CONSTRAINT post_cards_card_id_fkey FOREIGN KEY (card_id) REFERENCES public.cards(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.post_cards
    ADD CONSTRAINT post_cards_post_id_fkey FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.post_counts
    ADD CONSTRAINT post_counts_post_id_fkey FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.post_tags
    ADD CONSTRAINT post_tags_post_id_fkey FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.post_tags
    ADD CONSTRAINT post_tags_tag_id_fkey FOREIGN KEY (tag_id) REFERENCES public.tags(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.post_words
    ADD CONSTRAINT post_words_post_id_fkey FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.posts
    ADD CONSTRAINT posts_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.posts
    ADD CONSTRAINT posts_boost_of_fkey FOREIGN KEY (boost_of) REFERENCES public.posts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.posts
    ADD CONSTRAINT posts_reply_to_account_fkey FOREIGN KEY (reply_to_account) REFERENCES public.accounts(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.posts
    ADD CONSTRAINT posts_reply_to_fkey FOREIGN KEY (reply_to) REFERENCES public.posts(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.push_deliveries
    ADD CONSTRAINT push_deliveries_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES public.push_subscriptions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.push_subscriptions
    ADD CONSTRAINT push_subscriptions_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.push_subscriptions
    ADD CONSTRAINT push_subscriptions_token_id_fkey FOREIGN KEY (token_id) REFERENCES public.tokens(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.reports
    ADD CONSTRAINT reports_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.reports
    ADD CONSTRAINT reports_assigned_to_fkey FOREIGN KEY (assigned_to) REFERENCES public.accounts(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.reports
    ADD CONSTRAINT reports_closed_by_fkey FOREIGN KEY (closed_by) REFERENCES public.accounts(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.reports
    ADD CONSTRAINT reports_target_id_fkey FOREIGN KEY (target_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.revisions
    ADD CONSTRAINT revisions_post_id_fkey FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.scheduled_posts
    ADD CONSTRAINT scheduled_posts_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.thread_mutes
    ADD CONSTRAINT thread_mutes_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_app_id_fkey FOREIGN KEY (app_id) REFERENCES public.apps(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_app_id_fkey FOREIGN KEY (app_id) REFERENCES public.apps(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_invite_id_fkey FOREIGN KEY (invite_id) REFERENCES public.invites(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.votes
    ADD CONSTRAINT votes_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.votes
    ADD CONSTRAINT votes_poll_id_fkey FOREIGN KEY (poll_id) REFERENCES public.polls(id) ON DELETE CASCADE;
