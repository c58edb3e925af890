"""A small social network in one process.

The rooms, from the ground up; each may import those before it, never those after it:

==============  ====================================================================================================
model           frozen values of the field and pure rules on them; no I/O, no clock
render          values to bytes, pure: API JSON, HTML pages and fragments, mails, charts
storage         SQL and nothing else: ``f(cursor, ...)`` gives model values
domain          who may do what, and what follows; one transaction per command
live            committed events to connected readers: topics, hub, subscribers, feed
jobs            work that was written down as a row: claimed, leased, retried
web             HTTP: a route says what it needs, calls a service and answers
outside         what is not our tables: embedded PostgreSQL, Redis, SMTP, files, HTTP fetches
config          every setting; read by application, service and cli, which hand values down as plain arguments
crew, parts     the workers of a process; what else runs beside the server; ``gauges`` are its figures
twisted_private names that Twisted keeps to itself, in one place; used by web and service
application     the composition root: builds the object graph; alone imports ``outside``
service, cli    ``twistd microblog`` and the administrator's ``microblog``
==============  ====================================================================================================

Forbidden although lower: render and outside import model only; web imports neither storage nor jobs nor outside; live
imports neither domain nor outside; domain and jobs do not import outside; domain does not import render; jobs does not import
live. ``tests/test_architecture.py`` holds these arrows.

Data goes down, news comes up. A request reaches ``web``, which calls ``domain``, which writes rows, events and jobs in
one transaction of ``storage``. After the commit a *wake* (a hint, never a record) makes ``live`` read the new event rows
and give them to whoever is connected, and ``jobs`` claim the new job rows.

Words: a *viewer* is who looks (``None`` is nobody in particular); a *post* is what is written, a *draft* what will be; a
*page* is a part of a long list and the way to its neighbours; an *event* is a row that says what happened; a *topic* is what a
subscriber listens to; a *job* is a row that says what is to be done; a *wake* is a hint to look.
"""

__version__ = "0.2.0"
