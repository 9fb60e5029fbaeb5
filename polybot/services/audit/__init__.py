"""The audit: one comparison of our books with the exchange, patient with what is on its way."""
