"""Pure renderers from domain values to API JSON, HTML, feeds, e-mails and charts."""
