"""The brokerless bus: every process publishes and answers on its own two unix sockets."""
