"""The `polybot` command: what a person types to start, watch, explain and stop a floor."""
