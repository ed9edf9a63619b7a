"""A market's tapes: recorded side by side as segments, found, and read as one history."""
