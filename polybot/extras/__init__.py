"""Programs for virtual environments of their own: nothing here imports the rest of polybot."""
