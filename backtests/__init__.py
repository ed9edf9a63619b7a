"""Backtests: recorded bars played through a strategy, and what would have come of it."""
