"""Bars and prices: from the feed's cache, from history, and one answer made of both."""
