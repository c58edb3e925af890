-- Full-text search of posts, by PostgreSQL alone. The configuration is `simple`: words are compared as they are written, in lower case,
-- whatever the language. Scripts that are written without spaces (Chinese, Japanese, Thai ...; Korean too, whose words take endings)
-- are indexed by pairs of letters: each pair of neighbours is a word, and so is the last letter of a run. Whoever looks for a run of
-- such letters asks for all its pairs and then compares the text itself, see domain/search_query.py.
--
-- An index of an expression, and no column: rows of posts stay as narrow as timelines want them.

-- The text with spaces instead of punctuation beyond ASCII, which some locales take for letters.
create function search_plain(said text) returns text language sql immutable parallel safe as $$
    select regexp_replace(said, '[\u0080-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7\u2000-\u206f\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u30fb\ufe10-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]+', ' ', 'g')
$$;

-- For runs of letters without spaces: the pairs that begin at the first letter of each run, then those that begin at the second. Calls no
-- function of ours: what maintains an index finds none.
create function search_words(spoiler text, said text) returns tsvector language sql immutable parallel safe as $$
    select to_tsvector('pg_catalog.simple'::regconfig, case
        when plain !~ '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]' then plain
        else regexp_replace(plain, '([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]{1,2})', ' \1 ', 'g') || ' ' ||
            regexp_replace(regexp_replace(regexp_replace(plain, '[^\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+', ' ', 'g'), '(^| )[^ ]', ' ', 'g'), '([^ ]{1,2})', '\1 ', 'g')
    end)
    from (values (regexp_replace(spoiler || ' ' || said, '[\u0080-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7\u2000-\u206f\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u30fb\ufe10-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]+', ' ', 'g'))) as cleaned (plain)
$$;

create index posts_search on posts using gin (search_words(spoiler, text)) where boost_of is null and deleted_at is null;  -- search
