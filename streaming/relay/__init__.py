"""One market as a web process hears it: the ring, how it is filled, and whether the market is healthy."""
