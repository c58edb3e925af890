"""HTML pages and fragments, rendered with Jinja2."""
