-- The index of posts by uri, in a transaction of its own: it reads all posts once, and meanwhile posts can be read, but not written.

create unique index posts_by_uri on posts (uri) where uri is not null;  -- look-up by uri; unique
