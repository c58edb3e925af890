-- Finding posts by their words, whatever accents, widths and cases they are written in, and however many posts have the word.
--
-- The words of a post stand beside it in a table of their own: rows of posts stay as narrow as timelines want them, and the newest posts can
-- be compared without making their words anew. A word is a run of letters, marks, digits and `_`, folded; what `_` joins is found by its parts
-- too. Scripts without spaces are indexed by pairs of letters as before (0006). domain/text/search_words.py does the same to what is looked for, and
-- a test holds the two equal. No extension is needed. Takes some half a minute for a million posts.

-- Compatible forms, lower case, without accents: what is the same to whoever searches. Calls no function of ours: an index uses it.
create function search_fold(said text) returns text language sql immutable parallel safe as $$
    select case when octet_length(said) = length(said) then lower(said) else
        replace(replace(replace(replace(translate(
            lower(normalize(regexp_replace(normalize(said, NFKD), '[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670]+', '', 'g'), NFKC)),
            'øđðħıĸłŋŧς', 'oddhiklntσ'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th') end
$$;

-- What a post says, folded and with single spaces: phrases are compared with it.
create function search_said(spoiler text, said text) returns text language sql immutable parallel safe as $$
    select regexp_replace(search_fold(spoiler || ' ' || said), '[\u0001-\u0020\u0085\u1680\u2028\u2029]+', ' ', 'g')
$$;

-- The words: whole ones, the parts of those with `_`, and for runs of letters without spaces the pairs that begin at the first letter of each
-- run, then those that begin at the second. Of an address the words of its host count, and all of it without https:// as one word.
-- Of a word in a long text 128 letters count.
create function search_terms(spoiler text, said text) returns tsvector language plpgsql immutable parallel safe as $$
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

create table post_words (
    post_id bigint primary key references posts on delete cascade,  -- the newest, read backwards
    words tsvector not null
);

create function keep_words() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.deleted_at is not null then
        delete from post_words where post_id = new.id;
    else
        insert into post_words values (new.id, search_terms(new.spoiler, new.text))
        on conflict (post_id) do update set words = excluded.words;
    end if;
    return null;
end $$;

create trigger keep_words_of_new after insert on posts for each row
    when (new.boost_of is null and new.deleted_at is null) execute function keep_words();
create trigger keep_words_of_changed after update of spoiler, text, deleted_at on posts for each row
    when (new.boost_of is null and (old.spoiler, old.text, old.deleted_at) is distinct from (new.spoiler, new.text, new.deleted_at))
    execute function keep_words();

insert into post_words select id, search_terms(spoiler, text) from posts where boost_of is null and deleted_at is null;
create index post_words_search on post_words using gin (words);  -- search
drop index posts_search;
analyze post_words;

-- People are found by folded display names too.
do $$
begin
    if exists (select from pg_extension where extname = 'pg_trgm') then
        create index accounts_folded_names on accounts using gin (search_fold(display_name) gin_trgm_ops);  -- search
        drop index if exists accounts_names;
    end if;
end $$;
