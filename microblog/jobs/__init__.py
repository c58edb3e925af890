"""Background jobs: a queue in the database, its workers, timers, and the tasks of all job kinds."""
