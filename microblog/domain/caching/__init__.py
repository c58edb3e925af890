"""In-process caches of what was read, kept correct by the invalidation log."""
