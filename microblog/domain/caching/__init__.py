"""In-process caches of database reads. The invalidation log says which entries are outdated."""
