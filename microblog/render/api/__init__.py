"""Mastodon API entities and their JSON schemas."""
