"""Recorded markets on disk: the row schema, the reader and the writer."""
