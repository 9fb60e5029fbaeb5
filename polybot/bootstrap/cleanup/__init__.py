"""Removes from a floor's state what is safe to remove, while the floor runs."""
