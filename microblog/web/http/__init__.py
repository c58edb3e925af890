"""HTTP protocol: reading requests, routing and authorizing them, writing responses."""
