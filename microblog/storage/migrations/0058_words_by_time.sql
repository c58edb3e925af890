-- Words are looked for in one span of time after the other, the newest first, until a page is full: so a word that was in every post years ago
-- costs no more than what the spans that are looked at hold, and no statistics are needed to choose how to search.
--
-- A span is 2^29 ms (6 days) of ids. Each word is indexed with its span before it, as in 1650:word, so that beginnings of words too are
-- found within one span. Replaces the index of 0045; takes some half a minute or a whole one for a million posts, and half as much room again.
create function search_spans(post_id bigint, words tsvector) returns tsvector language sql immutable parallel safe cost 1000 as $$
    select array_to_tsvector(array(select (post_id >> 45) || ':' || word from unnest(tsvector_to_array(words)) word))
$$;
create index post_words_by_span on post_words using gin (search_spans(post_id, words));  -- search
drop index post_words_search;
