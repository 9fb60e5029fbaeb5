"""`polybot chaos`: faults on a floor of its own, and a report on what became of it."""
