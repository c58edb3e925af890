"""ActivityPub: documents of this site's accounts and posts for other servers."""
