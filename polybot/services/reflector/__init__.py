"""The reflector: looks back at settled trades on its triggers, and records what it saw."""
