"""A market with an order book: makers, fundamentalists, momentum traders and noise trade with each other by name."""
