"""Trades, and how they become ticks."""
