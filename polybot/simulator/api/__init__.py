"""The HTTP side of the simulated exchange: routes, keys, limits, and what stands around them."""
