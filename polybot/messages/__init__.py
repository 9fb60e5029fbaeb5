"""What the processes say to each other: typed, immutable, versioned."""
