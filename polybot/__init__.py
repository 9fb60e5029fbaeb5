"""polybot: an automated trading system for Polymarket's short crypto up/down markets."""

__version__ = "0.1.0"
CODENAME = "First Light"
RELEASE_DATE = "2026-11-21"
CHANGES = "one command runs the whole trading floor on synthetic or recorded markets"
