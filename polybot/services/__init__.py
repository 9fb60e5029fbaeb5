"""The processes' own work, one package each, seeing only ports and the domain."""
