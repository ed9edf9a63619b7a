"""Subscribe: prices, the state of the system, backtests and alerts for clients with a token."""
