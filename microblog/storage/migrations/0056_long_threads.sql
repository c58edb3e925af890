-- What a private conversation ends with is found without reading all of a long thread in which little of it is private.
create index posts_direct on posts (thread_id, id desc)  -- messages of a conversation
    where visibility = 'direct' and boost_of is null and deleted_at is null;
