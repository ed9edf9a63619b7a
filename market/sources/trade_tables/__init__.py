"""Tables of trades in files: how each format is read, and which column means what."""
