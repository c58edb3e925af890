"""SQL only: functions `f(cursor, ...)` that return model values."""
