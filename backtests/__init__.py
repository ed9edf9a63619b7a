"""Backtests: recorded bars played through a strategy, and the result."""
