"""The books of the simulated exchange: its records, what they add up to, and the rows."""
