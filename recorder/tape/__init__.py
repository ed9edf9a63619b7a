"""A market's tapes, segment after segment: recorded side by side, found, and read as one history."""
