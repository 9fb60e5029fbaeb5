"""The soak: hours of market time with every fault of the exchange, and kills, judged at the end."""
