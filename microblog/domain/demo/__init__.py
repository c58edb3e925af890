"""A demonstration site: its people, their posts, and filling an empty database with them."""
