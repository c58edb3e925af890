"""HTML pages and fragments, by jinja2."""
