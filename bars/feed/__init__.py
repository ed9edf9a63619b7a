"""The socket `/market_data`."""
