"""Flat, typed tables of what was recorded: their columns, and Arrow batches made of recorded lines."""
