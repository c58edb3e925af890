"""One file per thing that is not our database tables: embedded server, Redis, SMTP, files, HTTP."""
