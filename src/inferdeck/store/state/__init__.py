"""The state of the daemon that is not samples, in one SQLite file: events, annotations, revisions of files."""
