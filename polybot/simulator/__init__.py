"""A simulated Polymarket on loopback, with honest fills and its own books."""
