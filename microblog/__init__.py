"""A self-hosted real-time microblog server.

Layers from the bottom up. A layer may import those above it in this table, never those below it:

==================  ======================================================================================================
model               immutable values and pure rules on them; no I/O, no clock
render              pure conversion of values to bytes: API JSON, HTML pages, e-mails, charts
storage             SQL only: functions of a cursor that return model values
domain              business rules and permissions; one transaction per command
federation          ActivityPub: signatures, documents of other servers and ours, and what is believed of them
live                delivery of committed events to connected clients
jobs                background jobs in a database table: claimed, leased, retried
web                 HTTP: routes parse requests, call a service and build responses
adapters            everything outside our tables: embedded PostgreSQL, Redis, SMTP, files, HTTP clients
config              all settings; read by application, service and cli, which pass values on as plain arguments
workers, lifecycle  job workers of a process; components beside the server; ``metrics`` collects their figures
twisted_private     private names of Twisted that web and service use, in one place
coroutines          locks and semaphores for coroutines, and several at the same time; of any layer
application         composition root: builds the object graph; only it imports ``adapters``
service, cli        ``twistd microblog`` and the administrator's command ``microblog``
==================  ======================================================================================================

Exceptions: render and adapters import model only; web imports neither storage nor jobs nor adapters; live imports neither
domain nor adapters; domain and jobs do not import adapters; domain does not import render; jobs does not import live.
``tests/test_architecture.py`` checks these rules.

A request reaches ``web``, which calls ``domain``, which writes rows, events and jobs in one transaction of ``storage``.
After the commit a *wake-up* (a hint that may get lost) makes ``live`` read the new events and deliver them to connected
clients, and makes ``jobs`` claim the new jobs.

Terms: the *viewer* is the account that makes a request (``None``: anonymous); a *post* is published, a *draft* is input for
one; a *page* is a part of a long list; an *event* is a row that records what happened; a *topic* is what a subscription
listens to; a *job* is a row that says what is to be done.
"""

__version__ = "0.3.0.dev0"
