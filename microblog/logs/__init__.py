"""The log of the process: its levels, formats and fields, and the request or job that an event belongs to."""
