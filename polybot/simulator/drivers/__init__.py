"""What moves a simulated market: recordings, the synthetic market, or a mirror of another one."""
