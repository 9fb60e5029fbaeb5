"""The configuration: its schema, where it is found, and how it is loaded and checked."""
