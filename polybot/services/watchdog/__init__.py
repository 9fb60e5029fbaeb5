"""The watchdog: judges every process, measures the host, and stops entries when it must."""
