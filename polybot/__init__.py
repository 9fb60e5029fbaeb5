"""polybot: an automated trading system for Polymarket's short crypto up/down markets."""

__version__ = "0.2.0"
CODENAME = "Dress Rehearsal"
RELEASE_DATE = "2026-11-21"
CHANGES = "a faithful simulated exchange, paper trading on live prices, and the way to real orders"
