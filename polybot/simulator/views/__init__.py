"""The exchange's state as clients are shown it, in its own words and numbers."""
