"""Access to everything outside our database tables: embedded server, Redis, SMTP, files, HTTP."""
