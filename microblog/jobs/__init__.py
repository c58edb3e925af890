"""Work that was written down as a row: claimed, leased, retried, done."""
