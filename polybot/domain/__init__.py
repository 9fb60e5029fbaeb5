"""Pure values and rules of trading up/down windows: no clock, no randomness, no I/O."""
