"""The exchange's official clients, unmodified, against the simulator and beside our signer."""
