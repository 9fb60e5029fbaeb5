"""The simulated exchange itself: orders, matching, timers, settlement, phases and flows."""
