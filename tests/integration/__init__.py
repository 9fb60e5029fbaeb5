"""Tests that run the real processes, sockets, files and servers together."""
