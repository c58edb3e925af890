"""SQL and nothing else: `f(cursor, ...)` gives model values."""
