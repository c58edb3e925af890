"""Makes ``twistd microblog`` known to Twisted. Imported on every ``twistd --help``, so it imports nothing else."""

from twisted.application.service import ServiceMaker

microblog = ServiceMaker(
    "microblog",
    "microblog.service",
    "A small social network: site, API, live timelines.",
    "microblog",
)
