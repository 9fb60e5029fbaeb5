"""Backups: a floor's whole state as one file, taken while it runs, and the way back."""
