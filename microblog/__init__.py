"""A self-hosted microblog server: HTML site, Mastodon client API and live streams in one Twisted process.

The layers, from the bottom to the top. `docs/architecture.md` explains them and follows a post through them;
`tests/test_architecture.py` holds the import rules.

===============  ===============================================================================================
model            frozen values, enums and pure rules; no I/O, no clock
render           values to bytes: JSON entities, HTML pages, emails, charts
storage          SQL only: functions ``f(cursor, ...)`` that return model values
domain           commands, queries and permissions; one transaction per command
live             committed events to connected clients: topics, hub, subscriptions
jobs             worker, retry policy, scheduler and the tasks of each kind of job
web              HTTP: protocol, routes, pages, API, streaming
adapters         everything outside our tables: embedded PostgreSQL, Redis, SMTP, files, HTTP fetches
config           every setting
lifecycle        what starts and stops with a process; ``workers`` are its job workers, ``metrics`` its figures
twisted_private  private names of Twisted that we use, in one place
application      the composition root: builds the object graph; the only importer of ``adapters``
service, cli     ``twistd microblog`` and the command ``microblog``
===============  ===============================================================================================
"""

__version__ = "0.2.0"
