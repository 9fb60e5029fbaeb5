"""Chaos on a floor of its own: what is planned, what its processes are told, how it is judged."""
