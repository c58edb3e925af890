"""Demo site: generating people and posts, and filling an empty database with them."""
