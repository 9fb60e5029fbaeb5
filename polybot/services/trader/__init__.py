"""The trader: market data in, decisions, risk, orders out."""
