"""Verification: segments against their rows, and metrics and frames against the ticks they came of."""
