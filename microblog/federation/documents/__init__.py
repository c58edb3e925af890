"""ActivityPub documents: reading those of other servers into values, and writing those of this site. Plain JSON, pure functions."""
