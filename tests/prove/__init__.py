"""`make prove`: kills real processes at every step of an order's life and judges what is left."""
