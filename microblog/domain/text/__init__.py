"""Text of posts and profiles: parsing, links, search words, safe HTML."""
