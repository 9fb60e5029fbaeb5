"""What every process shares: the daemon loop, journal, checkpoints, bus node and logs."""
