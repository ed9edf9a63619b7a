"""One market as a web process receives it: the ring, how it is filled, and whether the market is healthy."""
