"""Verification: segments against their rows, and metrics and frames against the ticks they were made from."""
