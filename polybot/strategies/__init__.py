"""Strategies: one file each, pure functions from a view of the market to a decision."""
