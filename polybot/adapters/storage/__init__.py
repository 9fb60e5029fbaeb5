"""The database: one SQLite file that the tracker writes and everybody else reads."""
