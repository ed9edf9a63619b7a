"""Bars: open, high, low, close and volume of a market's periods, made from its ticks, stored, read and sent."""
