"""Text of posts and profiles: parsing, links, words, safe HTML."""
