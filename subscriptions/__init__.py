"""What can be watched: one generator per stream, and the hub they all read from."""
